"""The convergence of block Kaczmarz: compositions of averaged maps with a common fixed point."""

from __future__ import annotations

from ....claims import ASSUMED, BY_CONSTRUCTION
from ....solvers.subsets.kaczmarz import BlocksProblem, Kaczmarz
from ...hypotheses import EXACT_ADJOINTS
from ...premises import resting_on
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting, solved_by
from ..linear._least_squares import SUM_OF_SQUARES


def _solver(setting: Setting) -> Kaczmarz:
    assert isinstance(setting.solver, Kaczmarz)
    return setting.solver


def _blocks(setting: Setting) -> BlocksProblem:
    assert isinstance(setting.problem, BlocksProblem)
    return setting.problem


def _relaxed(setting: Setting) -> Premise:
    relaxation = _solver(setting).relaxation
    premise = Premise(
        statement="the relaxation lies in (0, 2), with upper bounds of the |K_i|^2",
        holds=0 < relaxation < 2,
        basis=min(
            (term.operator.norm().basis for term in _blocks(setting).blocks if term.operator is not None),
            default=BY_CONSTRUCTION,
        ),
        value=relaxation,
        bound=2.0,
        how="from the settings",
        remedy="lower the relaxation",
    )
    return resting_on(premise, setting.objective)


def _consistent(setting: Setting) -> Premise:
    # One block alone is Landweber's iteration, which needs no solution of its equations.
    alone = len(_blocks(setting).blocks) == 1
    return Premise(
        statement="the equations K_i x = d_i have a common solution",
        holds=True,
        basis=BY_CONSTRUCTION if alone else ASSUMED,
        how="there is one block, and its least-squares solutions serve" if alone else "assumed; noise breaks it",
        remedy="" if alone else "choose core/cgls, which needs none",
    )


def _converges(setting: Setting) -> Conclusion:
    alone = len(_blocks(setting).blocks) == 1
    to = f"the {'least-squares' if alone else 'common'} solution nearest to the start"
    return Conclusion(
        statement=f"Kaczmarz: the iterates converge to {to}",
        params={"to": to},
        value=_solver(setting).relaxation,
        how="relaxation",
    )


def _approaches(setting: Setting) -> Conclusion:
    return Conclusion(
        statement="Kaczmarz: the distance to no common solution ever increases",
        value=_solver(setting).relaxation,
        how="relaxation",
    )


_RELAXED = Hypothesis(
    statement="the relaxation lies in (0, 2), with upper bounds of the |K_i|^2",
    concerns=("parameter", "norm_bound"),
    evaluate=_relaxed,
)
_CONSISTENT = Hypothesis(
    statement="the equations K_i x = d_i have a common solution", concerns=("data", "existence"), evaluate=_consistent
)

KACZMARZ = Rule(
    name="kaczmarz",
    statement="Kaczmarz: the iterates converge to the common solution nearest to the start",
    formula="x_k -> x*, K_i x* = d_i for all i, for a relaxation in (0, 2), whatever the order of the blocks",
    source="Elfving (1980), Block-iterative methods for consistent and inconsistent linear equations; each block is an "
    "averaged map (Bauschke, Combettes 2011, Chapter 5)",
    about=solved_by(Kaczmarz),
    premises=(SUM_OF_SQUARES, _RELAXED, _CONSISTENT, EXACT_ADJOINTS),
    concludes="convergent",
    conclude=_converges,
)

KACZMARZ_FEJER = Rule(
    name="kaczmarz-fejer",
    statement="Kaczmarz: the distance to no common solution ever increases",
    formula="|x_k+1 - x*| <= |x_k - x*| for every x* with K_i x* = d_i for all i",
    source="Bauschke, Combettes (2011), Convex Analysis and Monotone Operator Theory in Hilbert Spaces, Chapter 5",
    about=solved_by(Kaczmarz),
    premises=(SUM_OF_SQUARES, _RELAXED, _CONSISTENT, EXACT_ADJOINTS),
    concludes="fejer_monotone",
    conclude=_approaches,
    further=True,
)
