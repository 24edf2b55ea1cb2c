"""Stochastic PDHG: one block of the objective in each step, drawn from a seed."""

from __future__ import annotations

import functools
import math
import random
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import ConfigError
from ...functionals.base import Functional
from ...functionals.zero import Zero
from ...operators.space import norm, rounding
from ..base import Optimality, Solver
from ..problems import SaddleProblem, as_saddle
from .step import dual_floor, relative, unit_of_data


@dataclass(frozen=True)
class StochasticState:
    """x, the duals, K_i* y_i, and their sum extrapolated; what each block knew of x when it was last drawn.

    seen: the x of that time, with |K_i x| and |d_i| there, infinite before the first.   first: |K_i* y_i| after it.
    ahead_before: the sum that the last step used.
    num_steps: taken so far; with the seed it says which block comes next.
    """

    x: Tensor
    y: tuple[Tensor, ...]
    kty: tuple[Tensor, ...]
    ahead: Tensor
    tau: float
    sigma: tuple[float, ...]
    num_steps: int
    x_before: Tensor
    ahead_before: Tensor
    seen: tuple[Tensor, ...]
    seen_sizes: tuple[Tensor, ...]
    seen_residuals: tuple[Tensor, ...]
    first: tuple[Tensor, ...]


@dataclass(frozen=True)
class StochasticPDHG(Solver[SaddleProblem, StochasticState]):
    """minimise sum_i f_i(K_i x) + g(x) over m blocks, one of them, i, in each step:

        x <- prox_g(x - tau s, tau);      y_i <- prox of sigma_i f_i* at y_i + sigma_i K_i x;
        s <- sum_j K_j* y_j + m K_i* (y_i - y_i before).

    i is drawn uniformly by ``seed`` and the number of the step, the same for every image and every run.
    tau, sigma_i: with c as for ``PDHG`` and ``balance`` b, sigma_i = b c / |K_i|^2 and tau = 1 / (m b c), so that
    tau sigma_i |K_i|^2 < 1 / m, the probability of a block.

    It pays where there are many blocks, such as subsets of views, of which few already say much of x: the expected
    cost of a step is one m-th of that of ``PDHG``. Cost: K_i and K_i* of one block.
    Residual: as for ``PDHG``, where |d_j| of the blocks not drawn is bounded by |d_j| when last drawn plus
    |K_j| |x - x then|; 1 until all were drawn. That holds m images. An image held while others go on continues, if it
    is continued, with the draws of the batch.

    Raises: ConfigError if balance is not positive or the seed is not a whole number >= 0.
    Source: Chambolle, Ehrhardt, Richtarik, Schoenlieb (2018), Algorithm 1 with serial sampling and theta = 1.
    """

    form = SaddleProblem

    seed: int = 0
    balance: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.balance < math.inf:
            raise ConfigError(f"StochasticPDHG: balance is {self.balance}, expected a positive number. Use 0.1.")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise ConfigError(f"StochasticPDHG: seed is {self.seed!r}, expected a whole number >= 0. Use 0.")

    def prepare(self, objective: Functional) -> SaddleProblem:
        return as_saddle(objective, "StochasticPDHG")

    def block(self, num_blocks: int, num_steps: int) -> int:
        """The block of the step after so many."""
        return random.Random(f"{self.seed} {num_steps}").randrange(num_blocks)

    def step_sizes(self, problem: SaddleProblem) -> tuple[float, tuple[float, ...]]:
        """tau and sigma_i for this problem."""
        c, norms = unit_of_data(problem)
        tau = (1 - 1e-6) / (len(norms) * self.balance * c)
        return tau, tuple(self.balance * c / n**2 for n in norms)

    def init(self, problem: SaddleProblem, x0: Tensor | None) -> StochasticState:
        tau, sigma = self.step_sizes(problem)
        x = problem.start(x0, "StochasticPDHG")
        y = tuple(operator.codomain.zeros(len(x)) for _, operator in problem.blocks)
        m, flat, zero = len(y), torch.zeros_like(x), norm(torch.zeros_like(x))
        unknown = torch.full_like(zero, math.inf)
        return StochasticState(
            x, y, (flat,) * m, flat, tau, sigma, 0, x, flat, (x,) * m, (zero,) * m, (unknown,) * m, (zero,) * m
        )

    def step(self, problem: SaddleProblem, state: StochasticState) -> StochasticState:
        x = problem.proximable.prox(state.x - state.tau * state.ahead, state.tau)
        i = self.block(len(state.y), state.num_steps)
        operator, sigma = problem.blocks[i][1], state.sigma[i]
        kx = operator.forward(x)
        y_i = problem.conjugates[i].prox(state.y[i] + sigma * kx, sigma)
        kty_i = operator.adjoint(y_i)
        kty = _with(state.kty, i, kty_i)
        ahead = functools.reduce(torch.add, kty) + len(kty) * (kty_i - state.kty[i])
        # A step below the spacing of the numbers moves nothing: of the ascent, so much may not have been seen.
        unseen = torch.minimum(rounding(y_i) * norm(y_i) / sigma, norm(kx))
        first = torch.where(state.seen_residuals[i] < math.inf, state.first[i], norm(kty_i.detach()))
        return StochasticState(
            x,
            _with(state.y, i, y_i),
            kty,
            ahead,
            state.tau,
            state.sigma,
            state.num_steps + 1,
            state.x,
            state.ahead,
            _with(state.seen, i, x),
            _with(state.seen_sizes, i, norm(kx)),
            _with(state.seen_residuals, i, norm(state.y[i] - y_i) / sigma + unseen),
            _with(state.first, i, first),
        )

    def solution(self, state: StochasticState) -> Tensor:
        return state.x

    def optimality(self, problem: SaddleProblem, state: StochasticState) -> Optimality:
        ascent = functools.reduce(torch.add, state.kty)
        p = norm((state.x_before - state.x) / state.tau - state.ahead_before + ascent)
        p = p + torch.minimum(rounding(state.x) * norm(state.x) / state.tau, norm(ascent))
        parts = [norm(part) for part in state.kty]
        if len(parts) == 1 and type(problem.proximable) is Zero:
            parts = list(state.first)  # nothing cancels
        worst = relative(p, functools.reduce(torch.maximum, parts + dual_floor(state.first)))
        for (_, operator), x, size, residual, first, s in zip(
            problem.blocks, state.seen, state.seen_sizes, state.seen_residuals, state.first, state.sigma, strict=True
        ):
            drawn = residual < math.inf
            upper = operator.norm().upper
            moved = upper * norm(state.x - x)
            image = torch.maximum(norm(state.x), first * (1 + 1 / s) / max(upper**2, 1e-300))
            now = relative(torch.where(drawn, residual, 0.0) + moved, torch.maximum(size, 1e-3 * upper * image))
            worst = torch.maximum(worst, torch.where(drawn, now, 1.0))
        return Optimality(worst, torch.ones_like(worst))

    def objective(self, problem: SaddleProblem, state: StochasticState) -> Tensor:
        return problem.objective.value(state.x)


def _with(values: tuple, place: int, value: Tensor) -> tuple:
    return (*values[:place], value, *values[place + 1 :])
