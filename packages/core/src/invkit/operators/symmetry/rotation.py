"""Rotations by any angle, by interpolation: for measuring how equivariant a map is off the grid, never for a claim."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...errors import ShapeError
from ..space import Space, real_dtype


def rotate(x: Tensor, angle: float) -> Tensor:
    """x turned about the centre of the image by an angle in radians, as ``torch.rot90`` turns it by pi / 2.

    x: (batch, channel, height, width), real or complex. Bicubic; what comes from outside the image is zero, so that
    only an image that vanishes off the disc inside it keeps all it has.

    Raises: ShapeError if x has not two spatial axes.
    """
    if x.ndim != 4:
        raise ShapeError(
            f"rotate: tensor has shape {tuple(x.shape)}, expected (batch, channel, height, width). Pass plane images."
        )
    if x.is_complex():
        return torch.complex(rotate(x.real, angle), rotate(x.imag, angle))
    if not len(x):
        return x.clone()
    height, width = x.shape[-2:]
    rows, columns = (torch.arange(n, dtype=x.dtype, device=x.device) - (n - 1) / 2 for n in (height, width))
    cos, sin = math.cos(angle), math.sin(angle)
    row, column = torch.meshgrid(rows, columns, indexing="ij")
    # Where each pixel comes from, in units in which the outer edges of the image are -1 and 1.
    source = torch.stack((2 / width * (cos * column - sin * row), 2 / height * (sin * column + cos * row)), dim=-1)
    grid = source.expand(len(x), height, width, 2)
    return torch.nn.functional.grid_sample(x, grid, mode="bicubic", padding_mode="zeros", align_corners=False)


def smooth_image(space: Space, *, generator: torch.Generator, blobs: int = 5) -> Tensor:
    """A batch of one smooth random image, zero to three digits off the disc inside the image.

    Raises: ShapeError if the images have not two spatial axes.
    """
    if len(space.shape) != 3:
        raise ShapeError(f"smooth_image: space has shape {space.shape}, expected (channel, height, width). Pass that.")
    channels, height, width = space.shape
    side = min(height, width)
    rows, columns = ((torch.arange(n, dtype=torch.float64) - (n - 1) / 2) / side for n in (height, width))
    image = torch.zeros(space.shape, dtype=torch.float64)
    for channel in range(channels):
        for _ in range(blobs):
            radius, turn, size = torch.rand(3, generator=generator, dtype=torch.float64).tolist()
            row, column = (0.2 * radius * f(2 * math.pi * turn) for f in (math.sin, math.cos))
            squares = (rows[:, None] - row).square() + (columns - column).square()
            image[channel] += (0.5 + size) * torch.exp(-squares / (2 * 0.08**2))
    return image.to(real_dtype(space.dtype)).to(device=space.device, dtype=space.dtype).unsqueeze(0)
