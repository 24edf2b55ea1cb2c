"""PDHG with diagonal preconditioners: a step for each pixel and each row."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import ConfigError
from ...functionals.algebra import ScaledBoth, ScaledDifferentiable, ScaledProximable
from ...functionals.base import Functional
from ...functionals.conjugate import ScaledConjugate
from ...functionals.indicators import Ball, Box, BoxSupport
from ...functionals.norms import GroupL1, QuadraticConjugate, SquaredL2
from ...functionals.zero import Zero
from ...operators.base import LinearOperator
from ...operators.capabilities.absolute_sums import absolute_sums
from ...operators.space import real_dtype
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

_SEPARABLE = (SquaredL2, QuadraticConjugate, Zero, Box, BoxSupport)
_GROUPED = (Ball, GroupL1)
_WRAPPERS = (ScaledProximable, ScaledBoth, ScaledDifferentiable)


@dataclass(frozen=True)
class PreconditionedPDHG(Solver[SaddleProblem, PrimalDualState]):
    """PDHG with tau a number for each pixel j and sigma_i one for each row r of K_i:

        tau_j = 1 / sum_i w_i sum_r |K_i,rj|,      sigma_i,r = w_i / sum_j |K_i,rj|,      w_i = b c / |K_i|

    with ``balance`` b and c as for ``PDHG``, for which |Sigma^(1/2) K T^(1/2)| <= 1. It pays where rows or columns
    differ much in size, as rays of different length do. A block without the sums (``HasAbsoluteSums``), such as a
    Fourier transform, has |K_i| in their place, for which the bound holds as well.

    A proximal map with steps that differ is that of a separable functional only. Pixels that a functional takes
    together share the smallest of their steps: the group for a group norm, the whole image for what is not known.
    Residual and cost as for ``PDHG``.

    Raises: ConfigError if balance is not positive.
    Source: Pock, Chambolle (2011), Lemma 2 with alpha = 1, applied to the stack of the w_i^(1/2) K_i.
    """

    form = SaddleProblem

    balance: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.balance < math.inf:
            raise ConfigError(f"PreconditionedPDHG: balance is {self.balance}, expected a positive number. Use 0.1.")

    def prepare(self, objective: Functional) -> SaddleProblem:
        return as_saddle(objective, "PreconditionedPDHG")

    @torch.no_grad()
    def step_sizes(self, problem: SaddleProblem) -> tuple[Tensor, tuple[Tensor, ...]]:
        """tau, broadcastable to the images, and sigma_i, broadcastable to K_i x; real, with a batch axis of one."""
        c, norms = unit_of_data(problem)
        weights = [self.balance * c / n for n in norms]
        sums = [_sums(operator, n) for (_, operator), n in zip(problem.blocks, norms, strict=True)]
        columns = functools.reduce(torch.add, [w * column for w, (column, _) in zip(weights, sums, strict=True)])
        # A pixel that no block sees may have any step.
        columns = torch.where(columns > 0, columns, columns.amax())
        # Sums and steps are rounded: so much, and the condition is kept.
        slack = 1 + 16 * torch.finfo(columns.dtype).eps * math.log2(2 + columns.numel())
        tau = _shared(problem.proximable, 1 / (slack * columns))
        sigma = tuple(
            _shared(f_star, w / torch.where(row > 0, row, n))
            for f_star, w, (_, row), n in zip(problem.conjugates, weights, sums, norms, strict=True)
        )
        return tau, sigma

    def init(self, problem: SaddleProblem, x0: Tensor | None) -> PrimalDualState:
        tau, sigma = self.step_sizes(problem)
        return start(problem, x0, tau, sigma, "PreconditionedPDHG")

    def step(self, problem: SaddleProblem, state: PrimalDualState) -> PrimalDualState:
        return primal_dual_step(problem, state, state.tau, state.sigma, 1.0)

    def solution(self, state: PrimalDualState) -> Tensor:
        return state.x

    def optimality(self, problem: SaddleProblem, state: PrimalDualState) -> Optimality:
        return step_optimality(problem, state)

    def objective(self, problem: SaddleProblem, state: PrimalDualState) -> Tensor:
        return saddle_objective(problem, state)


def _sums(operator: LinearOperator, length: float) -> tuple[Tensor, Tensor]:
    """Sums of |K| by column and by row, or |K| for both.

    |Sigma^(1/2) K T^(1/2) x|^2 <= (w / |K|) |K|^2 |T^(1/2) x|^2 for sigma = w / |K|: the bound by column sums of |K|.
    """
    found = absolute_sums(operator)
    if found is not None:
        return found[0].detach(), found[1].detach()
    dtype, device = real_dtype(operator.domain.dtype), operator.domain.device
    return (
        torch.full((1, *operator.domain.shape), length, dtype=dtype, device=device),
        torch.full((1, *operator.codomain.shape), length, dtype=dtype, device=device),
    )


def _shared(functional: Functional, steps: Tensor) -> Tensor:
    """The smallest step of what the functional takes together."""
    axes = taken_together(functional)
    dims = list(range(1, steps.ndim)) if axes is None else [axis + 1 for axis in axes]
    return steps.amin(dims, keepdim=True) if dims else steps


def taken_together(functional: Functional) -> tuple[int, ...] | None:
    """The axes along which a proximal map needs one step, () for a separable one; None for all, or not known."""
    if type(functional) in _SEPARABLE:
        return ()
    if type(functional) in _GROUPED:
        return functional.axes  # type: ignore[attr-defined,no-any-return]
    if type(functional) in _WRAPPERS:
        return taken_together(functional.functional)  # type: ignore[attr-defined]
    if type(functional) is ScaledConjugate:
        return taken_together(functional.inner)
    return None
