"""What every wavelet transform offers, whoever computes it."""

from __future__ import annotations

import abc
from typing import final

import torch
from torch import Tensor

from .base import LinearOperator


class WaveletTransform(LinearOperator):
    """x -> wavelet coefficients of several levels: the role ``wavelet-transform``.

    The coefficients are one tensor per image, in a layout of the transform's own; ``low_pass`` says which of them are
    the approximation on the coarsest level, which sparse regularisation usually leaves alone.
    """

    @property
    @abc.abstractmethod
    def levels(self) -> int:
        """How many times the approximation was divided again."""

    @property
    @abc.abstractmethod
    def low_pass(self) -> Tensor:
        """bool, of shape ``codomain.shape``: True at the coefficients of the approximation."""

    @final
    def split(self, coefficients: Tensor) -> tuple[Tensor, Tensor]:
        """(approximation, details), both of the shape of the coefficients, whose sum they are.

        Raises: ShapeError if the coefficients are not a batch of the codomain.
        """
        self.codomain.check(coefficients, f"{type(self).__name__}.split")
        zero = torch.zeros((), dtype=coefficients.dtype, device=coefficients.device)
        low = self.low_pass
        return torch.where(low, coefficients, zero), torch.where(low, zero, coefficients)

    @final
    def approximation(self, coefficients: Tensor) -> Tensor:
        """The coefficients with every detail set to zero.

        Raises: ShapeError if the coefficients are not a batch of the codomain.
        """
        return self.split(coefficients)[0]
