"""Chambolle and Pock's accelerated methods: O(1/N^2) with one strongly convex side, linear with both."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import ConfigError
from ...functionals.base import Differentiable, Functional, Proximable
from ...functionals.moduli import is_convex, of_conjugate
from ..base import Optimality, Solver
from ..problems import SaddleProblem, as_saddle
from .step import (
    PrimalDualState,
    primal_dual_step,
    saddle_objective,
    start,
    step_optimality,
    with_strongly_convex_g,
)

_BELOW_ONE = 1 - 1e-12


@dataclass(frozen=True)
class AcceleratedPDHG(Solver[SaddleProblem, PrimalDualState]):
    """PDHG for g strongly convex with modulus gamma, whose steps change so that |x_N - x*|^2 = O(1/N^2):

        y_i <- prox of sigma_i f_i* at y_i + sigma_i K_i z;      x <- prox_g(x - tau sum_i K_i* y_i, tau);
        theta = 1 / sqrt(1 + 2 gamma tau),   tau <- theta tau,   sigma_i <- sigma_i / theta,
        z = x + theta (x - x_before).

    g: the most strongly convex term without an operator (or with the identity); the other terms are the f_i.
    tau: the first step, with sigma_i = 1 / (m tau |K_i|^2) for m blocks; None is 1 / gamma, which has its unit.
    floor: once gamma tau, about 1 / N, is below it, the steps stay and theta is 1: plain PDHG from there, which on
        small or smooth problems ends linearly, where the shrinking steps come no closer than O(1/N). 0 never stops.
    Residual and cost as for ``PDHG``.

    Raises: ConfigError if tau is not positive or floor not in [0, 1); from ``prepare`` if no term without an operator
    is strongly convex.
    Source: Chambolle, Pock (2011), Algorithm 2 and Theorem 2.
    """

    form = SaddleProblem

    tau: float | None = None
    floor: float = 0.01

    def __post_init__(self) -> None:
        if not 0 <= self.floor < 1:
            raise ConfigError(f"AcceleratedPDHG: floor is {self.floor}, expected a number in [0, 1). Use 0.01.")
        if self.tau is not None and not 0 < self.tau < math.inf:
            raise ConfigError(f"AcceleratedPDHG: tau is {self.tau}, expected a positive number. Leave it out.")

    def prepare(self, objective: Functional) -> SaddleProblem:
        return with_strongly_convex_g(as_saddle(objective, "AcceleratedPDHG"), "AcceleratedPDHG")[0]

    def step_sizes(self, problem: SaddleProblem) -> tuple[float, tuple[float, ...]]:
        """The first tau and sigma_i; tau_k * sum_i sigma_i,k |K_i|^2 is the same at every step.

        Raises: ConfigError if g is not strongly convex.
        """
        gamma = modulus_of(problem, "AcceleratedPDHG")
        tau = _BELOW_ONE / gamma if self.tau is None else self.tau
        norms = [operator.norm().upper or 1.0 for _, operator in problem.blocks]
        return tau, tuple(_BELOW_ONE / (len(norms) * tau * n**2) for n in norms)

    def init(self, problem: SaddleProblem, x0: Tensor | None) -> PrimalDualState:
        tau, sigma = self.step_sizes(problem)
        return start(problem, x0, tau, sigma, "AcceleratedPDHG", gamma=modulus_of(problem, "AcceleratedPDHG"))

    def step(self, problem: SaddleProblem, state: PrimalDualState) -> PrimalDualState:
        if state.first is None:
            return primal_dual_step(problem, state, state.tau, state.sigma, 1.0)
        assert state.gamma is not None
        growth = 2 * state.gamma * state.tau
        theta = torch.where(growth > 2 * self.floor, (1 + growth).rsqrt(), 1.0)
        sigma = tuple(s / theta for s in state.sigma)
        return primal_dual_step(problem, state, theta * state.tau, sigma, theta)

    def solution(self, state: PrimalDualState) -> Tensor:
        return state.x

    def optimality(self, problem: SaddleProblem, state: PrimalDualState) -> Optimality:
        return step_optimality(problem, state)

    def objective(self, problem: SaddleProblem, state: PrimalDualState) -> Tensor:
        return saddle_objective(problem, state)


@dataclass(frozen=True)
class LinearRatePDHG(Solver[SaddleProblem, PrimalDualState]):
    """PDHG with constant steps for g strongly convex with modulus gamma and f_i smooth, f_i* with modulus delta_i:

        mu = 2 sqrt(gamma) / L,   L^2 = sum_i |K_i|^2 / delta_i,
        tau = mu / (2 gamma),   sigma_i = mu / (2 delta_i),   theta = 1 / (1 + mu),
        gamma |x_N - x*|^2 + (1 - theta) sum_i delta_i |y_i,N - y_i*|^2
            <= theta^N (gamma |x_0 - x*|^2 + sum_i delta_i |y_i,0 - y_i*|^2).

    delta_i: 1 / L_i for f_i with a gradient of constant L_i, or what f_i* says of itself. Other settings: none.
    Residual and cost as for ``PDHG``.

    Raises: ConfigError from ``prepare`` if a modulus is missing, naming the term.
    Source: Chambolle, Pock (2011), Algorithm 3 and Theorem 3, with y_i scaled by delta_i^(1/2); dissertation,
    section 1.C.2.
    """

    form = SaddleProblem

    def prepare(self, objective: Functional) -> SaddleProblem:
        problem, _ = with_strongly_convex_g(as_saddle(objective, "LinearRatePDHG"), "LinearRatePDHG")
        _dual_moduli(problem)
        return problem

    def rate(self, problem: SaddleProblem) -> float:
        """theta: by this factor the squared distances fall in each step."""
        return 1 / (1 + self._mu(problem))

    def step_sizes(self, problem: SaddleProblem) -> tuple[float, tuple[float, ...]]:
        """tau and sigma_i for this problem.

        Raises: ConfigError if a modulus is missing.
        """
        gamma, mu = modulus_of(problem, "LinearRatePDHG"), self._mu(problem)
        return mu / (2 * gamma), tuple(mu / (2 * delta) for delta in _dual_moduli(problem))

    def init(self, problem: SaddleProblem, x0: Tensor | None) -> PrimalDualState:
        tau, sigma = self.step_sizes(problem)
        return start(problem, x0, tau, sigma, "LinearRatePDHG", gamma=modulus_of(problem, "LinearRatePDHG"))

    def step(self, problem: SaddleProblem, state: PrimalDualState) -> PrimalDualState:
        assert state.gamma is not None
        theta = 1 / (1 + 2 * state.gamma * state.tau)  # mu = 2 gamma tau
        return primal_dual_step(problem, state, state.tau, state.sigma, theta)

    def solution(self, state: PrimalDualState) -> Tensor:
        return state.x

    def optimality(self, problem: SaddleProblem, state: PrimalDualState) -> Optimality:
        return step_optimality(problem, state)

    def objective(self, problem: SaddleProblem, state: PrimalDualState) -> Tensor:
        return saddle_objective(problem, state)

    def _mu(self, problem: SaddleProblem) -> float:
        deltas = _dual_moduli(problem)
        squares = [
            operator.norm().upper ** 2 / delta for (_, operator), delta in zip(problem.blocks, deltas, strict=True)
        ]
        length = math.sqrt(sum(squares)) or 1.0
        return 2 * math.sqrt(modulus_of(problem, "LinearRatePDHG")) / length * _BELOW_ONE


def modulus_of(problem: SaddleProblem, who: str) -> float:
    """gamma of g.

    Raises: ConfigError if it is not positive.
    """
    gamma = problem.proximable.convexity()
    if gamma is None or not gamma > 0:
        raise ConfigError(
            f"{who}: g is {problem.proximable!r} with modulus {gamma}, expected a strongly convex one such as "
            "c * SquaredL2(y). Use core/pdhg."
        )
    return gamma


def _dual_moduli(problem: SaddleProblem) -> list[float]:
    """delta_i of each f_i*.

    Raises: ConfigError if one is not known to be positive.
    """
    found = [_dual_modulus(f) for f, _ in problem.blocks]
    for (f, _), delta in zip(problem.blocks, found, strict=True):
        if not delta > 0:
            raise ConfigError(
                f"LinearRatePDHG: term {f!r} has no gradient with a known Lipschitz constant, expected a smooth one. "
                "Use core/pdhg-accelerated, which needs none."
            )
    return found


def _dual_modulus(f: Proximable) -> float:
    smooth = f.smoothness() if isinstance(f, Differentiable) and is_convex(f.convexity()) else None
    stated = f.conjugate.convexity() or 0.0
    return stated if smooth is None else max(stated, of_conjugate(smooth.upper) or 0.0)
