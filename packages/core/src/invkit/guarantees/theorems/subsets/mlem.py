"""The theorems of expectation maximisation for Poisson counts: the likelihood never falls, and the iterates converge.

With D(x*, x) = sum_j s_j (x*_j log(x*_j / x_j) - x*_j + x_j), s = A*1, and F the objective, Jensen's inequality gives

    D(x*, x_k) - D(x*, x_k+1) >= F(x_k) - F(x*)

for every minimiser x*, with a background too: its part of the counts cancels by log t <= t - 1. Summed over the steps
it is the rate; and D(x*, .) falls, so that the iterates are bounded and have one limit.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ....claims import ASSUMED, BY_CONSTRUCTION, CERTIFIED
from ....models.base import Reconstructor
from ....operators.base import LinearOperator
from ....operators.capabilities.materialise import materialise
from ....solvers.subsets.mlem import MLEM
from ....solvers.subsets.poisson import PoissonProblem
from ...hypotheses import EXACT_ADJOINTS
from ...premises import resting_on
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting, solved_by

#: Entries of the largest matrix that is looked at for negative ones.
MAX_ENTRIES = 2**20


def mlem_bound(divergence: float, k: int) -> float:
    """F(x_k) - F* for divergence = D(x*, x_0); F falls, and the differences sum to at most D(x*, x_0)."""
    return divergence / (k + 1)


def weighted_divergence(sensitivity: Tensor, x_star: Tensor, x: Tensor) -> Tensor:
    """D(x*, x) = sum_j s_j (x*_j log(x*_j / x_j) - x*_j + x_j) of each image; x > 0."""
    return (sensitivity * (torch.xlogy(x_star, x_star / x) - x_star + x)).flatten(1).sum(1)


def _problem(setting: Setting) -> PoissonProblem:
    assert isinstance(setting.problem, PoissonProblem)
    return setting.problem


def _nonnegative(setting: Setting) -> tuple[Premise, ...]:
    found = (_without_negative_entries(term.operator) for term in _problem(setting).terms)
    return tuple(resting_on(premise, setting.objective) for premise in found)


def _without_negative_entries(operator: LinearOperator) -> Premise:
    statement = f"{operator!r} has no negative entries"
    if operator.domain.size * operator.codomain.size > MAX_ENTRIES:
        how = "its matrix is too large to look at; A*1 >= 0 was checked, which proves nothing of single entries"
        return Premise(statement=statement, holds=True, basis=ASSUMED, how=how)
    lowest = float(materialise(operator).detach().min())
    premise = Premise(
        statement=statement,
        holds=lowest >= 0,
        basis=CERTIFIED,
        value=lowest,
        bound=0.0,
        how="the smallest entry of its matrix",
        remedy="choose core/pdhg, which needs no sign",
    )
    return resting_on(premise, operator)


def _explained(setting: Setting) -> Premise:
    """z = A x_0 + b > 0 where y > 0, for the positive start; then F(x_0) is finite, and F is coercive."""
    unexplained, dark = 0, 0
    for term in _problem(setting).terms:
        space = term.operator.domain
        z = term.operator.forward(torch.ones((1, *space.shape), dtype=space.dtype, device=space.device))
        nothing = z + term.background <= 0
        dark, unexplained = dark + int(nothing.sum()), unexplained + int((nothing & (term.y > 0)).sum())
    # A model is explained before its measurement is known: then zeros stand in its place.
    unknown = dark > 0 and isinstance(setting.subject, Reconstructor)
    premise = Premise(
        statement="every count can come from a pixel or the background",
        holds=unexplained == 0,
        basis=ASSUMED if unknown else BY_CONSTRUCTION,
        value=float(unexplained),
        bound=0.0,
        how=f"counts that cannot; {dark} samples see no pixel and no background"
        + (", and are taken to have counted nothing" if unknown else ""),
        remedy="mask the counts that no ray explains, or give a background",
    )
    return resting_on(premise, setting.objective)


_NONNEGATIVE = Hypothesis(statement="every operator has no negative entries", concerns=("form",), evaluate=_nonnegative)
_EXPLAINED = Hypothesis(
    statement="every count can come from a pixel or the background", concerns=("data", "existence"), evaluate=_explained
)


def _converges(setting: Setting) -> Conclusion:
    return Conclusion(
        statement="MLEM: the iterates converge to a minimiser over x >= 0, F(x_k) - F* <= D(x*, x_0) / (k + 1)",
        params={"to": "a minimiser over x >= 0"},
    )


def _descends(setting: Setting) -> Conclusion:
    return Conclusion(statement="MLEM: the likelihood never falls")


MLEM_CONVERGENCE = Rule(
    name="mlem-convergence",
    statement="MLEM: the iterates converge to a minimiser over x >= 0",
    formula="F(x_k) - F* <= D(x*, x_0) / (k + 1), D(x*, x) = sum_j s_j (x*_j log(x*_j / x_j) - x*_j + x_j), s = A*1",
    source="Csiszar, Tusnady (1984); Vardi, Shepp, Kaufman (1985); Iusem (1992), by the inequality that the file of "
    "this rule derives for a background",
    about=solved_by(MLEM),
    premises=(_NONNEGATIVE, _EXPLAINED, EXACT_ADJOINTS),
    concludes="convergent",
    conclude=_converges,
)

MLEM_DESCENT = Rule(
    name="mlem-descent",
    statement="MLEM: the likelihood never falls",
    formula="F(x_k+1) <= F(x_k), F = sum_i c_i KL(y_i, A_i x + b_i)",
    source="Shepp, Vardi (1982), IEEE Trans. Med. Imaging 1, 113-122; Lange, Carson (1984)",
    about=solved_by(MLEM),
    premises=(_NONNEGATIVE, EXACT_ADJOINTS),
    concludes="descent",
    conclude=_descends,
    further=True,
)
