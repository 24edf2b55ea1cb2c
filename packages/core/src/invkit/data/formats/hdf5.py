"""HDF5 (h5, hdf5), also the container of MATLAB v7.3 files. Needs h5py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .base import FileImage, import_extra
from .choose import as_complex, choose_array


def read_file(path: Path, key: str | None) -> FileImage:
    """Read one dataset; only the chosen one is loaded."""
    h5py = import_extra("h5py", "hdf5")
    with h5py.File(path, "r") as file:
        datasets: dict[str, Any] = {}

        def collect(name: str, item: Any) -> None:
            # groups whose names start with # are MATLAB's own tables
            if isinstance(item, h5py.Dataset) and not name.startswith("#") and item.shape is not None:
                datasets[name] = item

        file.visititems(collect)
        shapes = {name: _shadow(item) for name, item in datasets.items()}
        name, _ = choose_array(shapes, key.strip("/") if key else key, path)
        item = datasets[name]
        spacing, units = item.attrs.get("spacing"), item.attrs.get("units", "")
        return FileImage(
            as_complex(item[...]),
            spacing=None if spacing is None else tuple(float(mm) for mm in np.ravel(spacing)),
            units=units if isinstance(units, str) else "",
            metadata={"key": name},
        )


def write_file(path: Path, image: FileImage) -> None:
    h5py = import_extra("h5py", "hdf5")
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("array", data=image.array)
        dataset.attrs["units"] = image.units
        if image.spacing is not None:
            dataset.attrs["spacing"] = np.asarray(image.spacing, dtype=np.float64)


def _shadow(item: Any) -> np.ndarray:
    """An array of the dataset's shape and dtype that takes no memory."""
    one = as_complex(np.empty((), item.dtype))
    return np.broadcast_to(one, item.shape)
