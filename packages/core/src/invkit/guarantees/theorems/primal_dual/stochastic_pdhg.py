"""The convergence theorem of PDHG over one block of the objective in each step."""

from __future__ import annotations

from ....claims import ASSUMED, BY_CONSTRUCTION
from ....solvers.primal_dual.step import unit_of_data
from ....solvers.primal_dual.stochastic_pdhg import StochasticPDHG
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


def _steps(setting: Setting) -> Premise:
    solver, problem = setting.solver, saddle_problem(setting)
    assert isinstance(solver, StochasticPDHG)
    operators = [operator for _, operator in problem.blocks]
    _, norms = unit_of_data(problem)
    tau, sigmas = solver.step_sizes(problem)
    products = [tau * sigma * n**2 for sigma, n in zip(sigmas, norms, strict=True)]
    premise = Premise(
        statement="tau * sigma_i |K_i|^2 < p_i = 1 / m for each of the m blocks",
        holds=are_steps(tau, *sigmas) and max(products) < 1 / len(operators),
        basis=min(operator.norm().basis for operator in operators),
        value=max(products),
        bound=1 / len(operators),
        how="the largest, with the upper bounds of the norms",
        remedy="choose a balance whose steps are neither zero nor infinite",
    )
    return resting_on(premise, *operators)


def _draws(setting: Setting) -> Premise:
    alone = len(saddle_problem(setting).blocks) == 1
    return Premise(
        statement="the blocks are drawn independently and uniformly",
        holds=True,
        basis=BY_CONSTRUCTION if alone else ASSUMED,
        how="there is one block" if alone else "pseudo-random numbers of a seed stand in for it",
    )


def _conclusion(setting: Setting) -> Conclusion:
    return Conclusion(
        statement="stochastic PDHG: the iterates converge almost surely to a saddle point, whose image is a minimiser",
        params={"to": "a minimiser"},
    )


STOCHASTIC_PDHG_CONVERGENCE = Rule(
    name="stochastic-pdhg-convergence",
    statement="stochastic PDHG: the iterates converge almost surely to a saddle point, whose image is a minimiser",
    formula="(x_k, y_k) -> (x*, y*) almost surely if tau sigma_i |K_i|^2 < p_i, the probability of block i",
    source="Alacaoglu, Fercoq, Cevher (2022), On the convergence of stochastic primal-dual hybrid gradient; Gutierrez, "
    "Delplancke, Ehrhardt (2021), Convergence properties of a randomized primal-dual algorithm, for the algorithm of "
    "Chambolle, Ehrhardt, Richtarik, Schoenlieb (2018) with serial sampling and theta = 1",
    about=solved_by(StochasticPDHG),
    premises=(
        CONVEX_PARTS,
        PROXIMABLE_PARTS,
        BOUNDED_NORMS,
        Hypothesis(
            statement="tau * sigma_i |K_i|^2 < p_i = 1 / m for each of the m blocks",
            concerns=("step_size", "norm_bound"),
            evaluate=_steps,
        ),
        Hypothesis(statement="the blocks are drawn independently and uniformly", concerns=("data",), evaluate=_draws),
        EXACT_ADJOINTS,
        HAS_SADDLE_POINT,
    ),
    concludes="convergent",
    conclude=_conclusion,
)
