"""OSEM: expectation maximisation over ordered subsets."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from ...functionals.base import Functional
from ..base import Optimality, Solver
from .poisson import PoissonProblem, as_poisson, kkt_residual, multiplied


@dataclass(frozen=True)
class OSEMState:
    """x after a whole pass."""

    x: Tensor


@dataclass(frozen=True)
class OSEM(Solver[PoissonProblem, OSEMState]):
    """The update of ``MLEM`` for one term at a time; the objective is a sum of c_i KL(y_i, A_i x + b_i), one a subset.

        for i = 1 ... m:   x <- x * A_i*(y_i / (A_i x + b_i)) / A_i* 1          (one step of the solver is one pass)

    About m times as fast as ``MLEM`` at first. It is no minimiser: it ends in a cycle around the maximum of the
    likelihood, and on it only where the counts are consistent and the subsets balanced, so that its residual need not
    fall below the tolerance; go on with ``MLEM`` from there where that matters. Start as in ``MLEM``; build the terms
    with ``operators.subsets``.

    Residual and scale: as in ``MLEM``, of the whole objective at x itself.
    Cost: one A_i and one A_i* of every subset a step, together one A and one A*; as much again for each check.

    Source: Hudson, Larkin (1994), IEEE Trans. Med. Imaging 13, 601-609.
    """

    form = PoissonProblem

    def prepare(self, objective: Functional) -> PoissonProblem:
        return as_poisson(objective, "OSEM")

    def init(self, problem: PoissonProblem, x0: Tensor | None) -> OSEMState:
        return OSEMState(problem.start_positive(x0, "OSEM"))

    def step(self, problem: PoissonProblem, state: OSEMState) -> OSEMState:
        x = state.x
        for term, sensitivity in zip(problem.terms, problem.sensitivities, strict=True):
            x = multiplied(x, term.back(x).image, sensitivity)
        return OSEMState(x)

    def solution(self, state: OSEMState) -> Tensor:
        return state.x

    def optimality(self, problem: PoissonProblem, state: OSEMState) -> Optimality:
        return kkt_residual(state.x, problem.back(state.x), functools.reduce(torch.add, problem.sensitivities))

    def objective(self, problem: PoissonProblem, state: OSEMState) -> Tensor:
        return problem.objective.value(state.x)
