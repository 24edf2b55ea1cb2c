"""Parallel-beam geometry in mm: which line each number of a sinogram belongs to. Imports neither torch nor ASTRA.

Coordinates have their origin in the middle of the image, x to the right and y upwards: row 0 of an image is at the top,
at the largest y. The ray of angle theta and offset s is the line x cos(theta) + y sin(theta) = s, so the detector turns
counter-clockwise as theta grows, and theta = 0 sums along columns. These are ASTRA's conventions.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from invkit.errors import ConfigError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ParallelBeam2d:
    """Parallel rays through a 2D image; lengths in mm.

    image_shape: (rows, columns).   pixel_size: side of the square pixels.
    angles: radians, one per view, any order; they also may be an array or a tensor.
    num_detectors, detector_spacing: detector elements and the distance of their centres, at
        s_i = detector_offset + (i - (num_detectors - 1) / 2) detector_spacing.
    detector_offset: where the middle of the detector meets the line s, e.g. for a shifted rotation axis.

    A sinogram has the axes (angle, detector). Views that reach beyond the detector are truncated, with a warning in
    the log, as is an angle that can only be in degrees.

    Raises: ConfigError if a size, a length or an angle is not acceptable.
    """

    image_shape: tuple[int, int]
    pixel_size: float
    angles: tuple[float, ...]
    num_detectors: int
    detector_spacing: float
    detector_offset: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "image_shape", _image_shape(self.image_shape))
        object.__setattr__(self, "angles", _angles(self.angles))
        object.__setattr__(self, "num_detectors", _count("num_detectors", self.num_detectors))
        for name in ("pixel_size", "detector_spacing"):
            object.__setattr__(self, name, _length(name, getattr(self, name)))
        offset = _number("detector_offset", self.detector_offset)
        object.__setattr__(self, "detector_offset", offset)
        self._warn()

    @classmethod
    def uniform(
        cls,
        image_shape: tuple[int, int],
        *,
        pixel_size: float = 1.0,
        num_angles: int = 50,
        num_detectors: int | None = None,
        detector_spacing: float | None = None,
        detector_offset: float = 0.0,
    ) -> ParallelBeam2d:
        """``num_angles`` angles k pi / num_angles, and by default detectors as wide as the pixels that cover the image.

        By default the number of detectors is the smallest odd one that covers the diagonal, so that one ray of every
        view passes through the middle.
        """
        rows, columns = _image_shape(image_shape)
        pixel = _length("pixel_size", pixel_size)
        spacing = pixel if detector_spacing is None else _length("detector_spacing", detector_spacing)
        if num_detectors is None:
            reach = math.hypot(rows, columns) * pixel / 2 + abs(_number("detector_offset", detector_offset))
            num_detectors = 2 * math.ceil(reach / spacing - 0.5) + 1
        count = _count("num_angles", num_angles)
        angles = tuple(math.pi * k / count for k in range(count))
        return cls((rows, columns), pixel, angles, num_detectors, spacing, detector_offset)

    @property
    def num_angles(self) -> int:
        return len(self.angles)

    @property
    def sinogram_shape(self) -> tuple[int, int]:
        """(angle, detector)."""
        return self.num_angles, self.num_detectors

    @property
    def detector_positions(self) -> tuple[float, ...]:
        """The s of the centre of each detector element, mm."""
        middle = (self.num_detectors - 1) / 2
        return tuple(self.detector_offset + (i - middle) * self.detector_spacing for i in range(self.num_detectors))

    @property
    def uncovered(self) -> float:
        """How far (mm) the shadow of the image reaches beyond the detector in the worst view; 0 if it never does."""
        rows, columns = self.image_shape
        shadow = max(columns * abs(math.cos(t)) + rows * abs(math.sin(t)) for t in self.angles) * self.pixel_size / 2
        half = self.num_detectors * self.detector_spacing / 2
        beyond = shadow + abs(self.detector_offset) - half
        return beyond if beyond > 1e-9 * half else 0.0

    def subset(self, views: slice | Iterable[int]) -> ParallelBeam2d:
        """The geometry of some views, in the order given; the sinogram's rows are selected in the same way.

        Raises: ConfigError if a view is no index (a mask is not), does not exist, or none is left.
        """
        chosen = list(range(self.num_angles))[views] if isinstance(views, slice) else [_index(view) for view in views]
        for view in chosen:
            if not -self.num_angles <= view < self.num_angles:
                raise ConfigError(
                    f"ParallelBeam2d.subset: view is {view}, expected 0 to {self.num_angles - 1}. Correct it."
                )
        return replace(self, angles=tuple(self.angles[view] for view in chosen))

    def refined(self, factor: int) -> ParallelBeam2d:
        """The same scan with every pixel divided into factor^2 and every detector element into ``factor``."""
        factor = _count("refinement", factor)
        rows, columns = self.image_shape
        return replace(
            self,
            image_shape=(rows * factor, columns * factor),
            pixel_size=self.pixel_size / factor,
            num_detectors=self.num_detectors * factor,
            detector_spacing=self.detector_spacing / factor,
        )

    def _warn(self) -> None:
        largest = max(self.angles, key=abs)
        if abs(largest) > 4 * math.pi:
            logger.warning(
                "ParallelBeam2d: the largest angle is %g, expected radians; these look like degrees. "
                "Convert them with numpy.deg2rad.",
                largest,
            )
        if self.uncovered:
            logger.warning(
                "ParallelBeam2d: the detector is %g mm wide, and the image reaches %g mm beyond it, so views are cut. "
                "An object inside the covered disc is not affected; otherwise raise num_detectors.",
                self.num_detectors * self.detector_spacing,
                self.uncovered,
            )


def _image_shape(value: Any) -> tuple[int, int]:
    try:
        rows, columns = value
    except (TypeError, ValueError):
        raise ConfigError(
            f"ParallelBeam2d: image_shape is {value!r}, expected (rows, columns). Give two positive integers."
        ) from None
    return _count("image_shape[0]", rows), _count("image_shape[1]", columns)


def _angles(value: Any) -> tuple[float, ...]:
    # A tensor is a list here, wherever it lies and whether or not it has a gradient.
    given = value.tolist() if hasattr(value, "tolist") else value
    try:
        array = np.asarray(given)
    except (TypeError, ValueError):  # numbers and lists mixed
        array = np.asarray(None)
    if array.size and array.dtype.kind not in "iuf":
        raise ConfigError(f"ParallelBeam2d: angles are {value!r}, expected numbers in radians. Give one per view.")
    array = array.astype(np.float64)
    if array.ndim != 1 or array.size == 0:
        raise ConfigError(
            f"ParallelBeam2d: angles have shape {array.shape}, expected (number of views,) with at least one view. "
            "Give one number per view."
        )
    if not np.isfinite(array).all():
        raise ConfigError("ParallelBeam2d: angles contain NaN or inf, expected finite radians. Check their source.")
    return tuple(array.tolist())


def _index(view: Any) -> int:
    # A mask would be read as the views 0 and 1, and a fraction be cut off.
    value = view.item() if hasattr(view, "item") else view
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(
            f"ParallelBeam2d.subset: view is {value!r}, expected an integer. Give the indices of a mask: its nonzero()."
        )
    return value


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ConfigError(f"ParallelBeam2d: {name} is {value!r}, expected a positive integer. Correct it.")
    return int(value)


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool | str) or not math.isfinite(number := _as_float(value)):
        raise ConfigError(f"ParallelBeam2d: {name} is {value!r}, expected a finite length in mm. Correct it.")
    return number


def _length(name: str, value: Any) -> float:
    number = _number(name, value)
    if number <= 0:
        raise ConfigError(f"ParallelBeam2d: {name} is {value!r}, expected a positive length in mm. Correct it.")
    return number


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
