"""Ordered subsets: the incremental proximal gradient method."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ...functionals.base import Functional
from ..base import Optimality, Solver
from .finite_sum import FiniteSumProblem, as_finite_sum
from .stochastic_gradient import EpochState, check_decay, incremental_pass, step_for


@dataclass(frozen=True)
class OrderedSubsets(Solver[FiniteSumProblem, EpochState]):
    """for i = 1 ... m:   x <- prox_g(x - t m gradient f_i(x), t), the terms in their order; one step is one pass.

    t = step_size / (1 + decay * pass). Where the terms are alike, as for subsets of views, a pass does the work of up
    to m gradient steps at the price of one.

    step_size: in (0, 2 / (m max L_i)); None is half of that.   decay: 0 keeps the step. Then the iterates end in a
        cycle around the minimiser, unless all terms share it; with a decay they converge to it.
    Residual, scale and cost as in ``StochasticGradient``.

    Raises: ConfigError if a setting is outside its range.
    Source: Bertsekas (2011), Math. Program. 129, 163-195, the incremental proximal gradient method; Erdogan, Fessler
    (1999), Phys. Med. Biol. 44, 2835-2851, for the subsets.
    """

    form = FiniteSumProblem

    step_size: float | None = None
    decay: float = 0.1

    def __post_init__(self) -> None:
        check_decay(self.decay, "OrderedSubsets")

    def prepare(self, objective: Functional) -> FiniteSumProblem:
        return as_finite_sum(objective, "OrderedSubsets")

    def init(self, problem: FiniteSumProblem, x0: Tensor | None) -> EpochState:
        step_for(problem, self.step_size, "OrderedSubsets")
        x = problem.start(x0, "OrderedSubsets")
        return EpochState(x, 0, problem.reference(x))

    def step(self, problem: FiniteSumProblem, state: EpochState) -> EpochState:
        t = step_for(problem, self.step_size, "OrderedSubsets") / (1 + self.decay * state.epoch)
        batches = [[i] for i in range(len(problem.terms))]
        return EpochState(incremental_pass(problem, state.x, batches, t), state.epoch + 1, state.reference)

    def solution(self, state: EpochState) -> Tensor:
        return state.x

    def optimality(self, problem: FiniteSumProblem, state: EpochState) -> Optimality:
        return problem.residual(state.x, problem.gradient(state.x), state.reference)

    def objective(self, problem: FiniteSumProblem, state: EpochState) -> Tensor:
        return problem.objective.value(state.x)
