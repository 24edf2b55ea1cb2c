"""The primal-dual hybrid gradient method of Chambolle and Pock, with one dual step size for each block."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import ConfigError
from ...functionals.base import Functional
from ...operators.space import norm
from ..base import Optimality, Solver
from ..problems import SaddleProblem, as_saddle
from .step import data_sizes, saddle_objective, saddle_optimality, unit_of_data


@dataclass(frozen=True)
class PDHGState:
    """x and the duals y_i, with K_i x and K_i* y_i beside them so that nothing is applied twice.

    The trailing fields are what the residual of the last step needs; ``first`` are the |K_i* y_i| after the first step.
    """

    x: Tensor
    y: tuple[Tensor, ...]
    kx: tuple[Tensor, ...]
    kx_before: tuple[Tensor, ...]
    kty: tuple[Tensor, ...]
    tau: float
    sigma: tuple[float, ...]
    first: tuple[Tensor, ...] | None = None
    previous: PDHGState | None = None


@dataclass(frozen=True)
class PDHG(Solver[SaddleProblem, PDHGState]):
    """minimise sum_i f_i(K_i x) + g(x) by, with z_i = 2 K_i x - K_i x_before,

        y_i <- prox of sigma_i f_i* at y_i + sigma_i z_i;      x <- prox_g(x - tau sum_i K_i* y_i, tau).

    tau, sigma: steps with tau * sum_i sigma_i |K_i|^2 <= 1; sigma is one number, or one for each block (data fidelity,
        regulariser, ... in the order of the objective). None: with m blocks, c = |K_1|^2 of the first quadratic block
        (1 without one) and ``balance`` b,   sigma_i = b c / |K_i|^2,   tau = 1 / (m b c),
        which makes the iteration independent of the units of x, of the data and of length.
    balance: larger moves the duals faster. It changes the speed, never the solution. The fastest for TV was
        0.05 to 0.1 on small CT images and 0.5 on MRI (benchmarks/pdhg_balance.py).

    Residual: the larger of |p| / max_i |K_i* y_i| and max_i |d_i| / |K_i x|, where p in dg(x) + sum K_i* y_i and
    d_i in df_i*(y_i) - K_i x are read off the step; scale: 1. Duals that vanish at the solution (a weight of 0) are
    replaced in the first by a hundredth of what they were after the first step.
    Cost: one K and one K* a step, none in a start at zero.

    Source: Chambolle, Pock (2011), Algorithm 1 with theta = 1; a step for each block
    is their preconditioning with |(sigma_i^(1/2) K_i)|^2 <= sum_i sigma_i |K_i|^2, Pock, Chambolle (2011), Theorem 1.
    """

    form = SaddleProblem

    tau: float | None = None
    sigma: float | tuple[float, ...] | None = None
    balance: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.balance < math.inf:
            raise ConfigError(f"PDHG: balance is {self.balance}, expected a positive number. Use 0.1.")
        sigmas = self.sigma if isinstance(self.sigma, tuple | list) else (self.sigma,)
        if any(step is not None and not 0 < step < math.inf for step in (self.tau, *sigmas)):
            raise ConfigError(
                f"PDHG: tau is {self.tau} and sigma is {self.sigma}, expected positive numbers. Leave both out."
            )
        if (self.tau is None) != (self.sigma is None):
            raise ConfigError(
                f"PDHG: tau is {self.tau} and sigma is {self.sigma}, expected both or neither. Give both."
            )

    def prepare(self, objective: Functional) -> SaddleProblem:
        return as_saddle(objective, "PDHG")

    def step_sizes(self, problem: SaddleProblem) -> tuple[float, tuple[float, ...]]:
        """tau and sigma_i for this problem.

        Raises: ConfigError unless they are positive and tau * sum_i sigma_i |K_i|^2 <= 1.
        """
        norms = [operator.norm().upper for _, operator in problem.blocks]
        if self.tau is None or self.sigma is None:
            c, safe = unit_of_data(problem)
            tau = (1 - 1e-12) / (len(norms) * self.balance * c)
            return tau, tuple(self.balance * c / n**2 for n in safe)
        sigma = self.sigma if isinstance(self.sigma, tuple | list) else (self.sigma,) * len(norms)
        if len(sigma) != len(norms):
            raise ConfigError(f"PDHG: there are {len(sigma)} sigmas, expected {len(norms)}. Give one for each block.")
        product = self.tau * sum(s * n**2 for s, n in zip(sigma, norms, strict=True))
        if self.tau <= 0 or min(sigma) <= 0 or not product <= 1:
            raise ConfigError(
                f"PDHG: tau * sum sigma_i |K_i|^2 is {product:.6g} with tau = {self.tau:g} and sigma = "
                f"{', '.join(f'{s:g}' for s in sigma)}, expected positive steps with a value in (0, 1], for "
                f"|K_i| <= {', '.join(f'{n:.6g}' for n in norms)}. Lower a step, or leave both out."
            )
        return self.tau, tuple(float(s) for s in sigma)

    def init(self, problem: SaddleProblem, x0: Tensor | None) -> PDHGState:
        tau, sigma = self.step_sizes(problem)
        x = problem.start(x0, "PDHG")
        duals = tuple(operator.codomain.zeros(len(x)) for _, operator in problem.blocks)
        kx = duals if x0 is None else tuple(operator.forward(x) for _, operator in problem.blocks)
        return PDHGState(x, duals, kx, kx, (), tau, sigma)

    def step(self, problem: SaddleProblem, state: PDHGState) -> PDHGState:
        y = tuple(
            f_star.prox(torch.add(y_i, kx, alpha=2 * sigma).sub_(before, alpha=sigma), sigma)
            for f_star, sigma, y_i, kx, before in zip(
                problem.conjugates, state.sigma, state.y, state.kx, state.kx_before, strict=True
            )
        )
        kty = tuple(operator.adjoint(y_i) for (_, operator), y_i in zip(problem.blocks, y, strict=True))
        ascent = functools.reduce(torch.add, kty)
        x = problem.proximable.prox(torch.sub(state.x, ascent, alpha=state.tau), state.tau)
        kx = tuple(operator.forward(x) for _, operator in problem.blocks)
        # The state before is kept for the residual, without its own predecessor: memory stays bounded.
        previous = PDHGState(state.x, state.y, state.kx, state.kx_before, (), state.tau, state.sigma)
        first = tuple(norm(part.detach()) for part in kty) if state.first is None else state.first
        return PDHGState(x, y, kx, state.kx, kty, state.tau, state.sigma, first, previous)

    def solution(self, state: PDHGState) -> Tensor:
        return state.x

    def optimality(self, problem: SaddleProblem, state: PDHGState) -> Optimality:
        before = state.previous
        assert before is not None
        assert state.first is not None
        moved = tuple((before.y[i], 2 * before.kx[i] - before.kx_before[i]) for i in range(len(state.y)))
        size = functools.reduce(torch.maximum, data_sizes(problem, state.first, state.sigma))
        return saddle_optimality(problem, state, before.x, moved, state.tau, state.sigma, state.first, size)

    def objective(self, problem: SaddleProblem, state: PDHGState) -> Tensor:
        return saddle_objective(problem, state)
