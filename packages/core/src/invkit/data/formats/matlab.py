"""MATLAB mat: v7.3 is HDF5 and needs h5py, older versions are read by scipy.

A struct is entered with dots: ``file.mat::data.images``. Axes of length 1 are dropped from old files. v7.3 stores its
axes in the reverse order of MATLAB's; they are left as stored.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import scipy.io

from . import hdf5
from .base import FileImage
from .choose import choose_array

# HDF5 files of MATLAB begin with a user block of 512 bytes.
_SIGNATURE, _OFFSETS = b"\x89HDF\r\n\x1a\n", (0, 512)


def read_file(path: Path, key: str | None) -> FileImage:
    if _is_hdf5(path):
        return hdf5.read_file(path, key)
    with path.open("rb") as handle:
        contents = scipy.io.loadmat(handle, squeeze_me=True, struct_as_record=False)
    arrays: dict[str, np.ndarray] = {}
    for name, value in contents.items():
        if not name.startswith("__") and name != "spacing":
            _flatten(name, value, arrays)
    name, array = choose_array(arrays, key, path)
    spacing, units = contents.get("spacing"), contents.get("units", "")
    return FileImage(
        array,
        spacing=None if spacing is None else tuple(float(mm) for mm in np.ravel(spacing)),
        units=units if isinstance(units, str) else "",
        metadata={"key": name},
    )


def write_file(path: Path, image: FileImage) -> None:
    contents: dict[str, Any] = {"array": image.array, "units": image.units}
    if image.spacing is not None:
        contents["spacing"] = np.asarray(image.spacing, dtype=np.float64)
    scipy.io.savemat(path, contents, do_compression=True)


def _is_hdf5(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(max(_OFFSETS) + len(_SIGNATURE))
    return any(head[offset : offset + len(_SIGNATURE)] == _SIGNATURE for offset in _OFFSETS)


def _flatten(name: str, value: Any, arrays: dict[str, np.ndarray]) -> None:
    if hasattr(value, "_fieldnames"):
        for field in value._fieldnames:
            _flatten(f"{name}.{field}", getattr(value, field), arrays)
    elif isinstance(value, np.ndarray | int | float | complex):
        arrays[name] = np.asarray(value)
