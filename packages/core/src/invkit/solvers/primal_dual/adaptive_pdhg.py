"""PDHG that balances its primal and dual steps for each image by how far both move."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ...errors import ConfigError
from ...functionals.base import Functional
from ...operators.space import norm, rounding
from ..base import Optimality, Solver
from ..problems import SaddleProblem, as_saddle
from .step import (
    PrimalDualState,
    primal_dual_step,
    saddle_objective,
    start,
    step_optimality,
    unit_of_data,
)

#: The first steps are not looked at; then each window is longer than all before by this factor.
_FIRST, _GROWTH = 10, 1.5
#: An update goes this far towards what was measured, each less far than the one before, so that the sum is finite.
_WEIGHT, _DECAY = 0.5, 0.93
#: What is measured may differ from the present by this factor; a block keeps this share of the dual steps.
_FURTHEST, _SMALLEST_SHARE = 100.0, 1e-3


@dataclass(frozen=True)
class AdaptiveState(PrimalDualState):
    """The state of PDHG, and x and y_i at the last update.

    num_steps: taken so far.   next_update: before the step of that number.   num_updates: -1 before there is a mark.
    """

    x_mark: Tensor | None = None
    y_mark: tuple[Tensor, ...] = ()
    num_steps: int = 0
    next_update: int = _FIRST
    num_updates: int = -1


@dataclass(frozen=True)
class AdaptivePDHG(Solver[SaddleProblem, AdaptiveState]):
    """PDHG with steps of each image and block that follow from the iterates; nothing is left to tune.

    With s = 1 / tau and shares u_i that sum to 1, sigma_i = s u_i / |K_i|^2, so that tau sum_i sigma_i |K_i|^2 < 1
    always. After steps 15, 22, 33, 49, ... and with X = |x - x_mark|, V_i = |K_i| |y_i - y_mark,i| moved since the
    last of them,

        log s   <- (1 - w) log s   + w log(sum_i V_i / X),
        log u_i <- (1 - w) log u_i + w log(V_i / sum_j V_j),   then normalised,     w <- 0.93 w, from 0.5:

    these s, u minimise X^2 / tau + sum_i |y_i - y_mark,i|^2 / sigma_i, which bounds the error of PDHG (Chambolle,
    Pock 2011, Theorem 1), with the distances moved for those still to go. The changes of log s and log u are bounded
    and w is summable, so that the steps settle and the iteration ends as plain PDHG.
    balance: where it starts; as for ``PDHG``.

    Residual and cost as for ``PDHG``. ``solve`` counts the windows by the steps of the batch: an image that goes on
    from a state has the windows of that state.

    Raises: ConfigError if balance is not positive.
    Source: the update of the weight by distances moved is that of Applegate et al. (2021), Practical large-scale linear
    programming using primal-dual hybrid gradient, section 3.3, here for each block; decaying adaptivity as in
    Goldstein, Li, Yuan (2015), Adaptive primal-dual splitting methods, section 3.
    """

    form = SaddleProblem

    balance: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.balance < math.inf:
            raise ConfigError(f"AdaptivePDHG: balance is {self.balance}, expected a positive number. Use 0.1.")

    def prepare(self, objective: Functional) -> SaddleProblem:
        return as_saddle(objective, "AdaptivePDHG")

    def init(self, problem: SaddleProblem, x0: Tensor | None) -> AdaptiveState:
        c, norms = unit_of_data(problem)
        s = len(norms) * self.balance * c
        sigma = tuple(s / (len(norms) * n**2) for n in norms)
        # A little shorter, so that the rounding of the steps to the precision of the images keeps the condition.
        tau = (1 - 8 * torch.finfo(problem.blocks[0][1].domain.dtype).eps) / s
        begun = start(problem, x0, tau, sigma, "AdaptivePDHG")
        return _extended(begun, x_mark=begun.x, y_mark=begun.y)

    def step(self, problem: SaddleProblem, state: AdaptiveState) -> AdaptiveState:
        x_mark, y_mark, tau, sigma = state.x_mark, state.y_mark, state.tau, state.sigma
        next_update, num_updates = state.next_update, state.num_updates
        if state.num_steps == next_update:
            if num_updates >= 0:
                tau, sigma = updated_steps(problem, state, _WEIGHT * _DECAY**num_updates)
            x_mark, y_mark = state.x.detach(), tuple(y.detach() for y in state.y)
            next_update, num_updates = int(next_update * _GROWTH), num_updates + 1
        return _extended(
            primal_dual_step(problem, state, tau, sigma, 1.0),
            x_mark=x_mark,
            y_mark=y_mark,
            num_steps=state.num_steps + 1,
            next_update=next_update,
            num_updates=num_updates,
        )

    def solution(self, state: AdaptiveState) -> Tensor:
        return state.x

    def optimality(self, problem: SaddleProblem, state: AdaptiveState) -> Optimality:
        return step_optimality(problem, state)

    def objective(self, problem: SaddleProblem, state: AdaptiveState) -> Tensor:
        return saddle_objective(problem, state)


@torch.no_grad()
def updated_steps(problem: SaddleProblem, state: AdaptiveState, weight: float) -> tuple[Tensor, tuple[Tensor, ...]]:
    """tau and sigma_i after an update of that weight; the formula stands in ``AdaptivePDHG``."""
    assert state.x_mark is not None
    _, norms = unit_of_data(problem)
    x_moved = norm(state.x - state.x_mark)
    moved = [n * norm(y - mark) for n, y, mark in zip(norms, state.y, state.y_mark, strict=True)]
    total = functools.reduce(torch.add, moved)
    known = (x_moved > 0) & (total > 0)  # what did not move says nothing
    now = [s * n**2 for s, n in zip(state.sigma, norms, strict=True)]
    s_now = functools.reduce(torch.add, now)
    measured = torch.where(known, total / torch.where(known, x_moved, 1.0), s_now)
    s = s_now * (measured / s_now).clamp(1 / _FURTHEST, _FURTHEST) ** weight
    shares = [
        (part / s_now) ** (1 - weight)
        * torch.where(known, v / torch.where(known, total, 1.0), part / s_now).clamp_min(_SMALLEST_SHARE) ** weight
        for part, v in zip(now, moved, strict=True)
    ]
    whole = functools.reduce(torch.add, shares)
    sigma = tuple(s * share / (whole * n**2) for share, n in zip(shares, norms, strict=True))
    return (1 - 8 * rounding(state.x)) / s, sigma


def _extended(
    state: PrimalDualState,
    *,
    x_mark: Tensor | None,
    y_mark: tuple[Tensor, ...],
    num_steps: int = 0,
    next_update: int = _FIRST,
    num_updates: int = -1,
) -> AdaptiveState:
    values = {field.name: getattr(state, field.name) for field in fields(PrimalDualState)}
    return AdaptiveState(
        **values,
        x_mark=x_mark,
        y_mark=y_mark,
        num_steps=num_steps,
        next_update=next_update,
        num_updates=num_updates,
    )
