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
    _rule("primal_dual.pdhg_gap", "pdhg-gap-rate", "PDHG's averages close the gap like 1/k."),
    _rule("primal_dual.accelerated_pdhg", "pdhg-accelerated-rate", "PDHG for a strongly convex g converges like 1/k."),
    _rule("primal_dual.linear_rate_pdhg", "pdhg-linear-rate", "PDHG with both sides strongly convex is linear."),
    _rule(
        "primal_dual.preconditioned_pdhg",
        "preconditioned-pdhg-convergence",
        "PDHG with diagonal preconditioners converges.",
    ),
    _rule(
        "primal_dual.stochastic_pdhg",
        "stochastic-pdhg-convergence",
        "PDHG over one random block a step converges almost surely.",
    ),
    _rule("primal_dual.condat_vu", "condat-vu-convergence", "Condat-Vu converges if the steps leave more than L/2."),
    # splitting
    _rule("splitting.admm", "admm-convergence", "ADMM with exact x-steps converges."),
    _rule("splitting.douglas_rachford", "douglas-rachford-convergence", "Douglas-Rachford splitting converges."),
    # linear systems
    _rule("linear.conjugate_gradient", "conjugate-gradient-rate", "Conjugate gradients converge linearly."),
    # iterated maps
    _rule(
        "fixed_point.krasnoselskii_mann",
        "krasnoselskii-mann",
        "Iterating an averaged map converges to a fixed point.",
    ),
    # layers of nonexpansive networks
    _rule(
        "fixed_point.circle_contractivity",
        "circle-contractivity",
        "A step along x' = -A* sigma(A x + b) is nonexpansive if h L |A|^2 <= 2 r.",
    ),
    _rule(
        "fixed_point.gradient_flow_layer",
        "gradient-flow-layer-averaged",
        "The layer x - h A* sigma(A x + b) is averaged if h L |A|^2 < 2.",
    ),
]
