"""Ellipse phantoms: their pixels, and their exact parallel-beam sinogram as a reference for ray transforms.

Coordinates are in mm with the origin in the middle of the image, x to the right and y upwards, so the first row of an
image is at the top, at the largest y. A ray of angle theta and offset s is the line x cos(theta) + y sin(theta) = s.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..errors import ConfigError


@dataclass(frozen=True)
class Ellipse:
    """An ellipse of constant value; where ellipses overlap, their values add.

    value: per mm if the sinogram is to be dimensionless.   center: (x, y) in mm.   semi_axes: (a, b) in mm.
    angle: of the first semi-axis against the x axis, in radians, counter-clockwise.
    """

    value: float
    center: tuple[float, float]
    semi_axes: tuple[float, float]
    angle: float = 0.0

    def __post_init__(self) -> None:
        if not all(0 < axis < math.inf for axis in self.semi_axes):
            raise ConfigError(f"Ellipse: semi_axes are {self.semi_axes}, expected positive lengths. Give both in mm.")

    @property
    def area(self) -> float:
        """pi a b, in mm^2."""
        return math.pi * self.semi_axes[0] * self.semi_axes[1]

    def scaled(self, factor: float) -> Ellipse:
        """The same ellipse with all lengths multiplied by ``factor``; its value stays."""
        (x, y), (a, b) = self.center, self.semi_axes
        return replace(self, center=(x * factor, y * factor), semi_axes=(a * factor, b * factor))


# a, b, x, y, angle in degrees, on the square [-1, 1]^2.
_HEAD = (
    (0.69, 0.92, 0.0, 0.0, 0),
    (0.6624, 0.874, 0.0, -0.0184, 0),
    (0.11, 0.31, 0.22, 0.0, -18),
    (0.16, 0.41, -0.22, 0.0, 18),
    (0.21, 0.25, 0.0, 0.35, 0),
    (0.046, 0.046, 0.0, 0.1, 0),
    (0.046, 0.046, 0.0, -0.1, 0),
    (0.046, 0.023, -0.08, -0.605, 0),
    (0.023, 0.023, 0.0, -0.606, 0),
    (0.023, 0.046, 0.06, -0.605, 0),
)
_VALUES = {
    "original": (2.0, -0.98, -0.02, -0.02, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01),
    "modified": (1.0, -0.8, -0.2, -0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1),
}


def shepp_logan_ellipses(*, variant: str = "modified", half_width: float = 1.0) -> tuple[Ellipse, ...]:
    """The ten ellipses of the Shepp-Logan head in the square [-half_width, half_width]^2 (mm).

    variant: "original" (contrast of 1 % inside the skull) or "modified" (higher contrast, values in [0, 1]).
    Source: Shepp, Logan (1974), Table 1; Toft (1996), Appendix B.3.
    """
    if variant not in _VALUES:
        raise ConfigError(f"Shepp-Logan: variant is {variant!r}, expected one of {sorted(_VALUES)}. Choose one.")
    unit = (
        Ellipse(value, (x, y), (a, b), math.radians(degrees))
        for value, (a, b, x, y, degrees) in zip(_VALUES[variant], _HEAD, strict=True)
    )
    return tuple(ellipse.scaled(half_width) for ellipse in unit)


def random_ellipses(
    generator: torch.Generator, *, num_ellipses: int = 8, half_width: float = 1.0
) -> tuple[Ellipse, ...]:
    """A random body with ``num_ellipses`` ellipses inside it, in the square [-half_width, half_width]^2 (mm).

    Every inner ellipse lies within the body, and is never darker than -body / num_ellipses: the phantom is nonnegative
    without clipping, so its sinogram stays exact.
    """
    if num_ellipses < 0:
        raise ConfigError(f"random_ellipses: num_ellipses is {num_ellipses}, expected 0 or more. Raise it.")
    draw = _Uniform(generator)
    tilt, value = draw(-math.pi, math.pi), draw(0.2, 0.5)
    center, axes = (draw(-0.05, 0.05), draw(-0.05, 0.05)), (draw(0.6, 0.9), draw(0.5, 0.9))
    body = Ellipse(value, center, axes, tilt)
    parts = [body]
    for _ in range(num_ellipses):
        radius, direction = 0.9 * math.sqrt(draw(0.0, 1.0)), draw(-math.pi, math.pi)
        u, v = radius * axes[0] * math.cos(direction), radius * axes[1] * math.sin(direction)
        offset = (u * math.cos(tilt) - v * math.sin(tilt), u * math.sin(tilt) + v * math.cos(tilt))
        # The gauge of the body is a norm: at distance `radius`, a disc of this size still fits inside.
        room = (1 - radius) * min(axes)
        parts.append(
            Ellipse(
                draw(-value / num_ellipses, 0.5),
                (center[0] + offset[0], center[1] + offset[1]),
                (room * draw(0.2, 1.0), room * draw(0.2, 1.0)),
                draw(-math.pi, math.pi),
            )
        )
    return tuple(ellipse.scaled(half_width) for ellipse in parts)


class _Uniform:
    def __init__(self, generator: torch.Generator) -> None:
        if not isinstance(generator, torch.Generator):
            raise ConfigError(
                f"random_ellipses: generator is {generator!r}, expected a torch.Generator. "
                "Pass torch.Generator().manual_seed(seed)."
            )
        self._generator = generator

    def __call__(self, low: float, high: float) -> float:
        unit = torch.rand((), generator=self._generator, dtype=torch.float64, device=self._generator.device)
        return low + (high - low) * float(unit)


def half_width_of(image_shape: tuple[int, int], pixel_size: float) -> float:
    """Half the side (mm) of the largest centred square that fits into the image."""
    if len(image_shape) != 2 or min(image_shape) < 1 or not 0 < pixel_size < math.inf:
        raise ConfigError(
            f"phantom: image_shape is {tuple(image_shape)} with pixel_size {pixel_size}, expected two positive "
            "integers and a positive length in mm. Correct them."
        )
    return min(image_shape) * pixel_size / 2


def rasterise(
    ellipses: Sequence[Ellipse],
    image_shape: tuple[int, int],
    *,
    pixel_size: float = 1.0,
    supersampling: int = 1,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Image (1, 1, height, width) of the ellipses: the mean over supersampling^2 points of each pixel.

    pixel_size: mm.   supersampling: 1 samples the pixel centres.
    """
    half_width_of(image_shape, pixel_size)
    if supersampling < 1:
        raise ConfigError(f"rasterise: supersampling is {supersampling}, expected 1 or more. Raise it.")
    height, width = image_shape
    offsets = (torch.arange(supersampling, dtype=torch.float64) + 0.5) / supersampling - 0.5
    rows = (height - 1) / 2 - torch.arange(height, dtype=torch.float64)
    columns = torch.arange(width, dtype=torch.float64) - (width - 1) / 2
    image = torch.zeros(height, width, dtype=torch.float64)
    for row_offset in offsets:
        for column_offset in offsets:
            y = ((rows + row_offset) * pixel_size)[:, None]
            x = ((columns + column_offset) * pixel_size)[None, :]
            for ellipse in ellipses:
                image += ellipse.value * _inside(ellipse, x, y)
    return (image / supersampling**2).to(dtype)[None, None]


def _inside(ellipse: Ellipse, x: Tensor, y: Tensor) -> Tensor:
    cos, sin = math.cos(ellipse.angle), math.sin(ellipse.angle)
    dx, dy = x - ellipse.center[0], y - ellipse.center[1]
    u, v = (dx * cos + dy * sin) / ellipse.semi_axes[0], (dy * cos - dx * sin) / ellipse.semi_axes[1]
    return u**2 + v**2 <= 1


def ellipse_sinogram(
    ellipses: Sequence[Ellipse], angles: Tensor, detector_offsets: Tensor, *, dtype: torch.dtype = torch.float64
) -> Tensor:
    """Exact line integrals (1, 1, angle, detector) of the ellipses: the sum of value times chord length.

    chord = 2 a b sqrt(r^2 - t^2) / r^2 for |t| < r, with t = s - x cos(theta) - y sin(theta) and
    r^2 = a^2 cos^2(theta - angle) + b^2 sin^2(theta - angle).

    angles: radians.   detector_offsets: the s of each detector centre, mm. Rays are lines, detectors have no width.
    Source: Kak, Slaney (1988), section 3.1.
    """
    theta = torch.as_tensor(angles, dtype=torch.float64).reshape(-1, 1)
    s = torch.as_tensor(detector_offsets, dtype=torch.float64).reshape(1, -1)
    sinogram = torch.zeros(theta.shape[0], s.shape[1], dtype=torch.float64)
    for ellipse in ellipses:
        (x, y), (a, b) = ellipse.center, ellipse.semi_axes
        t = s - x * theta.cos() - y * theta.sin()
        r2 = a**2 * (theta - ellipse.angle).cos() ** 2 + b**2 * (theta - ellipse.angle).sin() ** 2
        sinogram += ellipse.value * 2 * a * b * (r2 - t**2).clamp_min(0).sqrt() / r2
    return sinogram.to(dtype)[None, None]
