"""The zero functional, and the indicator of zero that is its conjugate."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..derivations.symmetry import Action
from ..operators.norm import Interval
from .base import HasHessianDiagonal, Proximable
from .indicators import Ball


@dataclass(frozen=True, eq=False, repr=False)
class Zero(HasHessianDiagonal, Proximable):
    """x -> 0; its proximal map is the identity."""

    def _value(self, x: Tensor) -> Tensor:
        return torch.zeros(len(x), dtype=x.abs().dtype if x.is_complex() else x.dtype, device=x.device)

    def _gradient(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)

    def _hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        return torch.zeros_like(v)

    def _hessian_diagonal(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x.real)

    def smoothness(self) -> Interval:
        return Interval.exact(0.0)

    def hessian_lipschitz(self) -> float:
        return 0.0

    def convexity(self) -> float:
        return 0.0

    def is_invariant(self, action: Action) -> bool:
        return True

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        return v.clone()  # a new tensor, so that changing the result never changes the argument

    @property
    def conjugate(self) -> Proximable:
        return Ball(0.0)

    def scaled_conjugate(self, weight: float | Tensor) -> Proximable:
        return self.conjugate
