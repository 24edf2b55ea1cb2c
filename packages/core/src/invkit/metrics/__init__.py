"""Metrics: one number per image, never a mean over the batch; the data range is always said by the caller."""

from __future__ import annotations

from .psnr import data_range_of, psnr, relative_error
from .region_of_interest import psnr_in_region, ssim_in_region
from .ssim import ssim, ssim_map

__all__ = ["data_range_of", "psnr", "psnr_in_region", "relative_error", "ssim", "ssim_in_region", "ssim_map"]
