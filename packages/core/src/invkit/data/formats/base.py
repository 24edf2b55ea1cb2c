"""read(path) and write(path, array): the ending chooses the format, every failure is a DataError of one line.

A writer never leaves half a file: it writes beside the target and the result is moved into place.
``file.npz::key`` reads one array of a file that holds several (npz, mat, h5), or one frame of a DICOM file.
"""

from __future__ import annotations

import importlib
import logging
import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ...errors import DataError, InvkitError, MissingDependencyError

logger = logging.getLogger(__name__)

# Ending -> module of this package, which has `read_file(path, key)` and `write_file(path, image)`.
_MODULES: Mapping[str, str] = {
    ".npy": "numpy_files",
    ".npz": "numpy_files",
    ".png": "images",
    ".jpg": "images",
    ".jpeg": "images",
    ".tif": "images",
    ".tiff": "images",
    ".dcm": "dicom",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    ".mat": "matlab",
    ".nii": "nifti",
    ".nii.gz": "nifti",
}


@dataclass(frozen=True, eq=False)
class FileImage:
    """What a file holds.

    array: numbers, its axes as stored.   spacing: mm per pixel along each axis of ``array``, or None.
    units: of the values, such as "HU", "" if unknown.   metadata: what was read, chosen and changed.
    """

    array: np.ndarray
    spacing: tuple[float, ...] | None = None
    units: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


def endings() -> tuple[str, ...]:
    """The endings that can be read and written."""
    return tuple(_MODULES)


def read(path: str | os.PathLike[str]) -> FileImage:
    """Read a file by its ending.

    Raises: DataError if the file is missing, empty, a folder, unreadable, truncated, holds nothing numeric, or holds
    several arrays and none was chosen; MissingDependencyError if the format needs a package that is not installed.
    """
    file, key = _split_key(path)
    ending = _ending(file)
    if file.is_dir():
        raise DataError(f"{file}: it is a folder, expected a file. Name one file in it.")
    if not file.exists():
        raise DataError(f"{file}: there is no such file. Check the path.")
    if file.stat().st_size == 0:
        raise DataError(f"{file}: the file is empty (0 bytes), expected {ending} data. Copy it again.")
    module = _module(ending)
    try:
        image: FileImage = module.read_file(file, key)
    except InvkitError:
        raise
    except Exception as error:  # the libraries raise nearly anything on damaged files
        raise DataError(
            f"{file}: cannot be read as {ending} ({_one_line(error)}), expected a complete, valid file. "
            "Copy it again, or check its ending."
        ) from error
    if image.array.dtype.kind not in "biufc" or image.array.size == 0:
        raise DataError(
            f"{file}: holds {image.array.dtype} of shape {image.array.shape}, expected a non-empty array of numbers. "
            "Choose another array."
        )
    return image


def write(
    path: str | os.PathLike[str],
    array: np.ndarray,
    *,
    spacing: tuple[float, ...] | None = None,
    units: str = "",
    metadata: Mapping[str, Any] | None = None,
) -> Path:
    """Write an array in the format of the ending, and return the path.

    npy, npz, h5 and mat keep every dtype and shape. dcm uses metadata["modality"] and ["subject"], nii ["frame"]
    (where the grid lies in the patient), the others none. The image formats drop leading axes of length 1 and take the
    magnitude of complex values, with a warning in the log.
    Raises: DataError if the ending is unknown, the folder is missing, or the array does not fit the format.
    """
    file = Path(path)
    module = _module(_ending(file))
    image = FileImage(np.asarray(array), spacing, units, dict(metadata or {}))
    if image.array.dtype.kind not in "biufc" or image.array.size == 0:
        raise DataError(
            f"{file}: the array is {image.array.dtype} of shape {image.array.shape}, expected a non-empty array of "
            "numbers. Convert it first."
        )
    return write_atomically(file, lambda temporary: module.write_file(temporary, image))


#: Endings whose format needs a package of an extra: (module, extra).
_EXTRAS: Mapping[str, tuple[str, str]] = {
    ".dcm": ("pydicom", "dicom"),
    ".h5": ("h5py", "hdf5"),
    ".hdf5": ("h5py", "hdf5"),
    ".nii": ("nibabel", "nifti"),
    ".nii.gz": ("nibabel", "nifti"),
}


def require_format(path: str | os.PathLike[str]) -> None:
    """Ask before long work whether a file of this name could be written.

    Raises: DataError if the ending is unknown; MissingDependencyError if its format needs a package that is not there.
    """
    ending = _ending(Path(path))
    if ending in _EXTRAS:
        import_extra(*_EXTRAS[ending])


def write_atomically(file: Path, writer: Callable[[Path], None]) -> Path:
    """Let ``writer`` fill a temporary file in the same folder, then move it into place; remove it on failure."""
    if file.is_dir():
        raise DataError(f"{file}: it is a folder, expected a file name. Name a file in it.")
    if not file.parent.is_dir():
        raise DataError(f"{file}: there is no folder {file.parent}, expected an existing one. Create it first.")
    temporary = file.with_name(f".{uuid.uuid4().hex}{_ending(file)}")
    try:
        writer(temporary)
        os.replace(temporary, file)
    except OSError as error:
        raise DataError(f"{file}: cannot be written ({_one_line(error)}). Check the folder and its space.") from error
    finally:
        temporary.unlink(missing_ok=True)
    return file


def import_extra(module: str, extra: str) -> ModuleType:
    """Import a module that an optional extra of invkit brings, or say which one."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingDependencyError(
            f'{module}: it is not installed, expected for this file format. Run: pip install "invkit[{extra}]"'
        ) from error


def as_magnitude(array: np.ndarray, what: str) -> np.ndarray:
    """Real array; complex values become their magnitude, with a warning."""
    if array.dtype.kind != "c":
        return array
    logger.warning("%s cannot hold complex values: the magnitude is written", what)
    return np.abs(array)


def as_planar(array: np.ndarray, what: str) -> np.ndarray:
    """Real array (rows, columns) without its leading axes of length 1. Raises DataError if more axes remain."""
    array = drop_leading(as_magnitude(array, what), 2)
    if array.ndim != 2:
        raise DataError(f"{what}: the array has shape {array.shape}, expected (rows, columns). Write one slice.")
    if not np.isfinite(array).all():
        raise DataError(f"{what}: the array has NaN or inf, expected finite numbers. Repair it, or write npy.")
    return array


def drop_leading(array: np.ndarray, num_axes: int) -> np.ndarray:
    """Remove leading axes of length 1 while there are more than ``num_axes``."""
    while array.ndim > num_axes and array.shape[0] == 1:
        array = array[0]
    return array


def _split_key(path: str | os.PathLike[str]) -> tuple[Path, str | None]:
    text = os.fspath(path)
    name, separator, key = text.rpartition("::")
    return (Path(name), key) if separator else (Path(text), None)


def _ending(file: Path) -> str:
    # the longest first, so that .nii.gz is not taken for .gz
    for ending in sorted(_MODULES, key=len, reverse=True):
        if file.name.lower().endswith(ending):
            return ending
    raise DataError(
        f"{file}: the ending is {file.suffix or 'none'!r}, expected one of {' '.join(_MODULES)}. Rename or convert it."
    )


def _module(ending: str) -> ModuleType:
    return importlib.import_module(f".{_MODULES[ending]}", __package__)


def _one_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:160]}" if lines else type(error).__name__
