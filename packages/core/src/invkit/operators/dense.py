"""An operator given by its matrix."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import DataError, ShapeError
from .base import HasGramDiagonal, LinearOperator
from .capabilities.absolute_sums import HasAbsoluteSums
from .capabilities.views import HasSubsets
from .norm import Interval, dense_norm
from .restriction import Restriction
from .space import Space, squared_magnitude


@dataclass(frozen=True, eq=False, repr=False)
class Dense(HasAbsoluteSums, HasGramDiagonal, HasSubsets):
    """x -> M x for a matrix M of shape (m, n), acting on the flattened image.

    domain_shape: shape of an image without the batch axis, with n numbers (default ``(n,)``); codomain_shape likewise.

    Raises: ShapeError if M is not a floating-point matrix or does not fit the shapes; DataError if it is not finite.
    """

    matrix: Tensor
    domain_shape: tuple[int, ...] = ()
    codomain_shape: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.matrix.ndim != 2:
            raise ShapeError(f"Dense: matrix has shape {tuple(self.matrix.shape)}, expected (m, n). Reshape it.")
        if not (self.matrix.is_floating_point() or self.matrix.is_complex()):
            raise ShapeError(
                f"Dense: matrix has dtype {self.matrix.dtype}, expected a real or complex floating type. Convert it."
            )
        if not bool(torch.isfinite(self.matrix.detach()).all()):
            raise DataError("Dense: matrix contains NaN or inf, expected finite values. Check its source.")
        m, n = self.matrix.shape
        for name, size in (("domain_shape", n), ("codomain_shape", m)):
            shape = tuple(getattr(self, name)) or (size,)
            if math.prod(shape) != size:
                raise ShapeError(
                    f"Dense: {name} is {shape}, expected {size} numbers for a matrix of shape ({m}, {n}). "
                    "Choose a shape with that product."
                )
            object.__setattr__(self, name, shape)

    @property
    def domain(self) -> Space:
        return Space(self.domain_shape, self.matrix.dtype, self.matrix.device)

    @property
    def codomain(self) -> Space:
        return Space(self.codomain_shape, self.matrix.dtype, self.matrix.device)

    def _forward(self, x: Tensor) -> Tensor:
        return (x.flatten(1) @ self.matrix.mT).unflatten(1, self.codomain_shape)

    def _adjoint(self, y: Tensor) -> Tensor:
        return (y.flatten(1) @ self.matrix.conj()).unflatten(1, self.domain_shape)

    def _gram_diagonal(self, weights: Tensor) -> Tensor:
        return (weights.flatten(1) @ squared_magnitude(self.matrix)).unflatten(1, self.domain_shape)

    @property
    def view_axes(self) -> tuple[int, ...]:
        return tuple(range(len(self.codomain_shape)))

    def _num_views(self, axis: int) -> int:
        return self.codomain_shape[axis]

    def _subset(self, axis: int, views: Tensor) -> tuple[LinearOperator, Restriction]:
        restriction = Restriction(self.codomain, axis, views)
        rows = self.matrix.unflatten(0, self.codomain_shape).index_select(axis, views).flatten(0, -2)
        return Dense(rows, self.domain_shape, restriction.codomain.shape), restriction

    def _absolute_sums(self) -> tuple[Tensor, Tensor]:
        size = self.matrix.abs()
        return size.sum(0)[None].unflatten(1, self.domain_shape), size.sum(1)[None].unflatten(1, self.codomain_shape)

    def _norm(self) -> Interval:
        return dense_norm(self.matrix)
