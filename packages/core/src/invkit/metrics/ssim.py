"""Structural similarity through scikit-image, one number per image."""

from __future__ import annotations

import numpy as np
import torch
from skimage.metrics import structural_similarity
from torch import Tensor

from ..errors import ShapeError
from ._arguments import as_data_range, as_magnitude, check_images

_WINDOW = 7


def ssim(x: Tensor, truth: Tensor, *, data_range: float | Tensor) -> Tensor:
    """Mean structural similarity with scikit-image's 7-pixel uniform window, shape (batch,), float64.

    Like scikit-image, the mean leaves out a border of 3 pixels; several channels are averaged.
    x, truth: (batch, channel, *spatial); complex images by magnitude.   data_range: a number, or one per image.
    Raises: ShapeError, ConfigError or DataError if the shapes, the range or the values are not acceptable.
    Source: Wang et al. (2004), eq. 13, as skimage.metrics.structural_similarity.
    """
    images, truths, peaks = _checked(x, truth, data_range, "ssim")
    values = [
        structural_similarity(a, b, data_range=peak, channel_axis=0, win_size=_WINDOW)
        for a, b, peak in zip(images, truths, peaks, strict=True)
    ]
    return torch.tensor(values, dtype=torch.float64, device=x.device)


def ssim_map(x: Tensor, truth: Tensor, *, data_range: float | Tensor) -> Tensor:
    """The structural similarity of every pixel, the shape of x, with reflection at the borders; float64."""
    images, truths, peaks = _checked(x, truth, data_range, "ssim_map")
    maps = [
        structural_similarity(a, b, data_range=peak, channel_axis=0, win_size=_WINDOW, full=True)[1]
        for a, b, peak in zip(images, truths, peaks, strict=True)
    ]
    return torch.from_numpy(np.stack(maps)).to(x.device) if maps else torch.empty_like(x, dtype=torch.float64)


def _checked(
    x: Tensor, truth: Tensor, data_range: float | Tensor, metric: str
) -> tuple[np.ndarray, np.ndarray, list[float]]:
    x, truth = check_images(x, truth, metric)
    peaks = as_data_range(data_range, truth, metric).tolist()
    if min(x.shape[2:]) < _WINDOW:
        raise ShapeError(
            f"{metric}: the image has shape {tuple(x.shape)}, expected at least {_WINDOW} pixels along each spatial "
            f"axis: SSIM compares windows of {_WINDOW} pixels. Use psnr for smaller images."
        )
    return as_magnitude(x).cpu().numpy(), as_magnitude(truth).cpu().numpy(), peaks
