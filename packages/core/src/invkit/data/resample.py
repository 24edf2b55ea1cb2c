"""Fitting an image to a shape and a scale: centre crop, area downsampling, normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ConfigError, DataError


def crop_centre(array: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """The middle ``shape`` of the last axes of the array. Raises: ConfigError if it is larger than the array."""
    _check_shape(array, shape, "crop")
    start = [(n - m) // 2 for n, m in zip(array.shape[-len(shape) :], shape, strict=True)]
    window: tuple[Any, ...] = (..., *(slice(s, s + m) for s, m in zip(start, shape, strict=True)))
    cropped: np.ndarray = array[window]
    return cropped


def downsample_by_area(array: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Mean of the array over the area of each new pixel, along its last axes; any ratio >= 1.

    Raises: ConfigError if ``shape`` is larger than the array.
    """
    _check_shape(array, shape, "downsample")
    first = array.ndim - len(shape)
    for axis, length in enumerate(shape, start=first):
        if array.shape[axis] != length:
            weights = _area_weights(array.shape[axis], length)
            array = np.moveaxis(np.moveaxis(array, axis, -1) @ weights.T, -1, axis)
    return array


def crop_to_aspect(array: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """The largest centred part of the array with the aspect ratio of ``shape``, so that pixels stay square."""
    sizes = array.shape[-len(shape) :]
    factor = min(n / m for n, m in zip(sizes, shape, strict=True))
    return crop_centre(array, [min(n, max(1, round(m * factor))) for n, m in zip(sizes, shape, strict=True)])


def scale_of(array: np.ndarray, normalise: str, name: str) -> float:
    """The number to divide by: 1 ("none"), the largest magnitude ("max"), or its 99.9 percentile ("percentile").

    Raises: ConfigError for another word; DataError if the scale is zero.
    """
    scales = {"none": lambda: 1.0, "max": lambda: np.abs(array).max(), "percentile": lambda: percentile_999(array)}
    if normalise not in scales:
        raise ConfigError(f"{name}: normalise is {normalise!r}, expected one of {sorted(scales)}. Choose one.")
    scale = float(scales[normalise]())
    if not scale > 0:
        raise DataError(
            f"{name}: the {normalise} of the magnitude is {scale:g}, expected > 0. The image is empty: choose another, "
            'or normalise="none".'
        )
    return scale


def percentile_999(array: np.ndarray) -> float:
    """The 99.9 percentile of the magnitude: near the maximum, but blind to a few bright pixels."""
    return float(np.percentile(np.abs(array), 99.9))


def _area_weights(length: int, new_length: int) -> np.ndarray:
    """Rows of weights, each the share of every old pixel in one new pixel; every row sums to 1."""
    edges = np.linspace(0, length, new_length + 1)
    old = np.arange(length)
    low, high = np.maximum(edges[:-1, None], old), np.minimum(edges[1:, None], old + 1)
    return np.clip(high - low, 0, None) * (new_length / length)


def _check_shape(array: np.ndarray, shape: Sequence[int], what: str) -> None:
    sizes = array.shape[array.ndim - len(shape) :]
    if len(shape) > array.ndim or not all(1 <= m <= n for n, m in zip(sizes, shape, strict=True)):
        raise ConfigError(
            f"{what}: the image has shape {array.shape}, expected at least {tuple(shape)}. Ask for a smaller "
            "image_shape (images are never enlarged)."
        )
