"""The step x <- prox_g(x - tau gradient f(x), tau) of several solvers: its parts, and the premises about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ....claims import ASSUMED
from ....functionals.algebra import compose, scale
from ....functionals.base import Differentiable, Proximable, as_float
from ....functionals.norms import SquaredL2
from ....functionals.zero import Zero
from ....operators.base import LinearOperator
from ....operators.norm import Interval
from ....solvers.gradient.gradient_descent import GradientDescent
from ....solvers.gradient.landweber import Landweber, MisfitProblem
from ....solvers.gradient.proximal_gradient import ProximalGradient
from ....solvers.problems import CompositeProblem, SmoothProblem
from ... import premises
from ...rule import Hypothesis, Premise, Setting, solved_by
from .._numbers import at_most


@dataclass(frozen=True)
class Parts:
    """f, g, the Lipschitz constant of the gradient of f as the solver reads it, and tau; None if unknown."""

    f: Differentiable
    g: Proximable
    lipschitz: Interval | None
    tau: float | None


def parts(setting: Setting) -> Parts:
    """Of gradient descent (g = 0), the proximal gradient method, and Landweber's iteration for a linear operator."""
    problem, solver = setting.problem, setting.solver
    given = getattr(solver, "step_size", None)
    if isinstance(problem, MisfitProblem):
        assert isinstance(problem.operator, LinearOperator)
        f = scale(problem.weight, compose(SquaredL2(problem.y), problem.operator))
        assert isinstance(f, Differentiable)
        size = problem.operator.norm()
        lipschitz: Interval | None = (size * size).scaled(as_float(problem.weight))
        g = problem.projection
    else:
        assert isinstance(problem, SmoothProblem | CompositeProblem)
        f, lipschitz = problem.smooth, problem.smooth.smoothness()
        g = problem.proximable if isinstance(problem, CompositeProblem) else Zero()
    if given is not None:
        return Parts(f, g, lipschitz, float(given))
    tau = None if lipschitz is None else solver.step_size_for(problem)  # type: ignore[union-attr]
    return Parts(f, g, lipschitz, tau)


def about_forward_backward(setting: Setting) -> bool:
    """Gradient descent, the proximal gradient method, and Landweber's iteration for a linear operator."""
    if not solved_by(GradientDescent, ProximalGradient, Landweber)(setting):
        return False
    problem = setting.problem
    return not isinstance(problem, MisfitProblem) or isinstance(problem.operator, LinearOperator)


def _without_zero(premise: Callable[[Proximable], Premise]) -> Callable[[Setting], tuple[Premise, ...]]:
    """The premise about g, which is not worth a line where g = 0."""

    def evaluate(setting: Setting) -> tuple[Premise, ...]:
        g = parts(setting).g
        return () if type(g) is Zero else (premise(g),)

    return evaluate


def step_below(limit: float, *, strict: bool) -> Hypothesis:
    """The premise that tau lies in (0, limit/L), or up to limit/L where ``strict`` is False."""
    statement = f"the step size lies in (0, {limit:g}/L{')' if strict else ']'}"

    def evaluate(setting: Setting) -> Premise:
        found = parts(setting)
        tau, lipschitz = found.tau, found.lipschitz
        remedy = "leave step_size out, or lower it"
        if tau is None or lipschitz is None:
            how = "L is not known"
            return Premise(statement=statement, holds=False, basis=ASSUMED, value=tau, how=how, remedy=remedy)
        bound = limit / lipschitz.upper if lipschitz.upper > 0 else float("inf")
        premise = Premise(
            statement=statement,
            holds=0 < tau < bound if strict else 0 < tau <= bound,
            basis=lipschitz.basis,
            value=tau,
            bound=bound,
            how=f"L <= {at_most(lipschitz.upper)}, {lipschitz.how}",
            remedy=remedy,
        )
        return premises.resting_on(premise, found.f, setting.objective)

    return Hypothesis(statement=statement, concerns=("step_size", "smooth"), evaluate=evaluate)


F_CONVEX = Hypothesis(
    statement="f is convex", concerns=("convex",), evaluate=lambda s: premises.convex(parts(s).f, "f")
)
F_SMOOTH = Hypothesis(
    statement="the gradient of f is Lipschitz with a known constant L",
    concerns=("smooth",),
    evaluate=lambda s: premises.smooth(parts(s).f, "f"),
)
G_CONVEX = Hypothesis(
    statement="g is convex", concerns=("convex",), evaluate=_without_zero(lambda g: premises.convex(g, "g"))
)
G_PROXIMABLE = Hypothesis(
    statement="the proximal map of g is exact",
    concerns=("prox",),
    evaluate=_without_zero(lambda g: premises.proximable(g, "g")),
)
ADJOINTS = Hypothesis(
    statement="every operator is linear and its adjoint is exact",
    concerns=("linear", "adjoint"),
    evaluate=lambda s: premises.exact_adjoints(parts(s).f),
)
