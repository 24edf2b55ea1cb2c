"""DICOM, one image per file. Needs pydicom.

Stored values become RescaleSlope * stored + RescaleIntercept, so CT is in HU; MR images keep their stored values, whose
slopes differ from slice to slice with some vendors. In CT, pixels outside the scanned circle (PixelPaddingValue) become
air, -1000 HU; metadata["padding"] says how many.
"""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import DataError, MissingDependencyError
from .base import FileImage, as_planar, import_extra

logger = logging.getLogger(__name__)

_AIR = -1000.0
_MR_STORAGE = ("1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4.1")
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def read_file(path: Path, key: str | None) -> FileImage:
    """Read one frame; ``file.dcm::3`` chooses frame 3 of a file that has several."""
    pydicom = import_extra("pydicom", "dicom")
    # opened here, because pydicom leaves a damaged file open
    with path.open("rb") as handle, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        dataset = pydicom.dcmread(handle)
        stored = _one_frame(path, dataset, key)
    for warning in caught:
        logger.info("%s: %s", path, warning.message)
    modality = str(dataset.get("Modality", ""))
    rescaled = str(dataset.get("SOPClassUID", "")) not in _MR_STORAGE
    slope, intercept = float(dataset.get("RescaleSlope", None) or 1), float(dataset.get("RescaleIntercept", None) or 0)
    array = (stored.astype(np.float64) * slope + intercept if rescaled else stored).astype(np.float32)
    metadata: dict[str, Any] = {
        "modality": modality,
        "subject": str(dataset.get("PatientID", "")),
        "rescale": {"slope": slope, "intercept": intercept, "applied": rescaled},
    }
    padded = _padded(dataset, stored)
    if padded is not None:
        replaced = _AIR if modality == "CT" and rescaled else None
        metadata["padding"] = {"count": int(padded.sum()), "replaced_by": replaced}
        if replaced is not None:
            array[padded] = replaced
    return FileImage(array, _spacing(dataset), _units(dataset, modality), metadata)


def _one_frame(path: Path, dataset: Any, key: str | None) -> np.ndarray:
    if not any(name in dataset for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise DataError(
            f"{path}: the DICOM file ({dataset.get('Modality', 'unknown')}) has no pixel data, expected an image. "
            "It may be truncated, or a report, plan or directory: choose an image file."
        )
    if int(dataset.get("SamplesPerPixel", 1)) != 1:
        raise DataError(f"{path}: the DICOM image is in colour, expected one grey value per pixel. Convert it first.")
    num_frames = int(dataset.get("NumberOfFrames", None) or 1)
    if num_frames > 1 and key is None:
        raise DataError(f"{path}: the DICOM file has {num_frames} frames, expected one. Choose one as {path}::0")
    if key is not None and not (key.isdecimal() and int(key) < num_frames):
        raise DataError(f"{path}: the frame is {key!r}, expected 0 to {num_frames - 1}. Choose one of these.")
    try:
        pixels = np.asarray(dataset.pixel_array)
    except (RuntimeError, NotImplementedError) as error:
        if dataset.file_meta.TransferSyntaxUID.is_compressed and "missing" in str(error).lower():
            raise MissingDependencyError(
                f"{path}: no decoder for {dataset.file_meta.TransferSyntaxUID.name} is installed. "
                'Run: pip install "pylibjpeg[all]"'
            ) from error
        raise
    pixels = pixels[int(key or 0)] if num_frames > 1 else pixels
    expected = (int(dataset.Rows), int(dataset.Columns))
    if pixels.shape != expected:
        raise DataError(f"{path}: the pixels have shape {pixels.shape}, expected {expected}. Copy the file again.")
    return pixels


def _padded(dataset: Any, stored: np.ndarray) -> np.ndarray | None:
    """Where the scanner stored padding, or None if the file names no padding value."""
    value = dataset.get("PixelPaddingValue", None)
    if value is None or stored.dtype.kind not in "iu":
        return None
    limit = dataset.get("PixelPaddingRangeLimit", None)
    # many files give a signed value as its unsigned twin, 63536 for -2000
    low, high = sorted(_wrap(int(v), stored.dtype) for v in (value, value if limit is None else limit))
    return np.asarray((stored >= low) & (stored <= high))


def _wrap(value: int, dtype: np.dtype) -> int:
    size = 2 ** (8 * dtype.itemsize)
    value %= size
    return value - size if dtype.kind == "i" and value >= size // 2 else value


def _spacing(dataset: Any) -> tuple[float, ...] | None:
    for name in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        value = dataset.get(name, None)
        if value is not None and len(value) == 2 and all(float(mm) > 0 for mm in value):
            return float(value[0]), float(value[1])
    return None


def _units(dataset: Any, modality: str) -> str:
    if modality == "CT":
        return "HU"
    units = str(dataset.get("Units", None) or dataset.get("RescaleType", None) or "")
    return "" if units == "US" else units  # "unspecified"


def write_file(path: Path, image: FileImage) -> None:
    """Write a Secondary Capture: 16 bits, its slope and intercept giving the values back within half a step.

    Integers that span at most 16 bits (such as HU) are stored exactly. Modality: metadata["modality"], else CT for
    "HU", else OT.
    """
    pydicom = import_extra("pydicom", "dicom")
    array = as_planar(image.array, "DICOM").astype(np.float64)
    intercept = _ds(pydicom, float(array.min()))
    exact = float(array.max()) - float(array.min()) <= 65535 and bool((array == np.rint(array)).all())
    slope = 1.0 if exact else _ds(pydicom, float(np.ptp(array)) / 65535) or 1.0
    stored = np.rint((array - intercept) / slope).clip(0, 65535).astype("<u2")

    dataset = pydicom.dataset.Dataset()
    meta = pydicom.dataset.FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID = _SECONDARY_CAPTURE
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = pydicom.uid.generate_uid()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.file_meta = meta
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = pydicom.uid.generate_uid(), pydicom.uid.generate_uid()
    for name in ("PatientName", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "AccessionNumber"):
        setattr(dataset, name, "")
    dataset.PatientID = str(image.metadata.get("subject", ""))[:64]
    dataset.StudyID, dataset.ReferringPhysicianName, dataset.Manufacturer = "", "", "invkit"
    dataset.SeriesNumber, dataset.InstanceNumber = 1, 1
    dataset.Modality = str(image.metadata.get("modality") or ("CT" if image.units == "HU" else "OT"))[:16]
    dataset.ConversionType, dataset.ImageType = "WSD", ["DERIVED", "SECONDARY"]
    dataset.Rows, dataset.Columns = stored.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.RescaleSlope, dataset.RescaleIntercept = _text(pydicom, slope), _text(pydicom, intercept)
    dataset.RescaleType = image.units[:16] or "US"
    if image.spacing is not None and len(image.spacing) == 2:
        dataset.PixelSpacing = [_text(pydicom, float(mm)) for mm in image.spacing]
    dataset.PixelData = stored.tobytes()
    dataset.save_as(path, enforce_file_format=True)


def _text(pydicom: Any, value: float) -> Any:
    """A decimal string, which DICOM limits to 16 characters."""
    return pydicom.valuerep.DSfloat(value, auto_format=True)


def _ds(pydicom: Any, value: float) -> float:
    """The number that a reader gets back for ``value``, so that quantisation uses the stored slope and intercept."""
    return float(str(_text(pydicom, value)))
