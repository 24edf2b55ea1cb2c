"""Peak signal-to-noise ratio and relative error, one number per image."""

from __future__ import annotations

import torch
from torch import Tensor

from ._arguments import as_data_range, as_magnitude, check_images


def data_range_of(truth: Tensor) -> Tensor:
    """max - min of the magnitude of each truth, shape (batch,); the caller decides that this is the range."""
    check_images(truth, truth, "data_range_of")
    flat = as_magnitude(truth.detach()).flatten(1)
    return flat.amax(dim=1) - flat.amin(dim=1)


def psnr(x: Tensor, truth: Tensor, *, data_range: float | Tensor) -> Tensor:
    """10 log10(data_range^2 / mean |x - truth|^2) in dB, shape (batch,), float64; inf for equal images.

    x, truth: (batch, channel, *spatial); complex images by magnitude.   data_range: a number, or one per image.
    Raises: ShapeError, ConfigError or DataError if the shapes, the range or the values are not acceptable.
    """
    x, truth = check_images(x, truth, "psnr")
    peak = as_data_range(data_range, truth, "psnr")
    error = (as_magnitude(x) - as_magnitude(truth)).square().flatten(1).mean(dim=1)
    return 10 * torch.log10(peak**2 / error)


def relative_error(x: Tensor, truth: Tensor) -> Tensor:
    """|x - truth|_2 / |truth|_2, shape (batch,), float64; complex images with their phase; 0/0 is 0."""
    x, truth = check_images(x, truth, "relative_error")
    dtype = torch.complex128 if x.is_complex() or truth.is_complex() else torch.float64
    x, truth = x.to(dtype).flatten(1), truth.to(dtype).flatten(1)
    error, size = torch.linalg.vector_norm(x - truth, dim=1), torch.linalg.vector_norm(truth, dim=1)
    return torch.where(error == 0, error, error / size)
