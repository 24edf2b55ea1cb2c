"""The theorems of gradient descent, proximal gradient and FISTA, with their bounds as functions."""

from __future__ import annotations

import math

from ..functionals.base import Differentiable
from ..solvers.gradient.fista import FISTA
from ..solvers.gradient.gradient_descent import GradientDescent
from ..solvers.gradient.proximal_gradient import ProximalGradient
from ..solvers.problems import CompositeProblem, SmoothProblem
from .premises import convex, exact_adjoints, has_minimiser, proximable, smooth, step_below
from .rule import Conclusion, Premise, Rule, Setting


def gradient_descent_bound(step_size: float, lipschitz: float, gap: float, distance: float, k: int) -> float:
    """f(x_k) - f* for gap = f(x_0) - f* and distance = |x_0 - x*|; Nesterov (2018), Theorem 2.1.14."""
    squared = distance**2
    return 2 * gap * squared / (2 * squared + k * step_size * (2 - lipschitz * step_size) * gap)


def fista_bound(step_size: float, distance: float, k: int) -> float:
    """F(x_k) - F* for distance = |x_0 - x*|; Beck, Teboulle (2009), Theorem 4.4 with L = 1 / step_size."""
    return 2 * distance**2 / (step_size * (k + 1) ** 2)


def _step_size(setting: Setting, function: Differentiable) -> float | None:
    """The step size that would be used, even one that the solver would refuse; None if there is none."""
    given = getattr(setting.solver, "step_size", None)
    if given is not None:
        return float(given)
    lipschitz = function.smoothness()
    return None if lipschitz is None else setting.solver.step_size_for(setting.problem)  # type: ignore[attr-defined]


def _gradient_descent_premises(setting: Setting) -> tuple[Premise, ...]:
    problem = setting.problem
    assert isinstance(problem, SmoothProblem)
    f = problem.smooth
    return (
        convex(f, "f"),
        smooth(f, "f"),
        step_below(_step_size(setting, f), f, 2.0, strict=True),
        *exact_adjoints(setting.objective),
        has_minimiser(setting.objective),
    )


def _gradient_descent_conclusion(setting: Setting) -> Conclusion:
    problem = setting.problem
    assert isinstance(problem, SmoothProblem)
    step_size, lipschitz = _step_size(setting, problem.smooth), problem.smooth.smoothness()
    assert step_size is not None
    assert lipschitz is not None
    at_one = math.isclose(step_size * lipschitz.upper, 1.0, rel_tol=1e-12)
    rate = 2 * lipschitz.upper
    return Conclusion(
        statement="gradient descent: the objective converges to its minimum"
        + (f", f(x_k) - f* <= {rate:.6g} |x_0 - x*|^2 / (k + 4)" if at_one else ""),
        property="convergent",
        params={"to": "the minimal objective value"},
        value=step_size,
        how="step size",
        formula="f(x_k) - f* <= 2 L |x_0 - x*|^2 / (k + 4)" if at_one else "",
        source="Nesterov (2018), Lectures on Convex Optimization, Corollary 2.1.2" if at_one else "",
    )


GRADIENT_DESCENT = Rule(
    name="gradient-descent",
    statement="gradient descent: the objective converges to its minimum",
    formula="f(x_k) - f* <= 2 (f(x_0) - f*) |x_0 - x*|^2 / (2 |x_0 - x*|^2 + k h (2 - L h) (f(x_0) - f*)), h the step",
    source="Nesterov (2018), Lectures on Convex Optimization, Theorem 2.1.14",
    solver=GradientDescent,
    premises=_gradient_descent_premises,
    conclude=_gradient_descent_conclusion,
)


def _composite_premises(setting: Setting, limit: float, *, strict: bool) -> tuple[Premise, ...]:
    problem = setting.problem
    assert isinstance(problem, CompositeProblem)
    f, g = problem.smooth, problem.proximable
    return (
        convex(f, "f"),
        convex(g, "g"),
        smooth(f, "f"),
        proximable(g, "g"),
        step_below(_step_size(setting, f), f, limit, strict=strict),
        *exact_adjoints(setting.objective),
        has_minimiser(setting.objective),
    )


def _proximal_gradient_premises(setting: Setting) -> tuple[Premise, ...]:
    return _composite_premises(setting, 2.0, strict=True)


def _proximal_gradient_conclusion(setting: Setting) -> Conclusion:
    problem = setting.problem
    assert isinstance(problem, CompositeProblem)
    return Conclusion(
        statement="proximal gradient: the iterates converge to a minimiser",
        property="convergent",
        params={"to": "a minimiser"},
        value=_step_size(setting, problem.smooth),
        how="step size",
    )


PROXIMAL_GRADIENT = Rule(
    name="proximal-gradient",
    statement="proximal gradient: the iterates converge to a minimiser",
    formula="x_k -> x* in argmin f + g, for a constant step size in (0, 2/L)",
    source="Combettes, Wajs (2005), Theorem 3.4 (in finite dimension weak convergence is convergence)",
    solver=ProximalGradient,
    premises=_proximal_gradient_premises,
    conclude=_proximal_gradient_conclusion,
)


def _fista_premises(setting: Setting) -> tuple[Premise, ...]:
    return _composite_premises(setting, 1.0, strict=False)


def _fista_conclusion(setting: Setting) -> Conclusion:
    problem = setting.problem
    assert isinstance(problem, CompositeProblem)
    step_size = _step_size(setting, problem.smooth)
    assert step_size is not None
    return Conclusion(
        statement=f"FISTA: the objective converges to its minimum, F(x_k) - F* <= {2 / step_size:.6g} |x_0 - x*|^2 / "
        "(k + 1)^2",
        property="convergent",
        params={"to": "the minimal objective value"},
        value=step_size,
        how="step size tau",
    )


FISTA_RATE = Rule(
    name="fista-rate",
    statement="FISTA: the objective converges to its minimum like 1/k^2",
    formula="F(x_k) - F* <= 2 |x_0 - x*|^2 / (tau (k + 1)^2), for a constant step size tau <= 1/L",
    source="Beck, Teboulle (2009), Theorem 4.4",
    solver=FISTA,
    premises=_fista_premises,
    conclude=_fista_conclusion,
)
