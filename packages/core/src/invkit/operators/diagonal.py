"""Pointwise multiplication."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from ..derivations.symmetry import Action, Moved
from ..derivations.symmetry import Diagonal as Factors
from ..errors import DataError, ShapeError
from .base import HasGram, HasGramDiagonal, HasPseudoInverse
from .capabilities.absolute_sums import HasAbsoluteSums
from .norm import Interval
from .space import Space, same_kind, squared_magnitude
from .symmetry.groups import is_symmetric


@dataclass(frozen=True, eq=False, repr=False)
class Diagonal(HasAbsoluteSums, HasGram, HasGramDiagonal, HasPseudoInverse):
    """x -> w x, pointwise, on images of shape (batch, *domain_shape).

    weights: real or complex, of a shape that broadcasts to ``domain_shape`` (default: its own shape, channels first);
        gradients reach it.
    dtype: of the images, by default that of the weights; real weights may act on complex images.

    |A| = max |w|.

    Raises: ShapeError if the weights do not broadcast to the shape, or are complex where the images are real; DataError
    if they are not finite.
    """

    weights: Tensor
    domain_shape: tuple[int, ...] = ()
    dtype: torch.dtype | None = None

    def __post_init__(self) -> None:
        weights, shape = self.weights, tuple(self.domain_shape) or tuple(self.weights.shape)
        if not (weights.is_floating_point() or weights.is_complex()):
            raise ShapeError(
                f"Diagonal: weights have dtype {weights.dtype}, expected a real or complex floating type. Convert them."
            )
        if weights.ndim > len(shape) or any(
            w not in (1, n) for w, n in zip(reversed(weights.shape), reversed(shape), strict=False)
        ):
            raise ShapeError(
                f"Diagonal: weights have shape {tuple(weights.shape)}, expected one that broadcasts to {shape}. "
                "Reshape them, or name the shape of the images."
            )
        dtype = self.dtype or weights.dtype
        if weights.is_complex() and not dtype.is_complex:
            raise ShapeError(f"Diagonal: weights are complex, expected real ones for {dtype} images. Set dtype.")
        if not bool(torch.isfinite(weights.detach()).all()):
            raise DataError("Diagonal: weights contain NaN or inf, expected finite values. Check their source.")
        object.__setattr__(self, "domain_shape", shape)
        object.__setattr__(self, "dtype", dtype)
        object.__setattr__(self, "weights", weights.to(same_kind(dtype, weights.dtype)))

    @functools.cached_property
    def domain(self) -> Space:
        return Space(self.domain_shape, self.dtype, self.weights.device)  # type: ignore[arg-type]

    @property
    def codomain(self) -> Space:
        return self.domain

    def _forward(self, x: Tensor) -> Tensor:
        return x * self.weights

    def _adjoint(self, y: Tensor) -> Tensor:
        return y * self.weights.conj()

    def _gram(self, x: Tensor) -> Tensor:
        return x * squared_magnitude(self.weights)

    def _gram_diagonal(self, weights: Tensor) -> Tensor:
        return weights * squared_magnitude(self.weights)

    def _pseudo_inverse(self, y: Tensor) -> Tensor:
        seen = self.weights.abs() > torch.finfo(self.weights.dtype).tiny  # what is smaller has no reciprocal
        return y * torch.where(seen, 1 / torch.where(seen, self.weights, 1), 0)

    def _absolute_sums(self) -> tuple[Tensor, Tensor]:
        size = self.weights.abs().expand(1, *self.domain_shape)
        return size.clone(), size.clone()

    def _norm(self) -> Interval:
        wide = self.weights.to(same_kind(torch.float64, self.weights.dtype))
        return Interval.exact(float(wide.abs().max()), "largest weight")

    def _carried(self, action: Action) -> Action | None:
        if isinstance(action, Moved) and action.dims is not None:
            return action if is_symmetric(self.weights, action.group, action.dims) else None
        return action if isinstance(action, Factors) else None

    @property
    def structure(self) -> frozenset[str]:
        weights, found = self.weights.detach(), set()
        if not weights.is_complex():
            found.add("self_adjoint")
            if bool((weights >= 0).all()):
                found.add("positive_semidefinite")
        if bool((weights.abs() == 1).all()):
            found |= {"isometric", "unitary"}
        return frozenset(found)
