"""The convergence of the proximal gradient method (forward-backward splitting)."""

from __future__ import annotations

from ....solvers.gradient.proximal_gradient import ProximalGradient
from ...hypotheses import CONVEX_F, CONVEX_G, EXACT_ADJOINTS, HAS_MINIMISER, PROXIMABLE_G, SMOOTH_F
from ...rule import Conclusion, Rule, Setting, solved_by
from ._step_size import step_size, step_size_below


def _conclusion(setting: Setting) -> Conclusion:
    return Conclusion(
        statement="proximal gradient: the iterates converge to a minimiser",
        params={"to": "a minimiser"},
        value=step_size(setting),
        lower=True,
        how="step size",
    )


PROXIMAL_GRADIENT = Rule(
    name="proximal-gradient",
    statement="proximal gradient: the iterates converge to a minimiser",
    formula="x_k -> x* in argmin f + g, for a constant step size in (0, 2/L)",
    source="Combettes, Wajs (2005), Theorem 3.4 (in finite dimension weak convergence is convergence)",
    about=solved_by(ProximalGradient),
    premises=(
        CONVEX_F,
        CONVEX_G,
        SMOOTH_F,
        PROXIMABLE_G,
        step_size_below(2.0, strict=True),
        EXACT_ADJOINTS,
        HAS_MINIMISER,
    ),
    concludes="convergent",
    conclude=_conclusion,
)
