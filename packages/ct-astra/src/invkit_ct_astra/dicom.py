"""CT slices from DICOM files, in Hounsfield units or as attenuation."""

from __future__ import annotations

import logging
import math
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from pydicom.data import get_testdata_file

from invkit.data.formats import FileImage, read
from invkit.data.sample import Sample
from invkit.data.sequence import SampleSequence
from invkit.errors import ConfigError, DataError

from .attenuation import Calibration, calibration_of

logger = logging.getLogger(__name__)

UNITS = ("attenuation", "hounsfield")


@dataclass(frozen=True)
class DicomSlice(SampleSequence):
    """One CT slice: a dataset of a single ``Sample`` whose truth has shape (1, 1, rows, columns), float32.

    units: ``"attenuation"`` (1/mm, as the ray transform and the low-dose simulation need it) or ``"hounsfield"``.
    lowest: HU below this become it. Scanners write -1024 to -3024 outside of the scanned circle; air is -1000.
    calibration: a name of ``CALIBRATIONS`` or a ``Calibration``; what was used stands in the metadata.

    Raises: ConfigError for a parameter; when read, DataError if the file cannot be read, is not CT, or its pixels are
    not square.
    """

    path: str | os.PathLike[str]
    units: str = "attenuation"
    lowest: float = -1000.0
    calibration: str | Calibration = "70-kev"

    def __post_init__(self) -> None:
        if self.units not in UNITS:
            raise ConfigError(f"DicomSlice: units are {self.units!r}, expected {' or '.join(UNITS)}. Choose one.")
        if not isinstance(self.lowest, int | float) or not math.isfinite(self.lowest):
            raise ConfigError(f"DicomSlice: lowest is {self.lowest!r}, expected a finite HU. Use -1000 for air.")
        object.__setattr__(self, "calibration", calibration_of(self.calibration))

    def __len__(self) -> int:
        return 1

    def _sample(self, index: int) -> Sample:
        image = read(self.path)
        _check_ct(image, self.path)
        hounsfield = torch.from_numpy(image.array).float()[None, None]
        below = int((hounsfield < self.lowest).sum())
        truth = hounsfield.clamp_min(self.lowest)
        metadata: dict[str, Any] = {**image.metadata, "clipped": {"below": self.lowest, "count": below}}
        if below:
            logger.info("%s: %d pixels below %g HU were set to it", self.path, below, self.lowest)
        if self.units == "attenuation":
            calibration = calibration_of(self.calibration)
            # Rounding may leave air a hair below zero, and attenuation is not.
            truth = calibration.to_attenuation(truth)
            truth = truth.clamp_min(0) if self.lowest >= -1000 else truth
            metadata["calibration"] = {"name": calibration.name, "water": calibration.water, "air": calibration.air}
        return Sample(
            name=Path(self.path).stem,
            subject=str(image.metadata.get("subject") or "unknown"),
            truth=truth,
            spacing=image.spacing,
            units="1/mm" if self.units == "attenuation" else "HU",
            metadata=metadata,
        )


@dataclass(frozen=True)
class CtSlice(SampleSequence):
    """The real CT slice that pydicom ships: 128 x 128 pixels of 0.66 mm. Parameters as in ``DicomSlice``."""

    units: str = "attenuation"
    lowest: float = -1000.0
    calibration: str | Calibration = "70-kev"

    def __post_init__(self) -> None:
        object.__setattr__(self, "calibration", self._slice("unread").calibration)

    def __len__(self) -> int:
        return 1

    def _sample(self, index: int) -> Sample:
        path = get_testdata_file("CT_small.dcm", download=False)
        if path is None:
            raise DataError("CtSlice: pydicom has no CT_small.dcm, expected it in its wheel. Reinstall pydicom.")
        sample = self._slice(str(path))[index]
        return replace(sample, name="ct-slice", metadata={**sample.metadata, "source": "pydicom, CT_small.dcm"})

    def _slice(self, path: str) -> DicomSlice:
        return DicomSlice(path, self.units, self.lowest, self.calibration)


def _check_ct(image: FileImage, path: str | os.PathLike[str]) -> None:
    modality = image.metadata.get("modality")
    if modality != "CT" or image.array.ndim != 2:
        what = f"{modality} of shape" if modality else "an image of unknown modality and shape"
        raise DataError(
            f"{path}: it is {what} {image.array.shape}, expected one CT slice in "
            "DICOM. Read other images with the dataset core/image."
        )
    if image.spacing is not None and not math.isclose(*image.spacing, rel_tol=1e-3):
        raise DataError(
            f"{path}: pixels are {image.spacing[0]:g} x {image.spacing[1]:g} mm, expected square ones. Resample the "
            "slice; the ray transform has one pixel size."
        )
