"""The theorems of the core, by room."""

from __future__ import annotations

from ..spec import Spec
from ._common import DEVICES


def _rule(file: str, name: str, summary: str) -> Spec:
    """A theorem of ``invkit.guarantees.theorems.<file>``; the constant is the name in capitals."""
    constant = name.replace("-", "_").upper()
    return Spec(name=name, summary=summary, target=f"invkit.guarantees.theorems.{file}:{constant}", devices=DEVICES)


SPECS: list[Spec] = [
    # descent along gradients
    _rule("gradient.gradient_descent", "gradient-descent", "Gradient descent converges for convex smooth functions."),
    _rule("gradient.proximal_gradient", "proximal-gradient", "Forward-backward splitting converges."),
    _rule("gradient.fista", "fista-rate", "FISTA's objective converges like 1/k^2."),
    # primal-dual
    _rule("primal_dual.pdhg", "pdhg-convergence", "PDHG converges to a saddle point if tau sigma |K|^2 <= 1."),
    _rule("primal_dual.adaptive_pdhg", "adaptive-pdhg-convergence", "PDHG whose steps settle converges."),
    # linear systems
    _rule("linear.conjugate_gradient", "conjugate-gradient-rate", "Conjugate gradients converge linearly."),
    # iterated maps
    _rule(
        "fixed_point.krasnoselskii_mann",
        "krasnoselskii-mann",
        "Iterating an averaged map converges to a fixed point.",
    ),
]
