"""NIfTI (nii, nii.gz). Needs nibabel.

Volumes are turned to the closest RAS orientation, so axes 0, 1, 2 point to the right, front and top of the patient.
metadata["frame"] says where the array lies in the patient, so that a result on its grid is written as the file was.
A file that does not say it (sform_code and qform_code 0) keeps its axes as stored.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import DataError
from .base import FileImage, as_magnitude, drop_leading, import_extra

logger = logging.getLogger(__name__)

_RAS = np.array([[0, 1], [1, 1], [2, 1]])
_UNITS = "values in "
_MM = {"meter": 1e3, "micron": 1e-3}


def read_file(path: Path, key: str | None) -> FileImage:
    """Read a volume; axes of length 1 are dropped down to two."""
    if key is not None:
        raise DataError(f"{path}: the key is {key!r}, but a NIfTI file holds one volume. Drop '::{key}'.")
    nibabel = import_extra("nibabel", "nifti")
    file = nibabel.load(path)
    # loading is lazy: this is where a truncated file fails
    array = np.asanyarray(file.dataobj)
    if array.dtype.kind == "f":
        array = array.astype(np.float32)
    array = array.reshape(array.shape + (1,) * (3 - array.ndim))
    unit = _MM.get(file.header.get_xyzt_units()[0], 1.0)
    zooms = [float(mm) for mm in file.header.get_zooms()]
    spacing = tuple(mm * (unit if axis < 3 else 1) for axis, mm in enumerate([*zooms, 1.0][: max(3, len(zooms))]))
    forms = _forms(file.header, unit)
    metadata: dict[str, Any] = {"orientation": "unknown"}
    if forms:
        array, frame = _turn_to_ras(array, forms)
        spacing = (*(float(mm) for mm in nibabel.affines.voxel_sizes(_affine(frame))), *spacing[3:])
        metadata = {"orientation": "RAS", "frame": frame}
    else:
        logger.info("%s: the file does not say how the patient lies in it; its axes stay as stored", path)
    array, spacing = _drop_ones(array, spacing)
    return FileImage(array, spacing if all(mm > 0 for mm in spacing) else None, _units(file.header), metadata)


def write_file(path: Path, image: FileImage) -> None:
    """Write float32, where metadata["frame"] says if the grid is still that one, else with the orientation unknown."""
    nibabel = import_extra("nibabel", "nifti")
    array = drop_leading(as_magnitude(image.array, "NIfTI"), 3)
    array = array[0] if array.ndim == 3 and array.shape[0] == 1 else array
    if array.ndim not in (2, 3) or (image.spacing is not None and len(image.spacing) != array.ndim):
        raise DataError(
            f"NIfTI: the array has shape {array.shape} and spacing {image.spacing}, expected two or three axes and one "
            "length for each. Write one image."
        )
    array = array.astype(np.float32)
    frame = image.metadata.get("frame")
    if frame is not None and _fits(frame, array, image.spacing):
        file = _placed(array, frame)
        _state_units(file.header, image.units)
        nibabel.save(file, path)
        return
    logger.warning(
        "NIfTI: %s, so the file says that its orientation is unknown (sform_code and qform_code 0)",
        "the orientation of the image is unknown" if frame is None else "the grid is not the one that was read",
    )
    file = nibabel.Nifti1Image(array, None)
    if image.spacing is not None:
        file.header.set_zooms(image.spacing)
        file.header.set_xyzt_units("mm")
    _state_units(file.header, image.units)
    nibabel.save(file, path)


def _state_units(header: Any, units: str) -> None:
    """The units of the values, which the format has no field for, in its free text of 80 bytes."""
    text = f"{_UNITS}{units}".encode()
    if units and len(text) <= 80:
        header["descrip"] = text


def _units(header: Any) -> str:
    text = bytes(header["descrip"].item()).decode("utf-8", "replace").rstrip("\0 ")
    return text.removeprefix(_UNITS) if text.startswith(_UNITS) else ""


def frame_of_slice(frame: Mapping[str, Any], index: int, axis: int) -> dict[str, Any]:
    """The frame of slice ``index`` along ``axis`` as a volume of one slice: its origin moves, nothing else does."""
    moved = np.eye(4)
    moved[axis, 3] = index
    shape = tuple(1 if each == axis else length for each, length in enumerate(frame["shape"]))
    forms = {name: _moved(frame[name], moved) for name in ("sform", "qform")}
    return {**frame, **forms, "shape": shape}


def _forms(header: Any, unit: float) -> dict[str, tuple[int, np.ndarray]]:
    """The affines that the file gives a meaning, in mm, with their codes, the preferred one first."""
    forms = {}
    for name in ("sform", "qform"):
        try:
            affine, code = getattr(header, f"get_{name}")(coded=True)
        except ValueError:  # quaternions that are no rotation
            continue
        if affine is None or not np.isfinite(affine).all() or np.linalg.det(affine) == 0:
            continue
        affine[:3] *= unit
        forms[name] = (int(code), affine)
    return forms


def _turn_to_ras(array: np.ndarray, forms: Mapping[str, tuple[int, np.ndarray]]) -> tuple[np.ndarray, dict[str, Any]]:
    """The array turned to RAS and its frame.

    "axes" are those of the file, such as "LPS"; "shape", "sform" and "qform" are those of the turned array, the affines
    as tuples of rows, None if the file has none.
    """
    orientations = import_extra("nibabel.orientations", "nifti")
    _, best = next(iter(forms.values()))
    turn = orientations.io_orientation(best)
    moved = orientations.inv_ornt_aff(turn, array.shape[:3])
    turned = orientations.apply_orientation(array, turn)
    frame: dict[str, Any] = {"axes": "".join(orientations.aff2axcodes(best)), "shape": turned.shape[:3]}
    for name in ("sform", "qform"):
        code, affine = forms.get(name, (0, None))
        frame[name] = None if affine is None else _as_rows(affine @ moved)
        frame[f"{name}_code"] = code
    return turned, frame


def _placed(array: np.ndarray, frame: Mapping[str, Any]) -> Any:
    """The image in the axes of the file that was read, with its affines."""
    nibabel, orientations = import_extra("nibabel", "nifti"), import_extra("nibabel.orientations", "nifti")
    array = array.reshape(frame["shape"])
    turn = orientations.ornt_transform(_RAS, orientations.axcodes2ornt(frame["axes"]))
    moved = orientations.inv_ornt_aff(turn, array.shape)
    file = nibabel.Nifti1Image(orientations.apply_orientation(array, turn), None)
    file.header.set_zooms(nibabel.affines.voxel_sizes(_affine(frame) @ moved))
    file.header.set_xyzt_units("mm")
    for name in ("qform", "sform"):
        if frame[name] is not None:
            getattr(file.header, f"set_{name}")(np.asarray(frame[name]) @ moved, frame[f"{name}_code"])
    return file


def _fits(frame: Mapping[str, Any], array: np.ndarray, spacing: tuple[float, ...] | None) -> bool:
    """Whether the array has the grid of the frame, apart from axes of length 1."""
    if [n for n in array.shape if n != 1] != [n for n in frame["shape"] if n != 1]:
        return False
    if spacing is None:
        return True
    sizes = np.linalg.norm(_affine(frame)[:3, :3], axis=0)
    expected = [mm for mm, n in zip(sizes, frame["shape"], strict=True) if n != 1]
    given = [mm for mm, n in zip(spacing, array.shape, strict=True) if n != 1]
    return bool(np.allclose(given, expected, rtol=1e-3, atol=0))


def _affine(frame: Mapping[str, Any]) -> np.ndarray:
    return np.asarray(frame["sform"] or frame["qform"])


def _moved(rows: Any, moved: np.ndarray) -> Any:
    return None if rows is None else _as_rows(np.asarray(rows) @ moved)


def _as_rows(affine: np.ndarray) -> tuple[tuple[float, ...], ...]:
    """Plain numbers, as a record keeps them."""
    return tuple(tuple(float(value) for value in row) for row in affine)


def _drop_ones(array: np.ndarray, spacing: tuple[float, ...]) -> tuple[np.ndarray, tuple[float, ...]]:
    """Without axes of length 1, the last first, while more than two remain; a series of volumes keeps its three."""
    for axis in range(array.ndim - 1, -1, -1):
        if array.shape[axis] == 1 and array.ndim > 2 and (axis > 2 or array.ndim == 3):
            array, spacing = array.squeeze(axis), spacing[:axis] + spacing[axis + 1 :]
    return array, spacing
