"""The rate of gradient descent."""

from __future__ import annotations

import math

from ....solvers.gradient.gradient_descent import GradientDescent
from ...hypotheses import CONVEX_F, EXACT_ADJOINTS, HAS_MINIMISER, SMOOTH_F, smooth_part
from ...rule import Conclusion, Rule, Setting, solved_by
from .._numbers import at_most, padded
from ._step_size import step_size, step_size_below


def gradient_descent_bound(step_size: float, lipschitz: float, gap: float, distance: float, k: int) -> float:
    """f(x_k) - f* for gap = f(x_0) - f* and distance = |x_0 - x*|; Nesterov (2018), Theorem 2.1.14."""
    squared = distance**2
    return 2 * gap * squared / (2 * squared + k * step_size * (2 - lipschitz * step_size) * gap)


def _conclusion(setting: Setting) -> Conclusion:
    tau, lipschitz = step_size(setting), smooth_part(setting).smoothness()
    assert tau is not None
    assert lipschitz is not None
    at_one = math.isclose(tau * lipschitz.upper, 1.0, rel_tol=1e-12)
    rate = 2 * lipschitz.upper
    return Conclusion(
        statement="gradient descent: the objective converges to its minimum"
        + (f", f(x_k) - f* <= {at_most(padded(rate))} |x_0 - x*|^2 / (k + 4)" if at_one else ""),
        params={"to": "the minimal objective value"},
        value=tau,
        lower=True,
        how="step size",
        formula="f(x_k) - f* <= 2 L |x_0 - x*|^2 / (k + 4)" if at_one else "",
        source="Nesterov (2018), Lectures on Convex Optimization, Corollary 2.1.2" if at_one else "",
    )


GRADIENT_DESCENT = Rule(
    name="gradient-descent",
    statement="gradient descent: the objective converges to its minimum",
    formula="f(x_k) - f* <= 2 (f(x_0) - f*) |x_0 - x*|^2 / (2 |x_0 - x*|^2 + k h (2 - L h) (f(x_0) - f*)), h the step",
    source="Nesterov (2018), Lectures on Convex Optimization, Theorem 2.1.14",
    about=solved_by(GradientDescent),
    premises=(CONVEX_F, SMOOTH_F, step_size_below(2.0, strict=True), EXACT_ADJOINTS, HAS_MINIMISER),
    concludes="convergent",
    conclude=_conclusion,
)
