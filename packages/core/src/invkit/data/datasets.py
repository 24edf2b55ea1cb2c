"""The datasets of the core plugin: phantoms, photographs that scikit-image ships, and files."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
import torch

from ..errors import ConfigError, DataError, UnknownNameError
from .formats import read
from .formats.images import luminance
from .formats.nifti import frame_of_slice
from .kspace_file import KSpaceFile
from .phantoms import Ellipse, half_width_of, random_ellipses, rasterise, shepp_logan_ellipses
from .resample import crop_centre, crop_to_aspect, downsample_by_area, scale_of
from .sample import Sample, check_finite
from .sequence import SampleSequence

logger = logging.getLogger(__name__)

__all__ = ["Ellipses", "ImageFile", "KSpaceFile", "Photograph", "SheppLogan"]

#: Photographs inside the scikit-image wheel, which need no download.
PHOTOGRAPHS = (
    "astronaut",
    "brick",
    "camera",
    "cell",
    "chelsea",
    "clock",
    "coffee",
    "coins",
    "grass",
    "gravel",
    "hubble_deep_field",
    "immunohistochemistry",
    "moon",
    "page",
    "retina",
    "rocket",
    "text",
)


@dataclass(frozen=True)
class Ellipses(SampleSequence):
    """Random ellipse phantoms, values in [0, about 1.5]; sample i depends on (seed, i) only.

    pixel_size: mm.   supersampling: points per pixel and axis.   metadata["ellipses"] holds the exact phantom.
    """

    image_shape: tuple[int, int] = (128, 128)
    num_samples: int = 1
    seed: int = 0
    pixel_size: float = 1.0
    num_ellipses: int = 8
    supersampling: int = 2

    def __post_init__(self) -> None:
        half_width_of(self.image_shape, self.pixel_size)
        if self.num_samples < 0:
            raise ConfigError(f"Ellipses: num_samples is {self.num_samples}, expected 0 or more. Raise it.")
        if self.seed < 0:
            raise ConfigError(f"Ellipses: seed is {self.seed}, expected 0 or more. Choose another.")

    def __len__(self) -> int:
        return self.num_samples

    def _sample(self, index: int) -> Sample:
        state = np.random.SeedSequence([self.seed, index]).generate_state(2, np.uint32)
        generator = torch.Generator().manual_seed(int(state[0]) << 31 | int(state[1]) >> 1)
        half_width = half_width_of(self.image_shape, self.pixel_size)
        ellipses = random_ellipses(generator, num_ellipses=self.num_ellipses, half_width=half_width)
        name = f"ellipses-{self.seed}-{index}"
        return _phantom(name, ellipses, self.image_shape, self.pixel_size, self.supersampling)


@dataclass(frozen=True)
class SheppLogan(SampleSequence):
    """The Shepp-Logan head, filling the largest centred square. pixel_size: mm. See ``shepp_logan_ellipses``."""

    image_shape: tuple[int, int] = (128, 128)
    pixel_size: float = 1.0
    variant: str = "modified"
    supersampling: int = 2

    def __len__(self) -> int:
        return 1

    def _sample(self, index: int) -> Sample:
        half_width = half_width_of(self.image_shape, self.pixel_size)
        ellipses = shepp_logan_ellipses(variant=self.variant, half_width=half_width)
        return _phantom(f"shepp-logan-{self.variant}", ellipses, self.image_shape, self.pixel_size, self.supersampling)


@dataclass(frozen=True)
class Photograph(SampleSequence):
    """A photograph from the scikit-image wheel as luminance in [0, 1], cropped to the aspect of ``image_shape``."""

    name: str = "camera"
    image_shape: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.name not in PHOTOGRAPHS:
            raise UnknownNameError(
                f"Photograph: name is {self.name!r}, expected one of {', '.join(PHOTOGRAPHS)}. Choose one."
            )

    def __len__(self) -> int:
        return 1

    def _sample(self, index: int) -> Sample:
        array = np.asarray(getattr(skimage.data, self.name)())
        grey = (luminance(array) if array.ndim == 3 else array.astype(np.float32)) / 255
        if self.image_shape is not None:
            grey = downsample_by_area(crop_to_aspect(grey, self.image_shape), self.image_shape)
        metadata = {"source": f"skimage.data.{self.name}", "scale": 255.0}
        return Sample(name=self.name, subject=self.name, truth=_as_image(grey), metadata=metadata)


@dataclass(frozen=True)
class ImageFile(SampleSequence):
    """One image file of any known format as truth (1, 1, *spatial), float32, or complex64 if the file is complex.

    path: ``file::name`` chooses one array or frame.   slice_index: of a volume, along ``slice_axis``; None keeps it 3D,
    which metadata["note"] says.   slice_axis: NIfTI is turned to RAS, where axis 0 is sagittal, 1 coronal and 2 axial;
    a DICOM file is one slice already (a frame is chosen with ``file.dcm::3``), in the plane of its acquisition.
    clip: (low, high) in the file's units, e.g. (-1000, 3000) HU.   image_shape: fitted by ``fit``, "downsample"
    (centre crop to the aspect ratio, then area mean) or "crop" (centre crop).
    normalise: divide by "max", or by the 99.9 "percentile" of the magnitude; "none" keeps the file's units.
    metadata["scale"] is what was divided by, ["original_shape"] the file's shape, ["clip"] the clip, ["modality"] what
    DICOM says, ["warnings"] a tuple of what looks wrong, ["frame"] where the grid that was read lies (NIfTI).

    Raises: DataError if the file is unreadable, not finite, or not an image or volume; ConfigError for a bad option.
    """

    path: str | os.PathLike[str]
    image_shape: tuple[int, ...] | None = None
    normalise: str = "none"
    fit: str = "downsample"
    clip: tuple[float, float] | None = None
    slice_index: int | None = None
    slice_axis: int = 0

    def __post_init__(self) -> None:
        if self.fit not in ("downsample", "crop"):
            raise ConfigError(f"ImageFile: fit is {self.fit!r}, expected 'downsample' or 'crop'. Choose one.")
        if self.clip is not None and not self.clip[0] < self.clip[1]:
            raise ConfigError(f"ImageFile: clip is {self.clip}, expected low < high. Swap them.")
        scale_of(np.ones(1), self.normalise, "ImageFile")

    def __len__(self) -> int:
        return 1

    def _sample(self, index: int) -> Sample:
        image = read(self.path)
        name = os.fspath(self.path)
        warnings = _warnings(image.array, name)
        array, spacing = self._slice(image.array, image.spacing, name)
        check_finite(torch.from_numpy(np.ascontiguousarray(array)), name)
        # float64, so that a sum of many large integers is exact before it is rounded once at the end
        array = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
        array = self._clip(array, name)
        array, spacing = self._fit(array, spacing)
        scale = scale_of(array, self.normalise, name)
        metadata: dict[str, Any] = {
            **image.metadata,
            **self._frame(image.metadata.get("frame"), image.array.shape),
            **_note(array, name),
            "warnings": warnings,
            "scale": scale,
            "clip": self.clip,
            "original_shape": image.array.shape,
            "original_units": image.units,
        }
        return Sample(
            name=name,
            subject=str(image.metadata.get("subject") or Path(name.partition("::")[0]).stem),
            truth=_as_image(array / scale),
            spacing=spacing,
            units=image.units if self.normalise == "none" else "",
            metadata=metadata,
        )

    def _slice(
        self, array: np.ndarray, spacing: tuple[float, ...] | None, name: str
    ) -> tuple[np.ndarray, tuple[float, ...] | None]:
        while array.ndim > 2 and array.shape[0] == 1:
            array = array[0]
        spacing = None if spacing is None or len(spacing) < array.ndim else spacing[len(spacing) - array.ndim :]
        if array.ndim not in (2, 3):
            raise DataError(f"{name}: the array has shape {array.shape}, expected an image or a volume. Choose a part.")
        if self.slice_index is None:
            return array, spacing
        if array.ndim != 3 or not -3 <= self.slice_axis < 3:
            raise ConfigError(
                f"{name}: slice_index is {self.slice_index} along axis {self.slice_axis} of shape {array.shape}, "
                "expected a volume with that axis. Drop slice_index, or correct slice_axis."
            )
        length, axis = array.shape[self.slice_axis], self.slice_axis % 3
        if not -length <= self.slice_index < length:
            raise ConfigError(
                f"{name}: slice_index is {self.slice_index}, expected 0 to {length - 1} along axis {axis}. Correct it."
            )
        kept = None if spacing is None else spacing[:axis] + spacing[axis + 1 :]
        return np.take(array, self.slice_index, axis=axis), kept

    def _frame(self, frame: Mapping[str, Any] | None, shape: tuple[int, ...]) -> dict[str, Any]:
        """Where the slice lies, if the file says where the volume does."""
        if frame is None or self.slice_index is None:
            return {}
        if tuple(frame["shape"]) != shape:
            return {"frame": None}
        axis = self.slice_axis % 3
        return {"frame": frame_of_slice(frame, self.slice_index % shape[axis], axis)}

    def _clip(self, array: np.ndarray, name: str) -> np.ndarray:
        if self.clip is None:
            return array
        if array.dtype.kind == "c":
            raise ConfigError(f"{name}: clip is {self.clip}, but the image is complex, expected a real one. Drop clip.")
        return array.clip(*self.clip)

    def _fit(self, array: np.ndarray, spacing: tuple[float, ...] | None) -> tuple[np.ndarray, tuple[float, ...] | None]:
        if self.image_shape is None:
            return array, spacing
        if len(self.image_shape) != array.ndim:
            raise ConfigError(
                f"ImageFile: image_shape is {self.image_shape}, expected {array.ndim} axes like the file's "
                f"{array.shape}. Give one length per axis, or choose a slice with slice_index."
            )
        if self.fit == "crop":
            return crop_centre(array, self.image_shape), spacing
        part = crop_to_aspect(array, self.image_shape)
        if spacing is not None:
            spacing = tuple(mm * n / m for mm, n, m in zip(spacing, part.shape, self.image_shape, strict=True))
        return downsample_by_area(part, self.image_shape), spacing


def _warnings(array: np.ndarray, name: str) -> tuple[str, ...]:
    """What looks like the wrong kind of data, for the log and for metadata["warnings"]."""
    if array.dtype.kind != "c" or sum(length > 1 for length in array.shape) < 3:
        return ()
    text = (
        f"{name}: complex values of shape {array.shape} are read as an image; k-space of several coils is read by the "
        "dataset core/kspace"
    )
    logger.warning("%s", text)
    return (text,)


def _note(array: np.ndarray, name: str) -> dict[str, str]:
    """What metadata["note"] says of a volume."""
    if array.ndim < 3:
        return {}
    note = f"volume of shape {array.shape}, reconstructed whole; choose a slice with slice_index and slice_axis"
    logger.info("%s: %s", name, note)
    return {"note": note}


def _as_image(array: np.ndarray) -> torch.Tensor:
    dtype = np.complex64 if array.dtype.kind == "c" else np.float32
    return torch.from_numpy(np.ascontiguousarray(array, dtype=dtype))[None, None]


def _phantom(
    name: str, ellipses: tuple[Ellipse, ...], image_shape: tuple[int, int], pixel_size: float, supersampling: int
) -> Sample:
    return Sample(
        name=name,
        subject=name,
        truth=rasterise(ellipses, image_shape, pixel_size=pixel_size, supersampling=supersampling),
        spacing=(pixel_size, pixel_size),
        metadata={"ellipses": ellipses},
    )
