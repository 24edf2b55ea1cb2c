"""npy and npz."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...errors import DataError
from .base import FileImage
from .choose import as_complex, choose_array


def read_file(path: Path, key: str | None) -> FileImage:
    if path.name.lower().endswith(".npy"):
        if key is not None:
            raise DataError(f"{path}: the key is {key!r}, but an npy file holds one array. Drop '::{key}'.")
        # never unpickle: a data file must not run code
        with path.open("rb") as handle:
            return FileImage(as_complex(np.load(handle, allow_pickle=False)))
    # opened here, because numpy leaves a damaged file open
    with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
        arrays = {name: as_complex(file[name]) for name in file.files}
    name, array = choose_array({k: v for k, v in arrays.items() if k != "spacing" or k == key}, key, path)
    spacing, units = arrays.get("spacing"), arrays.get("units")
    return FileImage(
        array,
        spacing=None if spacing is None or spacing.shape == (0,) else tuple(float(mm) for mm in spacing.ravel()),
        units="" if units is None else str(units),
        metadata={"key": name},
    )


def write_file(path: Path, image: FileImage) -> None:
    if path.name.lower().endswith(".npy"):
        np.save(path, image.array, allow_pickle=False)
        return
    # no spacing is an empty array
    spacing = np.asarray(image.spacing or (), dtype=np.float64)
    np.savez_compressed(path, array=image.array, units=np.asarray(image.units), spacing=spacing)
