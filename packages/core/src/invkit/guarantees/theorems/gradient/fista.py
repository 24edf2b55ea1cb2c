"""The rate of FISTA."""

from __future__ import annotations

from ....solvers.gradient.fista import FISTA
from ...hypotheses import CONVEX_F, CONVEX_G, EXACT_ADJOINTS, HAS_MINIMISER, PROXIMABLE_G, SMOOTH_F
from ...rule import Conclusion, Rule, Setting, solved_by
from .._numbers import at_most, padded
from ._step_size import step_size, step_size_below


def fista_bound(step_size: float, distance: float, k: int) -> float:
    """F(x_k) - F* for distance = |x_0 - x*|; Beck, Teboulle (2009), Theorem 4.4 with L = 1 / step_size."""
    return 2 * distance**2 / (step_size * (k + 1) ** 2)


def _conclusion(setting: Setting) -> Conclusion:
    tau = step_size(setting)
    assert tau is not None
    return Conclusion(
        statement=f"FISTA: the objective converges to its minimum, F(x_k) - F* <= {at_most(padded(2 / tau))} |x_0 - "
        "x*|^2 / (k + 1)^2",
        params={"to": "the minimal objective value"},
        value=tau,
        lower=True,
        how="step size tau",
    )


FISTA_RATE = Rule(
    name="fista-rate",
    statement="FISTA: the objective converges to its minimum like 1/k^2",
    formula="F(x_k) - F* <= 2 |x_0 - x*|^2 / (tau (k + 1)^2), for a constant step size tau <= 1/L",
    source="Beck, Teboulle (2009), Theorem 4.4",
    about=solved_by(FISTA),
    premises=(
        CONVEX_F,
        CONVEX_G,
        SMOOTH_F,
        PROXIMABLE_G,
        step_size_below(1.0, strict=False),
        EXACT_ADJOINTS,
        HAS_MINIMISER,
    ),
    concludes="convergent",
    conclude=_conclusion,
)
