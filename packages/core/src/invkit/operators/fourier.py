"""The sampled discrete Fourier transform of Cartesian MRI, in any number of dimensions."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..derivations.symmetry import Action, Diagonal, Monomial, Moved
from ..errors import DataError, ShapeError
from .base import HasGram, HasGramDiagonal, HasPseudoInverse
from .capabilities.fourier_symbol import HasFourierSymbol
from .moving import versions_of
from .norm import Interval
from .space import Space, complex_dtype, real_dtype


@dataclass(frozen=True, eq=False, repr=False)
class Fourier(HasFourierSymbol, HasGram, HasGramDiagonal, HasPseudoInverse):
    """A x = S F x with the orthonormal Fourier transform F and a real sampling pattern S, DC at index 0.

    Shapes: (batch, channels, *image_shape) complex -> the same; k-space is stored on the full grid, zero where S is.
    sampling_pattern: real, of shape ``image_shape`` or with axes of length 1 that are broadcast (lines); its values
        are weights, so a relaxed pattern in [0, 1] is allowed, and gradients reach it. None samples everything.
    channels: 1 for an image, the number of coils behind ``Coils``.

    |A| = max |S|, because F is unitary.   A*A = F* S^2 F takes two transforms, as A and A* do together.

    Raises: ShapeError if the pattern does not fit; DataError if it is not finite.
    """

    image_shape: tuple[int, ...]
    sampling_pattern: Tensor | None = None
    channels: int = 1
    dtype: torch.dtype = torch.complex64
    device: torch.device = torch.device("cpu")

    def __post_init__(self) -> None:
        shape = tuple(self.image_shape)
        object.__setattr__(self, "image_shape", shape)
        object.__setattr__(self, "dtype", complex_dtype(self.dtype))
        pattern = self.sampling_pattern
        if pattern is None:
            return
        fits = pattern.ndim == len(shape) and all(p in (1, n) for p, n in zip(pattern.shape, shape, strict=True))
        if not fits or pattern.is_complex():
            raise ShapeError(
                f"Fourier: sampling pattern has shape {tuple(pattern.shape)} and dtype {pattern.dtype}, expected a "
                f"real tensor of shape {shape} or with axes of length 1. Crop or rebuild it for this image size."
            )
        pattern = pattern.to(device=self.device, dtype=real_dtype(self.dtype))
        if not bool(torch.isfinite(pattern.detach()).all()):
            raise DataError("Fourier: sampling pattern contains NaN or inf, expected finite weights. Check its source.")
        object.__setattr__(self, "sampling_pattern", pattern)

    @functools.cached_property  # building and checking it at each call would show beside a small transform
    def domain(self) -> Space:
        return Space((self.channels, *self.image_shape), self.dtype, self.device)

    @property
    def codomain(self) -> Space:
        return self.domain

    @property
    def _dims(self) -> tuple[int, ...]:
        return tuple(range(-len(self.image_shape), 0))

    def _transform(self, x: Tensor) -> Tensor:
        # MKL refuses to transform an empty batch.
        return torch.fft.fftn(x, dim=self._dims, norm="ortho") if len(x) else x.clone()

    def _inverse(self, y: Tensor) -> Tensor:
        return torch.fft.ifftn(y, dim=self._dims, norm="ortho") if len(y) else y.clone()

    def _weigh(self, y: Tensor, weights: Tensor) -> Tensor:
        # In place on a fresh tensor where autograd has no use for the old values: a third of the memory traffic.
        return y * weights if weights.requires_grad else y.mul_(weights)

    def _forward(self, x: Tensor) -> Tensor:
        y = self._transform(x)
        return y if self.sampling_pattern is None else self._weigh(y, self.sampling_pattern)

    def _adjoint(self, y: Tensor) -> Tensor:
        return self._inverse(y if self.sampling_pattern is None else y * self.sampling_pattern)

    def _gram(self, x: Tensor) -> Tensor:
        if self.sampling_pattern is None:
            return x.clone()
        return self._inverse(self._weigh(self._transform(x), self._squared_pattern(self.sampling_pattern)))

    def _gram_diagonal(self, weights: Tensor) -> Tensor:
        # |F_ki|^2 = 1 / n for all k and i, so every pixel of a channel has the same entry.
        weighed = weights if self.sampling_pattern is None else weights * self.sampling_pattern.square()
        return weighed.mean(self._dims, keepdim=True).expand_as(weights).clone()

    def _squared_pattern(self, pattern: Tensor) -> Tensor:
        """S^2, kept in complex form while the pattern stands: squaring and promoting it cost a tenth of A*A.

        Not that of a parameter, which a fused optimiser changes unseen.
        """
        key = None if pattern.requires_grad or isinstance(pattern, nn.Parameter) else versions_of(pattern)
        if key is None:
            return pattern.square()
        memo = self.__dict__.get("_squared_memo")
        if memo is None or memo[0] != key:
            memo = (key, pattern.square().to(self.dtype))
            self.__dict__["_squared_memo"] = memo
        return memo[1]

    def _pseudo_inverse(self, y: Tensor) -> Tensor:
        pattern = self.sampling_pattern
        if pattern is None:
            return self._inverse(y)
        sampled = pattern.abs() > torch.finfo(pattern.dtype).tiny  # what is smaller has no reciprocal
        inverse = torch.where(sampled, 1 / torch.where(sampled, pattern, 1), 0)
        return self._inverse(y * inverse)

    def _gram_symbol(self) -> Tensor:
        if self.sampling_pattern is None:
            return torch.ones((1,) * len(self.image_shape), dtype=real_dtype(self.dtype), device=self.device)
        return self.sampling_pattern.square()

    def _norm(self) -> Interval:
        if self.sampling_pattern is None:
            return Interval.exact(1.0).transformed(self.domain)
        return Interval.exact(float(self.sampling_pattern.abs().max())).transformed(self.domain)

    def _carried(self, action: Action) -> Action | None:
        if not isinstance(action, Moved) or (action.leading, action.dims) != (1, len(self.image_shape)):
            return None
        if action.group == "translations":
            return Diagonal()  # a shift is a phase of each frequency, which the pattern does not mix
        return Monomial() if action.group != "permutations" and self.sampling_pattern is None else None

    @property
    def structure(self) -> frozenset[str]:
        return frozenset({"isometric", "unitary"}) if self.sampling_pattern is None else frozenset()
