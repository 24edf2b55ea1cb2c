"""PSNR and SSIM inside a region of interest (dissertation, section 2.5.2)."""

from __future__ import annotations

import torch
from torch import Tensor

from ._arguments import as_data_range, as_magnitude, as_mask, check_images
from .ssim import ssim_map


def psnr_in_region(x: Tensor, truth: Tensor, mask: Tensor, *, data_range: float | Tensor) -> Tensor:
    """10 log10(data_range^2 / mean over the mask of |x - truth|^2) in dB, shape (batch,); inf for equal images.

    mask: bool, (*spatial) for all images or (batch, 1, *spatial).   The rest as in ``psnr``.
    Raises: also DataError if the mask is empty for an image.
    """
    x, truth = check_images(x, truth, "psnr_in_region")
    peak = as_data_range(data_range, truth, "psnr_in_region")
    inside = as_mask(mask, truth, "psnr_in_region")
    return 10 * torch.log10(peak**2 / _mean((as_magnitude(x) - as_magnitude(truth)).square(), inside))


def ssim_in_region(x: Tensor, truth: Tensor, mask: Tensor, *, data_range: float | Tensor) -> Tensor:
    """Mean over the mask of the structural similarity of every pixel (computed on the whole image), shape (batch,).

    Near the border of the image the window is filled by reflection. mask, errors: as in ``psnr_in_region``.
    """
    x, truth = check_images(x, truth, "ssim_in_region")
    inside = as_mask(mask, truth, "ssim_in_region")
    return _mean(ssim_map(x, truth, data_range=data_range), inside)


def _mean(values: Tensor, inside: Tensor) -> Tensor:
    # where, not a product: a value outside must not matter, whatever it is
    total = torch.where(inside, values, torch.zeros_like(values)).flatten(1).sum(dim=1)
    return total / inside.flatten(1).sum(dim=1)
