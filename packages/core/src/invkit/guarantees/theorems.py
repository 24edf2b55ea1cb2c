"""The theorems of the core, one constant each. They speak of exact arithmetic; step sizes use rigorous upper bounds."""

from __future__ import annotations

from .adaptive_pdhg_theorem import ADAPTIVE_PDHG_CONVERGENCE
from .conjugate_gradient_theorem import CONJUGATE_GRADIENT_RATE
from .fixed_point_theorem import KRASNOSELSKII_MANN
from .gradient_theorems import FISTA_RATE, GRADIENT_DESCENT, PROXIMAL_GRADIENT
from .pdhg_theorem import PDHG_CONVERGENCE
from .rule import Rule

__all__ = [
    "ADAPTIVE_PDHG_CONVERGENCE",
    "CONJUGATE_GRADIENT_RATE",
    "FISTA_RATE",
    "GRADIENT_DESCENT",
    "KRASNOSELSKII_MANN",
    "PDHG_CONVERGENCE",
    "PROXIMAL_GRADIENT",
    "RULES",
]

#: All of them, for a tree that is not to depend on what is installed.
RULES: tuple[Rule, ...] = (
    GRADIENT_DESCENT,
    PROXIMAL_GRADIENT,
    FISTA_RATE,
    PDHG_CONVERGENCE,
    CONJUGATE_GRADIENT_RATE,
    KRASNOSELSKII_MANN,
    ADAPTIVE_PDHG_CONVERGENCE,
)
