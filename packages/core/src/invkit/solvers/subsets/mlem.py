"""MLEM: expectation maximisation for Poisson counts."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from ...functionals.base import Functional
from ..base import Optimality, Solver
from .poisson import Backprojection, PoissonProblem, as_poisson, kkt_residual, multiplied


@dataclass(frozen=True)
class MLEMState:
    """x, and A*(y / (A x + b)) at the point before it with that point; None before the first step."""

    x: Tensor
    before: Tensor | None
    back: Backprojection | None


@dataclass(frozen=True)
class MLEM(Solver[PoissonProblem, MLEMState]):
    """minimise sum_i c_i KL(y_i, A_i x + b_i) over x >= 0, for operators without negative entries.

        x <- x * (sum_i c_i A_i*(y_i / (A_i x + b_i))) / (sum_i c_i A_i* 1)

    The likelihood never falls; x stays positive, and with b = 0 the expected counts sum to those measured after every
    step. A pixel that no ray meets keeps its start. Zero would stay zero for ever: the start is positive, the uniform
    image with the measured counts, and what is not positive in an x0 is raised to that.

    A_i* 1 >= 0 is checked, and proves nothing of single entries: an operator with negative ones may pass. An image with
    A_i x + b <= 0 where something was counted, or < 0 anywhere, has an infinite residual, and is DIVERGED.

    Residual: |min(x, m g / s)| at the point before x, with g the gradient, s = sum_i c_i A_i* 1 and m the mean of x: 0
    exactly at a minimiser over x >= 0. Scale: |x|.
    Cost: one A and one A* a step, and one A* for s.

    Source: Shepp, Vardi (1982), IEEE Trans. Med. Imaging 1, 113-122; Lange, Carson (1984).
    """

    form = PoissonProblem

    def prepare(self, objective: Functional) -> PoissonProblem:
        return as_poisson(objective, "MLEM")

    def init(self, problem: PoissonProblem, x0: Tensor | None) -> MLEMState:
        return MLEMState(problem.start_positive(x0, "MLEM"), None, None)

    def step(self, problem: PoissonProblem, state: MLEMState) -> MLEMState:
        back = problem.back(state.x)
        return MLEMState(multiplied(state.x, back.image, _sensitivity(problem)), state.x, back)

    def solution(self, state: MLEMState) -> Tensor:
        return state.x

    def optimality(self, problem: PoissonProblem, state: MLEMState) -> Optimality:
        assert state.before is not None
        assert state.back is not None
        return kkt_residual(state.before, state.back, _sensitivity(problem))

    def objective(self, problem: PoissonProblem, state: MLEMState) -> Tensor:
        return problem.objective.value(state.x)


def _sensitivity(problem: PoissonProblem) -> Tensor:
    return functools.reduce(torch.add, problem.sensitivities)
