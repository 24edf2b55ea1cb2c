"""The theorems of the core."""

from __future__ import annotations

from ..spec import Spec
from ._common import DEVICES


def _rule(name: str, summary: str, constant: str) -> Spec:
    return Spec(name=name, summary=summary, target=f"invkit.guarantees.theorems:{constant}", devices=DEVICES)


SPECS: list[Spec] = [
    _rule("gradient-descent", "Gradient descent converges for convex smooth functions.", "GRADIENT_DESCENT"),
    _rule("proximal-gradient", "Forward-backward splitting converges.", "PROXIMAL_GRADIENT"),
    _rule("fista-rate", "FISTA's objective converges like 1/k^2.", "FISTA_RATE"),
    _rule("pdhg-convergence", "PDHG converges to a saddle point if tau sigma |K|^2 <= 1.", "PDHG_CONVERGENCE"),
    _rule("adaptive-pdhg-convergence", "PDHG whose steps settle converges.", "ADAPTIVE_PDHG_CONVERGENCE"),
    _rule("conjugate-gradient-rate", "Conjugate gradients converge linearly.", "CONJUGATE_GRADIENT_RATE"),
    _rule("krasnoselskii-mann", "Iterating an averaged map converges to a fixed point.", "KRASNOSELSKII_MANN"),
]
