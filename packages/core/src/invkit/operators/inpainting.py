"""Inpainting: pixels that are observed, and pixels that are not."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import DataError, ShapeError
from .diagonal import Diagonal
from .space import check_tensor


def inpainting(
    mask: Tensor,
    *,
    image_shape: tuple[int, ...] | None = None,
    channels: int = 1,
    dtype: torch.dtype | None = None,
) -> Diagonal:
    """A x = m x: observed pixels (m = 1) stay, the others become zero.

    mask: bool or real, of shape ``image_shape`` (the default), or (channels, *image_shape) for a mask of each channel,
        which needs ``image_shape``; weights between 0 and 1 are allowed, and gradients reach them.
    dtype: of the images, by default that of the mask, float32 for a bool or integer one; it may be complex.

    Raises: ShapeError if the mask has another shape, is complex, or may be one of each channel without ``image_shape``;
    DataError if a weight is outside [0, 1].
    """
    check_tensor(mask, "inpainting", "mask")
    if image_shape is None and (mask.ndim > 3 or (mask.ndim == 3 and channels > 1 and len(mask) == channels)):
        raise ShapeError(
            f"inpainting: image_shape is None for a mask of shape {tuple(mask.shape)}, expected one, as its first "
            f"axis may be the channels. Pass image_shape={tuple(mask.shape[1:])} for a mask of each channel."
        )
    spatial = tuple(mask.shape if image_shape is None else image_shape)
    if tuple(mask.shape) not in (spatial, (channels, *spatial)) or mask.is_complex():
        raise ShapeError(
            f"inpainting: mask has shape {tuple(mask.shape)} and dtype {mask.dtype}, expected real {spatial} or "
            f"{(channels, *spatial)}. Name image_shape and channels, or rebuild the mask for this image size."
        )
    weights = mask if mask.is_floating_point() else mask.to(torch.float32)
    low, high = (float(end) for end in weights.detach().aminmax())
    if not 0 <= low <= high <= 1:
        raise DataError(
            f"inpainting: mask has values between {low} and {high}, expected 0 to 1. Clip it, or use Diagonal."
        )
    return Diagonal(weights, (channels, *spatial), dtype or weights.dtype)
