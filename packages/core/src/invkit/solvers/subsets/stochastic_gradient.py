"""Stochastic proximal gradient descent over the terms of a sum."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import ConfigError
from ...functionals.base import Functional
from ..base import Optimality, Solver, checked_step_size
from ..newton.newton_cg import check_count
from .finite_sum import FiniteSumProblem, as_finite_sum, check_seed, drawn_order, interval_of


@dataclass(frozen=True)
class EpochState:
    """x after so many epochs, and the scale of the residual."""

    x: Tensor
    epoch: int
    reference: Tensor


@dataclass(frozen=True)
class StochasticGradient(Solver[FiniteSumProblem, EpochState]):
    """x <- prox_g(x - t (m/b) sum_{i in B} gradient f_i(x), t) for batches B of b terms; one step is one epoch.

    Each epoch visits every term once, in a new order; its step is t = step_size / (1 + decay * epoch).

    seed: of the orders, which are the same for every image.   batch_size: b.
    step_size: in (0, 2 / (m max L_i)); None is half of that.   decay: 0 keeps the step. Then the iterates end in a
        region around the minimiser that grows with t, unless all terms share it; with a decay they converge to it.
    Residual: |(x - prox_g(x - tau gradient f(x), tau)) / tau| at x, tau = 1 / sum L_i; scale: |gradient f(0)| + the
    size of the subgradient of g. A gradient over all terms for each check, so check seldom.
    Cost: the gradient of every term once a step, as much again for each check; two over all terms at the start.

    Raises: ConfigError if a setting is outside its range.
    Source: Robbins, Monro (1951); Bottou, Curtis, Nocedal (2018), SIAM Review 60, sections 4 and 5.
    """

    form = FiniteSumProblem

    seed: int = 0
    batch_size: int = 1
    step_size: float | None = None
    decay: float = 0.1

    def __post_init__(self) -> None:
        check_seed(self.seed, "StochasticGradient")
        check_count(self.batch_size, "StochasticGradient", "batch_size")
        check_decay(self.decay, "StochasticGradient")

    def prepare(self, objective: Functional) -> FiniteSumProblem:
        return as_finite_sum(objective, "StochasticGradient")

    def init(self, problem: FiniteSumProblem, x0: Tensor | None) -> EpochState:
        step_for(problem, self.step_size, "StochasticGradient")
        x = problem.start(x0, "StochasticGradient")
        return EpochState(x, 0, problem.reference(x))

    def step(self, problem: FiniteSumProblem, state: EpochState) -> EpochState:
        t = step_for(problem, self.step_size, "StochasticGradient") / (1 + self.decay * state.epoch)
        order = drawn_order(self.seed, state.epoch, len(problem.terms))
        batches = [order[start : start + self.batch_size] for start in range(0, len(order), self.batch_size)]
        return EpochState(incremental_pass(problem, state.x, batches, t), state.epoch + 1, state.reference)

    def solution(self, state: EpochState) -> Tensor:
        return state.x

    def optimality(self, problem: FiniteSumProblem, state: EpochState) -> Optimality:
        return problem.residual(state.x, problem.gradient(state.x), state.reference)

    def objective(self, problem: FiniteSumProblem, state: EpochState) -> Tensor:
        return problem.objective.value(state.x)


def incremental_pass(problem: FiniteSumProblem, x: Tensor, batches: Sequence[Sequence[int]], t: float) -> Tensor:
    """A proximal gradient step of length t with each batch in the place of the whole sum."""
    for batch in batches:
        gradient = functools.reduce(torch.add, (problem.terms[i].gradient(x) for i in batch))
        x = problem.proximable.prox(x - t * len(problem.terms) / len(batch) * gradient, t)
    return x


def step_for(problem: FiniteSumProblem, given: float | None, who: str) -> float:
    """A step that every term, in the place of the whole sum, allows: 1 / (m max L_i) if none is given.

    Raises: ConfigError if it is not in (0, 2 / (m max L_i)).
    """
    largest = len(problem.terms) * max(problem.smoothness)
    return checked_step_size(given, interval_of(largest), 2.0, 1.0, who)


def check_decay(decay: float, who: str) -> None:
    """Raises: ConfigError if it is negative or not finite."""
    if not 0 <= decay < float("inf"):
        raise ConfigError(f"{who}: decay is {decay}, expected a finite number >= 0. Use 0 for a constant step.")
