"""Tiny instances for ``invkit check``."""

from __future__ import annotations

import torch

from invkit.testing import Example

from .dicom import CtSlice
from .filtered_backprojection import FilteredBackprojection
from .ray_transform import RayTransform
from .ray_transform import parallel_beam_2d as build_parallel_beam_2d


def parallel_beam_2d(device: torch.device | str, dtype: torch.dtype) -> RayTransform:
    """Neither square nor of unit pixels, so that a mix-up of axes or units shows."""
    return build_parallel_beam_2d(image_shape=(14, 11), pixel_size=0.8, num_angles=9, device=device, dtype=dtype)


def filtered_backprojection(device: torch.device | str, dtype: torch.dtype) -> Example:
    operator = parallel_beam_2d(device, dtype)
    noise = operator.codomain.randn(2, generator=torch.Generator().manual_seed(0))
    return Example(subject=FilteredBackprojection("hann"), operator=operator, y=noise)


def ct_slice(device: torch.device | str, dtype: torch.dtype) -> CtSlice:
    return CtSlice()
