"""The linear rate of SVRG in expectation, for the variant that goes on from the last point of an epoch.

With L = sum_i L_i, p_i = L_i / L and the snapshot s, the direction v at x has the mean gradient f(x) and

    E |v - gradient f(x*)|^2 <= 2 L Re <gradient f(x) - gradient f(x*), x - x*> + 2 L^2 |s - x*|^2

by |a - (b - E b)|^2 <= 2 |a|^2 + 2 |b - E b|^2 and the cocoercivity of every gradient f_i. The proximal map is
nonexpansive, so each inner step gives, with h the step size,

    E |x+ - x*|^2 <= (1 - 2 h mu (1 - h L)) |x - x*|^2 + 2 h^2 L^2 |s - x*|^2,

which over m inner steps from x = s is the factor below. The theorem of Xiao and Zhang (2014) allows far longer steps,
but for the average of the inner points.
"""

from __future__ import annotations

from collections.abc import Iterator

from ....claims import ASSUMED, CERTIFIED
from ....solvers.subsets.finite_sum import FiniteSumProblem
from ....solvers.subsets.svrg import SVRG
from ... import premises
from ...hypotheses import EXACT_ADJOINTS
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting, solved_by
from .._numbers import SLACK, at_least, at_most, factor
from ..gradient.linear_rate import modulus_of


def svrg_factor(step_size: float, modulus: float, lipschitz: float, inner_steps: int) -> float:
    """q with E |x_k - x*|^2 <= q^k |x_0 - x*|^2."""
    slow = 2 * step_size * modulus * (1 - step_size * lipschitz)
    kept = (1 - slow) ** inner_steps
    return kept + (1 - kept) * 2 * (step_size * lipschitz) ** 2 / slow


def longest_step(modulus: float, lipschitz: float) -> float:
    """For shorter steps the factor is below 1, however many inner steps there are."""
    return modulus / lipschitz / (lipschitz + modulus)


def _problem(setting: Setting) -> FiniteSumProblem:
    assert isinstance(setting.problem, FiniteSumProblem)
    return setting.problem


def _solver(setting: Setting) -> SVRG:
    assert isinstance(setting.solver, SVRG)
    return setting.solver


def _convex(setting: Setting) -> Iterator[Premise]:
    for i, term in enumerate(_problem(setting).terms, 1):
        yield premises.convex(term, f"f_{i}")
    yield premises.convex(_problem(setting).proximable, "g")


def _modulus(setting: Setting) -> float:
    """That of f = sum_i f_i."""
    return sum(modulus_of(term) for term in _problem(setting).terms)


def _strongly_convex(setting: Setting) -> Premise:
    found = [premises.strongly_convex(term, "f") for term in _problem(setting).terms]
    known = [premise for premise in found if premise.holds]
    premise = Premise(
        statement="f = f_1 + ... + f_m is strongly convex",
        holds=bool(known),
        basis=min((premise.basis for premise in known), default=ASSUMED),
        value=_modulus(setting),
        how="sum of the moduli" if known else "no positive modulus is known",
        remedy="add a square with a positive weight, such as 1e-3 * SquaredL2()",
    )
    return premises.resting_on(premise, *_problem(setting).terms)


def _step(setting: Setting) -> Premise:
    problem, solver = _problem(setting), _solver(setting)
    lipschitz, modulus = sum(problem.smoothness), _modulus(setting)
    statement = "the step size lies in (0, mu / (L (L + mu))), L = sum_i L_i"
    used = solver.step_size if solver.step_size is not None else solver.step_size_for(problem)
    bound = float("inf")
    if lipschitz > 0:
        bound = min(longest_step(modulus, lipschitz) * (1 - SLACK), 0.25 / lipschitz)  # the solver allows 1/(4L)
    premise = Premise(
        statement=statement,
        holds=0 < used < bound,
        basis=min((i.basis for i in (t.smoothness() for t in problem.terms) if i is not None), default=CERTIFIED),
        value=used,
        bound=bound,
        how=f"L <= {at_most(lipschitz)}, mu >= {at_least(modulus)}; the default step suits the average of the inner "
        "points, not the last one",
        remedy="give a shorter step_size" if modulus > 0 else "make f strongly convex first",
    )
    return premises.resting_on(premise, *problem.terms)


def _independent(setting: Setting) -> Premise:
    return Premise(
        statement="the draws of the terms are independent",
        holds=True,
        basis=ASSUMED,
        how="those of a generator of pseudo-random numbers",
        remedy="an expectation says nothing certain of one seed: choose core/fista where that is required",
    )


def _conclusion(setting: Setting) -> Conclusion:
    problem, solver = _problem(setting), _solver(setting)
    steps = 2 * len(problem.terms) if solver.inner_steps is None else int(solver.inner_steps)
    step_size = solver.step_size_for(problem)
    lipschitz = sum(problem.smoothness)
    q = factor(svrg_factor(step_size, _modulus(setting), lipschitz * (1 + SLACK), steps))
    rate = f"E |x_k - x*|^2 <= {at_most(q)}^k |x_0 - x*|^2" if q < 1 else "with a factor that rounding hides"
    return Conclusion(
        statement=f"SVRG: the iterates converge to the minimiser in mean square, {rate}",
        params={"to": "the minimiser, in mean square over the draws"},
        value=q,
        how=f"an epoch of {steps} inner steps",
    )


SVRG_RATE = Rule(
    name="svrg-rate",
    statement="SVRG: the iterates converge linearly to the minimiser in mean square",
    formula="E |x_k - x*|^2 <= (a + (1 - a) h L^2 / (mu (1 - h L)))^k |x_0 - x*|^2, a = (1 - 2 h mu (1 - h L))^m, h "
    "the step size, m the inner steps",
    source="Johnson, Zhang (2013), and Xiao, Zhang (2014) for the proximal map and the sampling; for the last point in "
    "the place of the average as the file of this rule derives it",
    about=solved_by(SVRG),
    premises=(
        Hypothesis(statement="every f_i and g are convex", concerns=("convex",), evaluate=_convex),
        Hypothesis(
            statement="f = f_1 + ... + f_m is strongly convex", concerns=("strongly_convex",), evaluate=_strongly_convex
        ),
        Hypothesis(
            statement="every gradient f_i is Lipschitz with a known constant L_i",
            concerns=("smooth",),
            evaluate=lambda s: (premises.smooth(t, f"f_{i}") for i, t in enumerate(_problem(s).terms, 1)),
        ),
        Hypothesis(
            statement="the proximal map of g is exact",
            concerns=("prox",),
            evaluate=lambda s: premises.proximable(_problem(s).proximable, "g"),
        ),
        Hypothesis(
            statement="the step size lies in (0, mu / (L (L + mu))), L = sum_i L_i",
            concerns=("step_size", "smooth", "strongly_convex"),
            evaluate=_step,
        ),
        Hypothesis(statement="the draws of the terms are independent", concerns=("data",), evaluate=_independent),
        EXACT_ADJOINTS,
    ),
    concludes="convergent",
    conclude=_conclusion,
)
