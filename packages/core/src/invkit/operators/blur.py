"""Blurring: periodic convolution with a kernel."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import DataError, ShapeError
from .base import LinearOperator
from .norm import Interval
from .space import Space, same_kind


@dataclass(frozen=True, eq=False, repr=False)
class Blur(LinearOperator):
    """(k * x)(p) = sum_q k(q) x(p - q) with periodic boundary, by the fast Fourier transform.

    kernel: shape (k_1, ..., k_d), its centre at index k_i // 2; gradients reach it. Each channel is blurred alone.
    Shapes: (batch, channels, *image_shape) -> the same; complex images if ``dtype`` is complex.

    |A| = max |k^|, the largest value of the transfer function on the grid of the image (Parseval).

    Raises: ShapeError if the kernel is larger than the image or has another number of axes; DataError if not finite.
    """

    kernel: Tensor
    image_shape: tuple[int, ...]
    channels: int = 1
    dtype: torch.dtype | None = None

    def __post_init__(self) -> None:
        shape = tuple(self.image_shape)
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
        return self.domain

    @property
    def _dims(self) -> tuple[int, ...]:
        return tuple(range(-len(self.image_shape), 0))

    def _cast_kernel(self) -> Tensor:
        """The kernel in the precision of the images."""
        return self.kernel.to(same_kind(self.domain.dtype, self.kernel.dtype))

    def _transfer(self, kernel: Tensor) -> Tensor:
        """The transfer function of the kernel, its centre moved to index 0."""
        padded = kernel.new_zeros(self.image_shape)
        padded[tuple(slice(0, k) for k in kernel.shape)] = kernel
        centred = padded.roll([-(k // 2) for k in kernel.shape], dims=self._dims)
        return torch.fft.fftn(centred) if self.domain.is_complex else torch.fft.rfftn(centred)

    def _apply(self, x: Tensor, transfer: Tensor) -> Tensor:
        if not len(x):
            return x.clone()  # MKL refuses to transform an empty batch
        if self.domain.is_complex:
            return torch.fft.ifftn(torch.fft.fftn(x, dim=self._dims) * transfer, dim=self._dims)
        spectrum = torch.fft.rfftn(x, dim=self._dims) * transfer
        return torch.fft.irfftn(spectrum, s=self.image_shape, dim=self._dims)

    def _forward(self, x: Tensor) -> Tensor:
        return self._apply(x, self._transfer(self._cast_kernel()))

    def _adjoint(self, y: Tensor) -> Tensor:
        return self._apply(y, self._transfer(self._cast_kernel()).conj())

    def _norm(self) -> Interval:
        wide = self._cast_kernel().to(same_kind(torch.float64, self.kernel.dtype))
        value = float(self._transfer(wide).abs().max())
        # The transform of n numbers has an absolute error of at most about log2(n) eps |k|_1.
        slack = 8 * (sum(self.image_shape)).bit_length() * torch.finfo(torch.float64).eps * float(wide.abs().sum())
        return Interval(max(0.0, value - slack), value + slack, "maximum of the transfer function")
