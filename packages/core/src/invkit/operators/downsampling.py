"""Downsampling by whole factors, the operator of superresolution."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ..derivations.symmetry import Action, Moved
from ..errors import ConfigError
from .base import HasGramDiagonal, HasPseudoInverse
from .norm import Interval
from .space import Space, image_axes, is_text

Method = Literal["mean", "decimate"]


@dataclass(frozen=True, eq=False, repr=False)
class Downsampling(HasGramDiagonal, HasPseudoInverse):
    """(batch, channels, *image_shape) -> (batch, channels, *(n_i / f_i)), by whole factors f_i.

    factor: one number for all axes, or one for each.
    method: ``mean`` of each block of p = prod f_i pixels, or ``decimate``: the first pixel of each block.

    The blocks share no pixel, so that A A* = id / p for ``mean`` and id for ``decimate``: |A| = p^(-1/2) or 1, and the
    pseudo-inverse is p A* or A*.

    Raises: ConfigError if the method is unknown, or a size is no multiple of its factor.
    """

    image_shape: tuple[int, ...]
    factor: int | tuple[int, ...] = 2
    channels: int = 1
    method: Method = "mean"
    dtype: torch.dtype = torch.float32
    device: torch.device = torch.device("cpu")

    def __post_init__(self) -> None:
        shape = image_axes(self.image_shape, "Downsampling")
        factor = tuple(self.factor) if isinstance(self.factor, tuple | list) else (self.factor,) * len(shape)
        if self.method not in ("mean", "decimate"):
            raise ConfigError(f"Downsampling: method is {self.method!r}, expected 'mean' or 'decimate'. Choose one.")
        if len(factor) != len(shape) or any(is_text(f) or f != int(f) or f < 1 for f in factor):
            raise ConfigError(
                f"Downsampling: factor is {self.factor}, expected {len(shape)} positive whole numbers for {shape}. "
                "Give one for all axes, or one for each."
            )
        if any(n % f for n, f in zip(shape, factor, strict=True)):
            raise ConfigError(
                f"Downsampling: image_shape is {shape}, expected multiples of {factor}. "
                f"Crop the images to {tuple(n - n % int(f) for n, f in zip(shape, factor, strict=True))}, or pad them."
            )
        object.__setattr__(self, "image_shape", shape)
        object.__setattr__(self, "factor", tuple(int(f) for f in factor))

    @property
    def domain(self) -> Space:
        return Space((self.channels, *self.image_shape), self.dtype, self.device)

    @property
    def codomain(self) -> Space:
        coarse = (n // f for n, f in zip(self.image_shape, self._factors, strict=True))
        return Space((self.channels, *coarse), self.dtype, self.device)

    @property
    def _factors(self) -> tuple[int, ...]:
        return self.factor  # type: ignore[return-value]

    @property
    def _block_size(self) -> int:
        return math.prod(self._factors)

    @property
    def _first(self) -> tuple[slice, ...]:
        """The first pixel of each block."""
        return (slice(None), slice(None), *(slice(None, None, f) for f in self._factors))

    def _spread(self, y: Tensor) -> Tensor:
        """y at the places where the operator took it from: each pixel of the block, or the first."""
        if self.method == "decimate":
            out = y.new_zeros((len(y), *self.domain.shape))
            out[self._first] = y
            return out
        for i, f in enumerate(self._factors):
            y = y.repeat_interleave(f, dim=i + 2)
        return y

    def _forward(self, x: Tensor) -> Tensor:
        if self.method == "decimate":
            return x[self._first].clone(memory_format=torch.contiguous_format)
        for i, f in enumerate(self._factors):
            x = x.unflatten(i + 2, (-1, f)).sum(i + 3)
        return x / self._block_size

    def _adjoint(self, y: Tensor) -> Tensor:
        return self._spread(y if self.method == "decimate" else y / self._block_size)

    def _gram_diagonal(self, weights: Tensor) -> Tensor:
        return self._spread(weights if self.method == "decimate" else weights / self._block_size**2)

    def _pseudo_inverse(self, y: Tensor) -> Tensor:
        return self._spread(y)

    def _norm(self) -> Interval:
        return Interval.exact(1.0 if self.method == "decimate" else self._block_size**-0.5)

    def _carried(self, action: Action) -> Action | None:
        if not isinstance(action, Moved) or (action.leading, action.dims) != (1, len(self.image_shape)):
            return None
        if self.method == "decimate":  # the first pixel of a block is another one after a flip
            return None
        if action.group in ("C4", "D4"):
            return action if self._factors[-1] == self._factors[-2] else None
        return action if action.group in ("flips", "D2", "C2") else None

    @property
    def structure(self) -> frozenset[str]:
        whole = {"self_adjoint", "positive_semidefinite", "isometric", "unitary"}
        return frozenset(whole if self._block_size == 1 else ())
