"""The convergence theorem of PDHG with a step for each pixel and each row."""

from __future__ import annotations

import torch

from ....claims import BY_CONSTRUCTION, CERTIFIED
from ....operators.capabilities.absolute_sums import absolute_sums
from ....solvers.primal_dual.preconditioned_pdhg import PreconditionedPDHG
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


def _steps(setting: Setting) -> Premise:
    solver, problem = setting.solver, saddle_problem(setting)
    assert isinstance(solver, PreconditionedPDHG)
    operators = [operator for _, operator in problem.blocks]
    tau, sigma = solver.step_sizes(problem)
    positive = all(bool(((step > 0) & torch.isfinite(step)).all()) for step in (tau, *sigma))
    # What sums to the steps is computed in the precision of the images; blocks without sums rest on their norms.
    known = [CERTIFIED if absolute_sums(operator) is not None else operator.norm().basis for operator in operators]
    premise = Premise(
        statement="the steps are positive and |Sigma^(1/2) K T^(1/2)| <= 1",
        holds=positive,
        basis=min((BY_CONSTRUCTION, *known)),
        value=float(tau.max()),
        how="the largest tau; from column and row sums of |K_i|, or its norm"
        if positive
        else "a step is not positive and finite",
        remedy="drop operators that are zero",
    )
    return resting_on(premise, *operators)


def _one_step_for_what_belongs_together(setting: Setting) -> Premise:
    problem = saddle_problem(setting)
    premise = Premise(
        statement="each proximal map has one step for what it takes together",
        holds=True,
        basis=BY_CONSTRUCTION,
        how="the smallest of the pixel, the group or the image; a smaller step keeps the bound",
    )
    return resting_on(premise, problem.proximable, *problem.conjugates)


def _conclusion(setting: Setting) -> Conclusion:
    return Conclusion(
        statement="preconditioned PDHG: the iterates converge to a saddle point, whose image is a minimiser",
        params={"to": "a minimiser"},
    )


PRECONDITIONED_PDHG_CONVERGENCE = Rule(
    name="preconditioned-pdhg-convergence",
    statement="preconditioned PDHG: the iterates converge to a saddle point, whose image is a minimiser",
    formula="(x_k, y_k) -> (x*, y*) if tau_j = 1 / sum_i w_i sum_r |K_i,rj| and sigma_i,r = w_i / sum_j |K_i,rj|, or "
    "smaller, so that |Sigma^(1/2) K T^(1/2)| <= 1",
    source="Pock, Chambolle (2011), Theorem 1 and Lemma 2 with alpha = 1, for the stack of the w_i^(1/2) K_i",
    about=solved_by(PreconditionedPDHG),
    premises=(
        CONVEX_PARTS,
        PROXIMABLE_PARTS,
        BOUNDED_NORMS,
        Hypothesis(
            statement="the steps are positive and |Sigma^(1/2) K T^(1/2)| <= 1",
            concerns=("step_size", "norm_bound"),
            evaluate=_steps,
        ),
        Hypothesis(
            statement="each proximal map has one step for what it takes together",
            concerns=("prox", "step_size"),
            evaluate=_one_step_for_what_belongs_together,
        ),
        EXACT_ADJOINTS,
        HAS_SADDLE_POINT,
    ),
    concludes="convergent",
    conclude=_conclusion,
)
