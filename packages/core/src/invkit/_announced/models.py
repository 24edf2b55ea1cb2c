"""The models of the core."""

from __future__ import annotations

from ..spec import Spec
from ._common import COMPLEX, DEVICES, REAL, example


def _model(name: str, summary: str, place: str) -> Spec:
    return Spec(
        name=name,
        summary=summary,
        target=f"invkit.models.{place}",
        example=example("models", name),
        devices=DEVICES,
        dtypes=REAL + COMPLEX,
        dims=(2, 3),
    )


SPECS: list[Spec] = [
    _model("adjoint", "The adjoint of the operator: zero filling, plain backprojection.", "adjoint:Adjoint"),
    _model("pseudo-inverse", "Least squares of minimal norm, by conjugate gradients.", "pseudo_inverse:PseudoInverse"),
    _model("variational", "Minimise data fidelity plus regulariser.", "variational:Variational"),
]
