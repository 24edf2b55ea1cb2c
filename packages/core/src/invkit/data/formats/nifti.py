"""NIfTI (nii, nii.gz). Needs nibabel.

Volumes are turned to the closest RAS orientation, so axes 0, 1, 2 point to the right, front and top of the patient.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...errors import DataError
from .base import FileImage, as_magnitude, drop_leading, import_extra


def read_file(path: Path, key: str | None) -> FileImage:
    if key is not None:
        raise DataError(f"{path}: the key is {key!r}, but a NIfTI file holds one volume. Drop '::{key}'.")
    nibabel = import_extra("nibabel", "nifti")
    file = nibabel.as_closest_canonical(nibabel.load(path))
    spacing = tuple(float(mm) for mm in file.header.get_zooms())
    # loading is lazy: this is where a truncated file fails
    array = np.asanyarray(file.dataobj)
    if array.dtype.kind == "f":
        array = array.astype(np.float32)
    while array.ndim > 2 and array.shape[-1] == 1:
        array, spacing = array[..., 0], spacing[:-1]
    positive = all(mm > 0 for mm in spacing)
    return FileImage(array, spacing if positive else None, "", {"orientation": "RAS"})


def write_file(path: Path, image: FileImage) -> None:
    nibabel = import_extra("nibabel", "nifti")
    array = drop_leading(as_magnitude(image.array, "NIfTI"), 3)
    array = array[0] if array.ndim == 3 and array.shape[0] == 1 else array
    spacing = image.spacing or (1.0,) * array.ndim
    if array.ndim not in (2, 3) or len(spacing) != array.ndim:
        raise DataError(
            f"NIfTI: the array has shape {array.shape} and spacing {image.spacing}, expected two or three axes and one "
            "length for each. Write one image."
        )
    volume = array if array.ndim == 3 else array[..., None]
    zooms = (*spacing, 1.0)[:3]
    file = nibabel.Nifti1Image(volume.astype(np.float32), np.diag((*zooms, 1.0)))
    file.header.set_xyzt_units("mm")
    nibabel.save(file, path)
