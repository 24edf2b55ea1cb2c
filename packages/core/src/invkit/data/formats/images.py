"""png, jpg and tif. Colour becomes luminance; png and jpg hold a window of grey values, tif the numbers themselves."""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from ...errors import ConfigError, DataError
from .base import FileImage, as_planar, write_atomically

logger = logging.getLogger(__name__)

# ITU-R BT.601, the luminance that the denoising literature uses (PIL's "L", but without its rounding).
_LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_TEXT = "invkit"


def luminance(colour: np.ndarray) -> np.ndarray:
    """0.299 R + 0.587 G + 0.114 B of (..., 3 or 4); alpha is ignored."""
    return np.asarray(colour[..., :3].astype(np.float32) @ _LUMINANCE)


def read_file(path: Path, key: str | None) -> FileImage:
    if key is not None:
        raise DataError(f"{path}: the key is {key!r}, but the file holds one image. Drop '::{key}'.")
    if path.suffix.lower() in (".tif", ".tiff"):
        return _read_tif(path)
    with warnings.catch_warnings():
        # a decompression-bomb warning is not for the user of a local file; the size limit itself stays an error
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with Image.open(path) as opened:
            text = getattr(opened, "text", {}).get(_TEXT)
            image = ImageOps.exif_transpose(opened)
            mode = image.mode
            array = _grey(image, path)
    return _from_record(array, json.loads(text) if text else {}, mode, unscale=True)


def write_file(path: Path, image: FileImage) -> None:
    if path.suffix.lower() in (".tif", ".tiff"):
        record = {"spacing": image.spacing, "units": image.units}
        array = as_planar(image.array, path.suffix)
        array = array.astype(np.uint8) if array.dtype.kind == "b" else array
        tifffile.imwrite(path, array, description=json.dumps({_TEXT: record}), photometric="minisblack", metadata=None)
        return
    bits = 16 if path.suffix.lower() == ".png" else 8
    low, high = _save_grey(path, image.array, window=None, bits=bits, spacing=image.spacing, units=image.units)
    ending, white = path.suffix[1:], 2**bits - 1
    logger.info("%s: written as a picture, the values %g..%g as grey levels 0..%d", ending, low, high, white)


def write_grey(
    path: str | os.PathLike[str],
    array: np.ndarray,
    *,
    window: tuple[float, float] | None = None,
    bits: int = 8,
    spacing: tuple[float, ...] | None = None,
    units: str = "",
) -> Path:
    """Write a grey png or jpg that shows ``window`` = (black, white); values outside are clipped.

    window: None for the smallest and largest value. It is recorded in the png's text, so that ``read`` gives the
    values back within half a grey level.   bits: 8 or 16 (16 for png only).
    Raises: ConfigError if the window is empty or bits do not fit; DataError if the array is not one finite image.
    """
    file = Path(path)
    ending = file.suffix.lower()
    allowed = {".png": (8, 16), ".jpg": (8,), ".jpeg": (8,)}.get(ending, ())
    if bits not in allowed:
        raise ConfigError(f"{file}: {bits} bits with ending {ending!r}, expected png (8, 16) or jpg (8). Change one.")
    options: dict[str, Any] = {"window": window, "bits": bits, "spacing": spacing, "units": units}

    def save(temporary: Path) -> None:
        _save_grey(temporary, np.asarray(array), **options)

    return write_atomically(file, save)


def _save_grey(
    path: Path,
    array: np.ndarray,
    *,
    window: tuple[float, float] | None,
    bits: int,
    spacing: tuple[float, ...] | None,
    units: str,
) -> tuple[float, float]:
    """Write the picture and return the values of black and white."""
    planar = as_planar(array, path.suffix).astype(np.float64)
    low, high = (float(planar.min()), float(planar.max())) if window is None else map(float, window)
    if not np.isfinite([low, high]).all() or low > high or (window is not None and low == high):
        raise ConfigError(f"grey image: the window is ({low:g}, {high:g}), expected black < white. Correct it.")
    levels = 2**bits - 1
    step = (high - low) / levels or 1.0  # a constant image is black
    stored = np.rint((planar.clip(low, high) - low) / step).astype(np.uint16 if bits == 16 else np.uint8)
    image = Image.fromarray(stored)
    if path.suffix.lower() != ".png":
        image.save(path, quality=95)
        return low, high
    info = PngInfo()
    info.add_text(_TEXT, json.dumps({"window": [low, high], "step": step, "spacing": spacing, "units": units}))
    image.save(path, pnginfo=info)
    return low, high


def _grey(image: Image.Image, path: Path) -> np.ndarray:
    if image.mode in ("1", "L") or image.mode.startswith(("I", "F")):
        return np.asarray(image).astype(np.float32)
    if image.mode in ("LA", "La"):
        return np.asarray(image)[..., 0].astype(np.float32)
    _say_grey(path, image.mode)
    return luminance(np.asarray(image.convert("RGB")))


def _say_grey(path: Path, mode: str) -> None:
    logger.info("%s: the colours (%s) become grey, 0.299 R + 0.587 G + 0.114 B", path, mode)


def _read_tif(path: Path) -> FileImage:
    # opened here, because tifffile leaves a damaged file open
    with path.open("rb") as handle, tifffile.TiffFile(handle) as file:
        page = file.pages.first
        array = file.asarray()
        mode = tifffile.PHOTOMETRIC(page.photometric).name
        description = page.description
    if mode in ("RGB", "YCBCR") and array.shape[-1] in (3, 4):
        _say_grey(path, mode)
        array = luminance(array)
    elif mode == "PALETTE":
        raise DataError(f"{path}: the tif has a colour palette, expected grey or RGB. Convert it to one of these.")
    try:
        record = json.loads(description).get(_TEXT, {})
    except (ValueError, AttributeError):
        record = {}
    return _from_record(array, record, mode, unscale=False)


def _from_record(array: np.ndarray, record: Mapping[str, Any], mode: str, *, unscale: bool) -> FileImage:
    """Undo the window that ``write_grey`` recorded, if it is there."""
    metadata: dict[str, Any] = {"mode": mode}
    if unscale and "step" in record:
        metadata["window"] = tuple(record["window"])
        array = (array.astype(np.float64) * record["step"] + record["window"][0]).astype(np.float32)
    spacing = record.get("spacing")
    return FileImage(array, tuple(spacing) if spacing else None, str(record.get("units", "")), metadata)
