"""Blurring: convolution with a kernel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ..claims import CERTIFIED
from ..derivations.symmetry import Action, Moved
from ..errors import ConfigError, DataError, ShapeError
from .base import HasGramDiagonal
from .capabilities.fourier_symbol import HasFourierSymbol
from .norm import Interval
from .space import Space, check_tensor, image_axes, real_dtype, same_kind, squared_magnitude
from .symmetry.groups import is_symmetric

Boundary = Literal["periodic", "zero", "valid"]


@dataclass(frozen=True, eq=False, repr=False)
class Blur(HasFourierSymbol, HasGramDiagonal):
    """(k * x)(p) = sum_q k(q) x(p - q), by the fast Fourier transform.

    kernel: shape (k_1, ..., k_d), its centre at index k_i // 2; gradients reach it. Each channel is blurred alone.
    boundary: ``periodic`` continues the image periodically and ``zero`` by zeros, both with a result of the same size;
        ``valid`` keeps the n_i - k_i + 1 pixels of each axis at which the kernel lies within the image.
    Shapes: (batch, channels, *image_shape) -> the same, or smaller; complex images if ``dtype`` is complex.

    A = P C E: E puts the image on a grid so large that nothing wraps round into the pixels that P keeps, and C is the
    periodic convolution there. Hence |A| <= |C| = max |k^|, the largest value of the transfer function on that grid
    (Parseval), with equality for ``periodic``.

    Raises: ConfigError if the boundary is unknown; ShapeError if the kernel is larger than the image or has another
    number of axes; DataError if it is not finite.
    """

    kernel: Tensor
    image_shape: tuple[int, ...]
    channels: int = 1
    dtype: torch.dtype | None = None
    boundary: Boundary = "periodic"

    def __post_init__(self) -> None:
        if self.boundary not in ("periodic", "zero", "valid"):
            raise ConfigError(
                f"Blur: boundary is {self.boundary!r}, expected 'periodic', 'zero' or 'valid'. Choose one."
            )
        shape = image_axes(self.image_shape, "Blur")
        check_tensor(self.kernel, "Blur", "kernel")
        object.__setattr__(self, "image_shape", shape)
        object.__setattr__(self, "dtype", self.dtype or self.kernel.dtype)
        fits = self.kernel.ndim == len(shape) and all(k <= n for k, n in zip(self.kernel.shape, shape, strict=True))
        if not fits:
            raise ShapeError(
                f"Blur: kernel has shape {tuple(self.kernel.shape)}, expected {len(shape)} axes no longer than "
                f"{shape}. Crop the kernel or enlarge the image."
            )
        if self.kernel.is_complex() and not self.dtype.is_complex:  # type: ignore[union-attr]
            raise ShapeError(f"Blur: kernel is complex, expected a real one for {self.dtype} images. Set dtype.")
        if not bool(torch.isfinite(self.kernel.detach().abs()).all()):
            raise DataError("Blur: kernel contains NaN or inf, expected finite values. Check its source.")

    @property
    def domain(self) -> Space:
        return Space((self.channels, *self.image_shape), self.dtype, self.kernel.device)  # type: ignore[arg-type]

    @property
    def codomain(self) -> Space:
        lengths = (size for _, size in self._window)
        return Space((self.channels, *lengths), self.dtype, self.kernel.device)  # type: ignore[arg-type]

    @property
    def _dims(self) -> tuple[int, ...]:
        return tuple(range(-len(self.image_shape), 0))

    @property
    def _grid(self) -> tuple[int, ...]:
        """The grid of the periodic convolution: ``zero`` needs k // 2 zeros between the end and the beginning."""
        if self.boundary != "zero":
            return self.image_shape
        return tuple(n + k // 2 for n, k in zip(self.image_shape, self.kernel.shape, strict=True))

    @property
    def _window(self) -> tuple[tuple[int, int], ...]:
        """(start, length) along each axis of what is kept of the periodic convolution."""
        if self.boundary != "valid":
            return tuple((0, n) for n in self.image_shape)
        return tuple((k - 1 - k // 2, n - k + 1) for n, k in zip(self.image_shape, self.kernel.shape, strict=True))

    def _cast_kernel(self) -> Tensor:
        """The kernel in the precision of the images."""
        return self.kernel.to(same_kind(self.domain.dtype, self.kernel.dtype))

    def _transfer(self, kernel: Tensor) -> Tensor:
        """The transfer function of the kernel on the grid, its centre moved to index 0."""
        padded = kernel.new_zeros(self._grid)
        padded[tuple(slice(0, k) for k in kernel.shape)] = kernel
        centred = padded.roll([-(k // 2) for k in kernel.shape], dims=self._dims)
        return torch.fft.fftn(centred) if self.domain.is_complex else torch.fft.rfftn(centred)

    def _convolve(self, x: Tensor, transfer: Tensor) -> Tensor:
        """The periodic convolution on the grid; what is shorter is continued by zeros."""
        if self.domain.is_complex:
            return torch.fft.ifftn(torch.fft.fftn(x, s=self._grid, dim=self._dims) * transfer, dim=self._dims)
        spectrum = torch.fft.rfftn(x, s=self._grid, dim=self._dims) * transfer
        return torch.fft.irfftn(spectrum, s=self._grid, dim=self._dims)

    def _forward(self, x: Tensor) -> Tensor:
        if not len(x):
            return x.new_zeros((0, *self.codomain.shape))  # MKL refuses to transform an empty batch
        y = self._convolve(x, self._transfer(self._cast_kernel()))
        return _cut(y, self._window)

    def _adjoint(self, y: Tensor) -> Tensor:
        if not len(y):
            return y.new_zeros((0, *self.domain.shape))
        # Behind the end by zeros is done by the transform.
        before = [pad for start, _ in reversed(self._window) for pad in (start, 0)]
        shifted = torch.nn.functional.pad(y, before) if any(before) else y
        x = self._convolve(shifted, self._transfer(self._cast_kernel()).conj())
        return _cut(x, tuple((0, n) for n in self.image_shape))

    def _gram_diagonal(self, weights: Tensor) -> Tensor:
        # The kernel is no larger than the image, so that each entry of A is one of the kernel's: squares are squares.
        squared = squared_magnitude(self._cast_kernel())
        blur = Blur(squared, self.image_shape, self.channels, real_dtype(self.domain.dtype), self.boundary)
        return blur.adjoint(weights).clamp_min(0)  # the transform rounds zeros to either side

    def _gram_symbol(self) -> Tensor | None:
        if self.boundary != "periodic":
            return None
        padded = self._cast_kernel().new_zeros(self.image_shape)
        padded[tuple(slice(0, k) for k in self.kernel.shape)] = self._cast_kernel()
        return squared_magnitude(torch.fft.fftn(padded))  # where the kernel stands changes the phase only

    def _carried(self, action: Action) -> Action | None:
        dims = len(self.image_shape)
        if not isinstance(action, Moved) or (action.leading, action.dims) != (1, dims):
            return None
        if action.group == "translations":
            return action if self.boundary == "periodic" else None
        if action.group == "permutations" or not is_symmetric(self._in_the_middle(), action.group, dims):
            return None
        if self.boundary != "valid":
            return action
        # What is kept of the image must lie as far from each end, and be as long along axes that change places.
        centred = all(k % 2 for k in self.kernel.shape)
        square = action.group not in ("C4", "D4") or self.kernel.shape[-1] == self.kernel.shape[-2]
        return action if centred and square else None

    def _in_the_middle(self) -> Tensor:
        """The kernel among zeros, its centre in the middle of a cube, so that a motion of the cube keeps it there."""
        middle = max(k // 2 for k in self.kernel.shape)
        cube = self.kernel.new_zeros((2 * middle + 1,) * self.kernel.ndim)
        cube[tuple(slice(middle - k // 2, middle - k // 2 + k) for k in self.kernel.shape)] = self.kernel
        return cube

    def _norm(self) -> Interval:
        wide = self._cast_kernel().to(same_kind(torch.float64, self.kernel.dtype))
        value = float(self._transfer(wide).abs().max())
        # The transform of n numbers has an absolute error of at most about log2(n) eps |k|_1; here in double, and once
        # more in the precision of the images, where the operator computes it.
        grid, size = Space((1, *self._grid), self.domain.dtype), float(wide.abs().sum())
        slack = 8 * (sum(self._grid)).bit_length() * torch.finfo(torch.float64).eps * size
        stored = 7 * math.log2(grid.size) * torch.finfo(grid.dtype).eps / 2 * size
        if self.boundary == "periodic":
            how, lower = "maximum of the transfer function", value - slack
        else:
            how = "maximum of the transfer function on a grid that holds the convolution"
            lower = min(self._attained(wide) - 4 * slack, value)
        bounds = Interval(max(0.0, lower - stored), value + slack + stored, how, CERTIFIED)
        return bounds.transformed(grid, 2)

    def _attained(self, kernel: Tensor) -> float:
        """|A x| / |x| for a wave that the kernel passes best, faded out towards the edges of the image."""
        blur = Blur(kernel, self.image_shape, 1, torch.complex128, self.boundary)
        best = int(blur._transfer(kernel).abs().argmax())
        wave = torch.ones((1, 1), dtype=torch.complex128, device=kernel.device)
        for n, grid in zip(reversed(self.image_shape), reversed(self._grid), strict=True):
            best, frequency = divmod(best, grid)
            p = torch.arange(n, dtype=torch.float64, device=kernel.device)
            fade = torch.sin(math.pi * (p + 0.5) / n)
            along = torch.polar(fade, 2 * math.pi * frequency / grid * p)
            wave = along.reshape(1, 1, n, *(1,) * (wave.ndim - 2)) * wave.unsqueeze(2)
        return float(torch.linalg.vector_norm(blur.forward(wave)) / torch.linalg.vector_norm(wave))


def _cut(x: Tensor, window: tuple[tuple[int, int], ...]) -> Tensor:
    """The numbers within (start, length) along each of the last axes."""
    for axis, (start, length) in enumerate(reversed(window), start=1):
        x = x.narrow(-axis, start, length)
    return x.contiguous()
