"""The convergence theorem of PDHG whose steps settle by themselves."""

from __future__ import annotations

from ....claims import BY_CONSTRUCTION
from ....solvers.primal_dual.adaptive_pdhg import AdaptivePDHG
from ....solvers.primal_dual.step import unit_of_data
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
    operators = [operator for _, operator in saddle_problem(setting).blocks]
    solver = setting.solver
    assert isinstance(solver, AdaptivePDHG)
    c, norms = unit_of_data(saddle_problem(setting))
    premise = Premise(
        statement="tau * sum_i sigma_i |K_i|^2 < 1 at every step",
        holds=are_steps(*(solver.balance * c / n**2 for n in norms))
        and are_steps(1 / (len(norms) * solver.balance * c)),
        basis=min(operator.norm().basis for operator in operators),
        how="tau is set to that, from the upper bounds of the norms",
        remedy="choose a balance whose steps are neither zero nor infinite",
    )
    return resting_on(premise, *operators)


def _summable(setting: Setting) -> Premise:
    return Premise(
        statement="the relative changes of the steps are summable",
        holds=True,
        basis=BY_CONSTRUCTION,
        how="each is bounded, with a weight that falls geometrically",
    )


def _conclusion(setting: Setting) -> Conclusion:
    # With E = |x - x*|^2 / 2 tau + |y - y*|^2 / 2 sigma + |d|^2 / 2 tau + Re <K d, y - y*>, d = x - x_before, no step
    # makes E larger, whatever tau and sigma it takes if they fulfil the condition. An update of both changes E by a
    # factor; the changes of the logarithms are summable, so the factors have a finite product, and the limits of the
    # iterates are fixed points of the method with the steps' limits.
    return Conclusion(
        statement="adaptive PDHG: the iterates converge to a saddle point, whose image is a minimiser",
        params={"to": "a minimiser"},
    )


ADAPTIVE_PDHG_CONVERGENCE = Rule(
    name="adaptive-pdhg-convergence",
    statement="adaptive PDHG: the iterates converge to a saddle point, whose image is a minimiser",
    formula="(x_k, y_k) -> (x*, y*) if tau * sum_i sigma_i |K_i|^2 < 1 always and sum_k |log(step_k+1 / step_k)| < inf",
    source="the energy of Chambolle, Pock (2011), proof of Theorem 1, changes with the steps by factors with a finite "
    "product, and such sequences converge (Combettes, Vu 2013, Variable metric quasi-Fejer monotonicity)",
    about=solved_by(AdaptivePDHG),
    premises=(
        CONVEX_PARTS,
        PROXIMABLE_PARTS,
        BOUNDED_NORMS,
        Hypothesis(
            statement="tau * sum_i sigma_i |K_i|^2 < 1 at every step",
            concerns=("step_size", "norm_bound"),
            evaluate=_steps,
        ),
        Hypothesis(
            statement="the relative changes of the steps are summable", concerns=("step_size",), evaluate=_summable
        ),
        EXACT_ADJOINTS,
        HAS_SADDLE_POINT,
    ),
    concludes="convergent",
    conclude=_conclusion,
)
