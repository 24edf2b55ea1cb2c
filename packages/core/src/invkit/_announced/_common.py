"""What the announcements have in common."""

from __future__ import annotations

from ..claims import BY_CONSTRUCTION, Claim

DEVICES = ("cpu", "cuda")
REAL = ("float32", "float64")
COMPLEX = ("complex64", "complex128")

LINEAR = (
    Claim(property="linear", basis=BY_CONSTRUCTION),
    Claim(property="adjoint", basis=BY_CONSTRUCTION),
)
DIFFERENTIABLE = Claim(property="differentiable", basis=BY_CONSTRUCTION)
CONVEX = (Claim(property="convex", basis=BY_CONSTRUCTION),)
CONVEX_PROX = (*CONVEX, Claim(property="prox", basis=BY_CONSTRUCTION))


def example(kind: str, name: str) -> str:
    """Where the tiny instance of an object stands."""
    return f"invkit.testing.examples.{kind}:{name.replace('-', '_')}"
