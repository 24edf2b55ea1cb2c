"""The identity."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..derivations.symmetry import Action
from .base import HasGramDiagonal
from .capabilities.absolute_sums import HasAbsoluteSums
from .capabilities.fourier_symbol import HasFourierSymbol
from .norm import Interval
from .space import Space, real_dtype


@dataclass(frozen=True, eq=False, repr=False)
class Identity(HasAbsoluteSums, HasFourierSymbol, HasGramDiagonal):
    """x -> x on images of shape ``(channels, *image_shape)``: the operator of denoising."""

    image_shape: tuple[int, ...]
    channels: int = 1
    dtype: torch.dtype = torch.float32
    device: torch.device = torch.device("cpu")

    def __post_init__(self) -> None:
        object.__setattr__(self, "image_shape", tuple(self.image_shape))

    @property
    def domain(self) -> Space:
        return Space((self.channels, *self.image_shape), self.dtype, self.device)

    @property
    def codomain(self) -> Space:
        return self.domain

    def _forward(self, x: Tensor) -> Tensor:
        return x.clone()  # a new tensor, so that changing the result never changes the argument

    def _adjoint(self, y: Tensor) -> Tensor:
        return y.clone()

    def _gram_diagonal(self, weights: Tensor) -> Tensor:
        return weights.clone()

    def _absolute_sums(self) -> tuple[Tensor, Tensor]:
        ones = torch.ones((1, *self.domain.shape), dtype=real_dtype(self.dtype), device=self.device)
        return ones, ones.clone()

    def _gram_symbol(self) -> Tensor:
        return torch.ones((1,) * len(self.image_shape), dtype=real_dtype(self.dtype), device=self.device)

    def _norm(self) -> Interval:
        return Interval.exact(1.0)

    def _carried(self, action: Action) -> Action:
        return action

    @property
    def structure(self) -> frozenset[str]:
        return frozenset({"self_adjoint", "positive_semidefinite", "isometric", "unitary"})
