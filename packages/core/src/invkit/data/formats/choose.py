"""Choosing one array of a file that holds several."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ...errors import DataError

logger = logging.getLogger(__name__)


def choose_array(arrays: Mapping[str, np.ndarray], key: str | None, file: Path) -> tuple[str, np.ndarray]:
    """The array named ``key``; without a key the only one of at least two axes, else the only complex one.

    Raises: DataError, listing the arrays, if the key is not there or the choice is ambiguous.
    """
    numeric = {name: array for name, array in arrays.items() if array.dtype.kind in "biufc"}
    listing = ", ".join(f"{name} {array.shape} {array.dtype}" for name, array in numeric.items()) or "no numeric array"
    if key is not None:
        if key in numeric:
            return key, numeric[key]
        near = difflib.get_close_matches(key, numeric, n=1)
        hint = f"Did you mean {file}::{near[0]}?" if near else "Choose one of these."
        raise DataError(f"{file}: there is no array {key!r}, expected one of: {listing}. {hint}")
    candidates = {name: array for name, array in numeric.items() if array.ndim >= 2}
    if len(candidates) > 1:
        candidates = {name: array for name, array in candidates.items() if array.dtype.kind == "c"} or candidates
    if len(candidates) != 1:
        example = next(iter(candidates or numeric), "name")
        raise DataError(
            f"{file}: it holds {listing}; expected exactly one image or complex array. Choose one as {file}::{example}"
        )
    ((name, array),) = candidates.items()
    if len(numeric) > 1:
        logger.info("%s: read the array %r of %s", file, name, listing)
    return name, array


def as_complex(array: np.ndarray) -> np.ndarray:
    """A compound array of real and imaginary parts, as MATLAB writes it to HDF5, becomes complex; others stay."""
    if array.dtype.names is None or len(array.dtype.names) != 2:
        return array
    real, imaginary = array.dtype.names
    if (real.lower(), imaginary.lower()) not in {("real", "imag"), ("r", "i")}:
        return array
    dtype = np.result_type(array.dtype[real], np.complex64)
    out = np.empty(array.shape, dtype)
    out.real, out.imag = array[real], array[imaginary]
    return out
