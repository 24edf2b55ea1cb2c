"""The convergence theorem of the primal-dual hybrid gradient method."""

from __future__ import annotations

import math

from ....errors import ConfigError
from ....functionals.base import as_float
from ....solvers.primal_dual.pdhg import PDHG
from ...hypotheses import (
    BOUNDED_NORMS,
    CONVEX_PARTS,
    EXACT_ADJOINTS,
    HAS_SADDLE_POINT,
    PROXIMABLE_PARTS,
    saddle_problem,
)
from ...premises import resting_on
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting, solved_by
from ._numbers import are_steps


def _pdhg_product(setting: Setting) -> tuple[float, str]:
    """tau * sum_i sigma_i |K_i|^2 with upper bounds, and why the solver refuses its steps ("" if it does not)."""
    solver, problem = setting.solver, saddle_problem(setting)
    assert isinstance(solver, PDHG)
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
    return as_float(tau) * sum(as_float(s) * n**2 for s, n in zip(sigma, norms, strict=True)), refusal


def _pdhg_steps(setting: Setting) -> Premise:
    problem = saddle_problem(setting)
    product, refusal = _pdhg_product(setting)
    premise = Premise(
        statement="the steps are positive and tau * sum_i sigma_i |K_i|^2 <= 1",
        holds=not refusal and product <= 1,
        basis=min(operator.norm().basis for _, operator in problem.blocks),
        value=product,
        bound=1.0,
        how="with the upper bounds of the norms",
        # What the solver says repeats the two numbers; only where there are none it is needed.
        remedy=refusal if refusal and not product > 1 else "lower a step, or leave both out",
    )
    return resting_on(premise, *(operator for _, operator in problem.blocks))


def _pdhg_conclusion(setting: Setting) -> Conclusion:
    product, _ = _pdhg_product(setting)
    # Scaling block i by sigma_i^(1/2) turns one step per block into one step for all, with
    # |(sigma_i^(1/2) K_i)_i|^2 <= sum_i sigma_i |K_i|^2: the theorems for a single operator apply.
    strict = product < 1
    return Conclusion(
        statement="PDHG: the iterates converge to a saddle point, whose image is a minimiser",
        params={"to": "a minimiser"},
        value=product,
        how="tau * sum_i sigma_i |K_i|^2" + (" < 1" if strict else " = 1, where finite dimension is needed"),
        source="" if strict else "Condat (2013), Theorem 3.3, which allows equality in finite dimension",
    )


PDHG_STEPS = Hypothesis(
    statement="the steps are positive and tau * sum_i sigma_i |K_i|^2 <= 1",
    concerns=("step_size", "norm_bound"),
    evaluate=_pdhg_steps,
)

PDHG_CONVERGENCE = Rule(
    name="pdhg-convergence",
    statement="PDHG: the iterates converge to a saddle point, whose image is a minimiser",
    formula="(x_k, y_k) -> (x*, y*) if tau * sum_i sigma_i |K_i|^2 < 1; equality is allowed in finite dimension",
    source="Chambolle, Pock (2011), Theorem 1 (c), theta = 1; a step for each block as in Pock, Chambolle (2011), "
    "Theorem 1",
    about=solved_by(PDHG),
    premises=(
        CONVEX_PARTS,
        PROXIMABLE_PARTS,
        BOUNDED_NORMS,
        PDHG_STEPS,
        EXACT_ADJOINTS,
        HAS_SADDLE_POINT,
    ),
    concludes="convergent",
    conclude=_pdhg_conclusion,
)
