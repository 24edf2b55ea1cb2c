"""The orthonormal Haar transform, in any number of dimensions."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ConfigError
from .base import HasGramDiagonal
from .norm import Interval
from .space import Space, image_axes
from .wavelet import WaveletTransform


@dataclass(frozen=True, eq=False, repr=False)
class Haar(WaveletTransform, HasGramDiagonal):
    """One level replaces the pairs (p, q) along each axis by all (p + q) / sqrt(2), then all (p - q) / sqrt(2).

    The next level does so with the corner of sums. (batch, channels, *image_shape) -> the same.
    The coefficients lie as Mallat nests them: the approximation at the corner of index 0, of sizes n_i / 2^levels.
    Unitary, so A* is the inverse and |A| = 1.

    Raises: ConfigError if levels is no positive whole number, or a size no multiple of 2^levels.
    Source: Haar (1910); the nested layout of Mallat (1989), IEEE Trans. Pattern Anal. Mach. Intell. 11(7), 674-693.
    """

    image_shape: tuple[int, ...]
    levels: int = 1
    channels: int = 1
    dtype: torch.dtype = torch.float32
    device: torch.device = torch.device("cpu")

    def __post_init__(self) -> None:
        shape = image_axes(self.image_shape, "Haar")
        object.__setattr__(self, "image_shape", shape)
        levels = self.levels
        if isinstance(levels, bool | str) or levels != int(levels) or levels < 1:
            raise ConfigError(f"Haar: levels is {levels!r}, expected a positive whole number. Correct it.")
        object.__setattr__(self, "levels", int(levels))
        step = 2**self.levels
        if any(n % step for n in shape):
            padded = tuple(n + -n % step for n in shape)
            raise ConfigError(
                f"Haar: image_shape is {shape}, expected multiples of {step} for {self.levels} levels. "
                f"Pad the images to {padded}, or use {self._most_levels(shape)}."
            )

    @staticmethod
    def _most_levels(shape: tuple[int, ...]) -> str:
        power = math.gcd(*shape) & -math.gcd(*shape)
        return f"at most {power.bit_length() - 1} levels" if power > 1 else "even sizes"

    @property
    def domain(self) -> Space:
        return Space((self.channels, *self.image_shape), self.dtype, self.device)

    @property
    def codomain(self) -> Space:
        return self.domain

    @property
    def _dims(self) -> range:
        return range(2, 2 + len(self.image_shape))

    def _corner(self, x: Tensor, level: int) -> Tensor:
        """The approximation of that level, as a view."""
        for axis, n in enumerate(reversed(self.image_shape), start=1):
            x = x.narrow(-axis, 0, n >> level)
        return x

    @property
    def low_pass(self) -> Tensor:
        mask = torch.zeros(self.codomain.shape, dtype=torch.bool, device=self.device)
        self._corner(mask, self.levels).fill_(True)
        return mask

    def _forward(self, x: Tensor) -> Tensor:
        out = x.clone()
        for level in range(self.levels):
            part = corner = self._corner(out, level)
            for dim in self._dims:
                first, second = part.unflatten(dim, (-1, 2)).unbind(dim + 1)
                part = torch.cat([first + second, first - second], dim) * math.sqrt(0.5)
            corner.copy_(part)
        return out

    def _adjoint(self, y: Tensor) -> Tensor:
        return self._synthesise(y, math.sqrt(0.5), -1.0)

    def _gram_diagonal(self, weights: Tensor) -> Tensor:
        # Each entry is one product of entries of the levels, because the supports of a level are disjoint: so is its
        # square of their squares, which are all 1/2.
        return self._synthesise(weights, 0.5, 1.0)

    def _synthesise(self, y: Tensor, gain: float, sign: float) -> Tensor:
        """From sums s and differences d the pairs gain (s + d), gain (s + sign d), the coarsest level first."""
        out = y.clone()
        for level in reversed(range(self.levels)):
            part = corner = self._corner(out, level)
            for dim in self._dims:
                sums, differences = part.chunk(2, dim)
                pairs = torch.stack([sums + differences, sums + sign * differences], dim + 1)
                part = gain * pairs.flatten(dim, dim + 1)
            corner.copy_(part)
        return out

    def _norm(self) -> Interval:
        # Along each axis of each level a sum, a product, and a factor that is rounded itself.
        return Interval.exact(1.0).rounded(self.dtype, 3 * self.levels * len(self.image_shape))

    @property
    def structure(self) -> frozenset[str]:
        return frozenset({"isometric", "unitary"})
