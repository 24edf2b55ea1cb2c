"""The convergence of Landweber's iteration for linear operators, and what a fixed number of steps does to noise."""

from __future__ import annotations

import math
from collections.abc import Callable

from ....claims import ASSUMED, BY_CONSTRUCTION
from ....functionals.base import as_float
from ....functionals.norms import SquaredL2
from ....functionals.zero import Zero
from ....models.iteratively_regularised import IterativelyRegularised
from ....operators.base import LinearOperator
from ....solvers.gradient.gradient_descent import GradientDescent
from ....solvers.gradient.landweber import Landweber, MisfitProblem
from ... import existence, premises
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting, solved_by
from .._numbers import SLACK, at_most, padded
from ._forward_backward import G_CONVEX, G_PROXIMABLE, parts, step_below


def landweber_noise_bound(step_size: float, lipschitz: float, num_steps: int) -> float:
    """At least |R_k| of k steps R_k from zero: 1 - (1 - t)^k <= min(k t, 1) for t = tau s^2 <= 1, and <= 2 beyond."""
    within = 1.0 if step_size * lipschitz <= 1 + SLACK else 2.0
    return math.sqrt(within * step_size * num_steps)


def _is_linear(setting: Setting) -> bool:
    problem = setting.problem
    return isinstance(problem, MisfitProblem) and isinstance(problem.operator, LinearOperator)


def _linear(setting: Setting) -> tuple[Premise, ...]:
    problem = setting.problem
    assert isinstance(problem, MisfitProblem)
    if isinstance(problem.operator, LinearOperator):
        return premises.exact_adjoints(SquaredL2() @ problem.operator)
    failing = Premise(
        statement="F is linear and its adjoint is exact",
        holds=False,
        basis=ASSUMED,
        how=f"{type(problem.operator).__name__} is no LinearOperator",
        remedy="use a linear operator; for others convergence is local and needs the tangential cone condition",
    )
    return (failing,)


def _positive(setting: Setting) -> Premise:
    assert isinstance(setting.problem, MisfitProblem)
    weight = as_float(setting.problem.weight)
    return Premise(
        statement="the weight c of the misfit is positive",
        holds=weight > 0,
        basis=BY_CONSTRUCTION,
        value=weight,
        bound=0.0,
        how="from the objective",
        remedy="give the misfit a positive weight",
    )


def _only_for_linear(hypothesis: Hypothesis) -> Hypothesis:
    """The premise where F is linear; where it is not, that premise has failed already."""
    return Hypothesis(
        statement=hypothesis.statement,
        concerns=hypothesis.concerns,
        evaluate=lambda s: hypothesis.evaluate(s) if _is_linear(s) else (),
    )


def _attained(setting: Setting) -> Premise:
    assert isinstance(setting.problem, MisfitProblem)
    if type(setting.problem.projection) is Zero:
        how = "least squares in finite dimension"
        return Premise(statement="a minimiser exists", holds=True, basis=BY_CONSTRUCTION, how=how)
    return existence.has_minimiser(setting.objective)


def _conclusion(setting: Setting) -> Conclusion:
    assert isinstance(setting.problem, MisfitProblem)
    free = type(setting.problem.projection) is Zero
    to = "the least-squares solution nearest to the start" if free else "a minimiser over the set"
    return Conclusion(
        statement=f"Landweber: the iterates converge to {to}",
        params={"to": to},
        value=parts(setting).tau,
        how="step size",
        source="" if free else "Combettes, Wajs (2005), Theorem 3.4",
    )


LANDWEBER = Rule(
    name="landweber",
    statement="Landweber: the iterates converge to a least-squares solution, without a set to the nearest one",
    formula="x_k -> argmin |A x - y|, nearest to x_0, for a constant step size tau in (0, 2 / (c |A|^2))",
    source="Engl, Hanke, Neubauer (1996), Regularization of Inverse Problems, Section 6.1",
    about=solved_by(Landweber),
    premises=(
        Hypothesis(statement="F is linear and its adjoint is exact", concerns=("linear", "adjoint"), evaluate=_linear),
        Hypothesis(statement="the weight c of the misfit is positive", concerns=("parameter",), evaluate=_positive),
        _only_for_linear(step_below(2.0, strict=True)),
        _only_for_linear(G_CONVEX),
        _only_for_linear(G_PROXIMABLE),
        Hypothesis(statement="a minimiser exists", concerns=("existence",), evaluate=_attained),
    ),
    concludes="convergent",
    conclude=_conclusion,
)


def of_early_stopping(*solvers: type) -> Callable[[Setting], bool]:
    """Settings of ``IterativelyRegularised`` by one of these solvers."""
    return lambda s: type(s.subject) is IterativelyRegularised and solved_by(*solvers)(s)


def _fixed_steps(setting: Setting) -> Premise:
    model = setting.subject
    assert isinstance(model, IterativelyRegularised)
    return Premise(
        statement="the number of steps is fixed, whatever the measurement",
        holds=model.noise_std is None,
        basis=BY_CONSTRUCTION,
        how=f"{model.max_steps} steps",
        remedy="leave noise_std out, so that every measurement takes max_steps steps",
    )


def _noise(setting: Setting) -> Conclusion:
    model, found = setting.subject, parts(setting)
    assert isinstance(model, IterativelyRegularised)
    assert found.tau is not None
    assert found.lipschitz is not None
    bound = padded(landweber_noise_bound(found.tau, found.lipschitz.upper, model.max_steps))
    return Conclusion(
        statement=f"{model.max_steps} steps of Landweber amplify noise at most {at_most(bound)} times: "
        f"|R(y1) - R(y2)| <= {at_most(bound)} |y1 - y2|",
        params={"constant": bound},
        value=bound,
        how="(tau k)^(1/2), twice tau where tau |A|^2 > 1",
    )


LANDWEBER_STEPS = Rule(
    name="landweber-steps",
    statement="k steps of Landweber from zero amplify noise at most like k^(1/2)",
    formula="|R_k(y1) - R_k(y2)| <= (tau k)^(1/2) |y1 - y2| for tau <= 1/|A|^2, (2 tau k)^(1/2) for tau < 2/|A|^2",
    source="Engl, Hanke, Neubauer (1996), Regularization of Inverse Problems, Section 6.1",
    about=of_early_stopping(Landweber, GradientDescent),
    premises=(
        Hypothesis(
            statement="the number of steps is fixed, whatever the measurement",
            concerns=("parameter",),
            evaluate=_fixed_steps,
        ),
        step_below(2.0, strict=True),
        Hypothesis(
            statement="every operator is linear and its adjoint is exact",
            concerns=("linear", "adjoint"),
            evaluate=lambda s: premises.exact_adjoints(parts(s).f),
        ),
    ),
    concludes="lipschitz",
    conclude=_noise,
    further=True,
)
