"""What every metric checks of its arguments before it computes."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import ConfigError, DataError, ShapeError


def check_images(x: Tensor, truth: Tensor, metric: str) -> tuple[Tensor, Tensor]:
    """Both images, or raise ShapeError if they do not fit each other, DataError if they hold NaN or inf."""
    if x.shape != truth.shape or x.ndim < 3:
        raise ShapeError(
            f"{metric}: the image has shape {tuple(x.shape)} and the truth {tuple(truth.shape)}, expected the same "
            "(batch, channel, *spatial). Bring them to one grid."
        )
    if x.device != truth.device:
        raise ShapeError(
            f"{metric}: the image is on {x.device} and the truth on {truth.device}, expected one device. Move one."
        )
    for what, tensor in (("image", x), ("truth", truth)):
        bad = int((~torch.isfinite(tensor)).sum())
        if bad:
            raise DataError(
                f"{metric}: {bad} of {tensor.numel()} values of the {what} are NaN or inf, expected finite numbers. "
                "The reconstruction failed, or the data are damaged."
            )
    return x.detach(), truth.detach()


def as_magnitude(x: Tensor) -> Tensor:
    """float64 on the device of x; complex images by their magnitude."""
    return (x.abs() if x.is_complex() else x).to(torch.float64)


def as_data_range(data_range: float | Tensor, truth: Tensor, metric: str) -> Tensor:
    """One positive data range per image, shape (batch,)."""
    value = torch.as_tensor(data_range, dtype=torch.float64, device=truth.device)
    if value.shape not in ((), (truth.shape[0],)):
        raise ShapeError(
            f"{metric}: data_range has shape {tuple(value.shape)}, expected a number or one per image "
            f"({truth.shape[0]},). Pass data_range_of(truth)."
        )
    if not bool((torch.isfinite(value) & (value > 0)).all()):
        raise ConfigError(
            f"{metric}: data_range is {value.tolist()}, expected positive numbers. Pass the range of the values, "
            "such as data_range_of(truth); a constant truth has none."
        )
    return value.expand(truth.shape[0])


def as_mask(mask: Tensor, truth: Tensor, metric: str) -> Tensor:
    """Boolean mask of the shape of ``truth``, with at least one pixel in every image."""
    if mask.dtype != torch.bool:
        raise ShapeError(f"{metric}: the mask has dtype {mask.dtype}, expected bool. Pass mask > 0.")
    spatial = truth.shape[2:]
    allowed = {spatial, (1, 1, *spatial), (truth.shape[0], 1, *spatial), truth.shape}
    if mask.shape not in allowed:
        raise ShapeError(
            f"{metric}: the mask has shape {tuple(mask.shape)}, expected {tuple(spatial)} or (batch, 1, *spatial) for "
            f"images of shape {tuple(truth.shape)}. Bring it to the grid of the image."
        )
    full = mask.to(truth.device).expand(truth.shape)
    if not bool(full.flatten(1).any(dim=1).all()):
        raise DataError(f"{metric}: the mask is empty, expected at least one pixel in every image. Choose a region.")
    return full
