"""The rate of the objective of proximal gradient steps that are short enough."""

from __future__ import annotations

from ....solvers.gradient.landweber import Landweber
from ....solvers.gradient.proximal_gradient import ProximalGradient
from ...hypotheses import HAS_MINIMISER
from ...rule import Conclusion, Rule, Setting, solved_by
from .._numbers import at_most, padded
from ._forward_backward import (
    ADJOINTS,
    F_CONVEX,
    F_SMOOTH,
    G_CONVEX,
    G_PROXIMABLE,
    about_forward_backward,
    parts,
    step_below,
)


def proximal_gradient_bound(step_size: float, distance: float, k: int) -> float:
    """F(x_k) - F* for distance = |x_0 - x*|; Beck, Teboulle (2009), Theorem 3.1 with L = 1 / step_size."""
    return distance**2 / (2 * step_size * k)


def _about(setting: Setting) -> bool:
    return solved_by(ProximalGradient, Landweber)(setting) and about_forward_backward(setting)


def _conclusion(setting: Setting) -> Conclusion:
    tau = parts(setting).tau
    assert tau is not None
    return Conclusion(
        statement="proximal gradient: the objective converges to its minimum, "
        f"F(x_k) - F* <= {at_most(padded(1 / (2 * tau)))} |x_0 - x*|^2 / k",
        params={"to": "the minimal objective value"},
        value=tau,
        lower=True,
        how="step size tau",
    )


PROXIMAL_GRADIENT_RATE = Rule(
    name="proximal-gradient-rate",
    statement="proximal gradient: the objective converges to its minimum like 1/k",
    formula="F(x_k) - F* <= |x_0 - x*|^2 / (2 tau k), for a constant step size tau <= 1/L",
    source="Beck, Teboulle (2009), Theorem 3.1",
    about=_about,
    premises=(
        F_CONVEX,
        G_CONVEX,
        F_SMOOTH,
        G_PROXIMABLE,
        step_below(1.0, strict=False),
        ADJOINTS,
        HAS_MINIMISER,
    ),
    concludes="convergent",
    conclude=_conclusion,
    further=True,
)
