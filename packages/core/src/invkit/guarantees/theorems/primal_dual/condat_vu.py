"""The convergence theorem of the method of Condat and Vu."""

from __future__ import annotations

import math

from ....claims import BY_CONSTRUCTION
from ....errors import ConfigError
from ....functionals.base import as_float
from ....solvers.primal_dual.condat_vu import CondatVu, ThreePartProblem
from ... import premises
from ...hypotheses import BOUNDED_NORMS, CONVEX_PARTS, EXACT_ADJOINTS, HAS_SADDLE_POINT, PROXIMABLE_PARTS
from ...premises import resting_on
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting, solved_by
from ._numbers import are_steps


def _problem(setting: Setting) -> ThreePartProblem:
    assert isinstance(setting.problem, ThreePartProblem)
    return setting.problem


def _left(setting: Setting) -> tuple[float, str]:
    """1 / tau - sum_i sigma_i |K_i|^2, and why the solver refuses its steps ("" if it does not)."""
    solver, problem = setting.solver, _problem(setting)
    assert isinstance(solver, CondatVu)
    norms = [operator.norm().upper for _, operator in problem.blocks]
    refusal = ""
    try:
        tau, sigma = solver.step_sizes(problem)
    except ConfigError as error:
        refusal = str(error)
        given = solver.sigma if isinstance(solver.sigma, tuple | list) else (solver.sigma,) * len(norms)
        if len(given) != len(norms) or solver.tau is None:
            return math.nan, refusal
        tau, sigma = solver.tau, tuple(as_float(s) for s in given if s is not None)
    if not are_steps(tau, *sigma):
        return math.nan, refusal
    return 1 / as_float(tau) - sum(as_float(s) * n**2 for s, n in zip(sigma, norms, strict=True)), refusal


def _steps(setting: Setting) -> Premise:
    problem = _problem(setting)
    smooth = problem.smooth.smoothness()
    left, refusal = _left(setting) if smooth is not None else (math.nan, "use core/pdhg, which needs no L")
    bound = smooth.upper / 2 if smooth is not None else math.nan
    operators = [operator for _, operator in problem.blocks]
    bases = [smooth.basis] if smooth is not None else []
    premise = Premise(
        statement="the steps are positive and 1 / tau - sum_i sigma_i |K_i|^2 > L / 2",
        holds=not refusal and left > bound,
        basis=min((BY_CONSTRUCTION, *bases, *(operator.norm().basis for operator in operators))),
        value=left,
        bound=bound,
        how="with the upper bounds of L and the norms",
        remedy=refusal or "lower tau or sigma, or leave both out",
    )
    return resting_on(premise, problem.smooth, *operators)


def _conclusion(setting: Setting) -> Conclusion:
    left, _ = _left(setting)
    # Scaling block i by sigma_i^(1/2) turns one step per block into one for all, as for PDHG. For L = 0 any positive
    # constant is one, and a small enough one fulfils the condition.
    return Conclusion(
        statement="Condat-Vu: the iterates converge to a saddle point, whose image is a minimiser",
        params={"to": "a minimiser"},
        value=left,
        how="1 / tau - sum_i sigma_i |K_i|^2",
    )


CONDAT_VU_CONVERGENCE = Rule(
    name="condat-vu-convergence",
    statement="Condat-Vu: the iterates converge to a saddle point, whose image is a minimiser",
    formula="(x_k, y_k) -> (x*, y*) if 1 / tau - sum_i sigma_i |K_i|^2 > L / 2",
    source="Condat (2013), Algorithm 3.1 without relaxation and Theorem 3.1; Vu (2013)",
    about=solved_by(CondatVu),
    premises=(
        Hypothesis(
            statement="h is convex",
            concerns=("convex",),
            evaluate=lambda s: premises.convex(_problem(s).smooth, "h"),
        ),
        CONVEX_PARTS,
        Hypothesis(
            statement="the gradient of h is Lipschitz with a known constant L",
            concerns=("smooth",),
            evaluate=lambda s: premises.smooth(_problem(s).smooth, "h"),
        ),
        PROXIMABLE_PARTS,
        BOUNDED_NORMS,
        Hypothesis(
            statement="the steps are positive and 1 / tau - sum_i sigma_i |K_i|^2 > L / 2",
            concerns=("step_size", "smooth", "norm_bound"),
            evaluate=_steps,
        ),
        EXACT_ADJOINTS,
        HAS_SADDLE_POINT,
    ),
    concludes="convergent",
    conclude=_conclusion,
)
