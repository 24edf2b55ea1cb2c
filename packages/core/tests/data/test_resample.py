from __future__ import annotations

import numpy as np
import pytest

from invkit.data.resample import crop_centre, crop_to_aspect, downsample_by_area, scale_of
from invkit.errors import ConfigError, DataError


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape)


def test_an_integer_ratio_is_a_mean_over_blocks() -> None:
    array = noise(12, 20)
    expected = array.reshape(4, 3, 5, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(downsample_by_area(array, (4, 5)), expected)


def test_any_ratio_is_the_mean_over_the_area() -> None:
    array = noise(7, 5)
    # blow up each pixel to a 3 x 2 block: then 3 and 2 divide everything
    fine = np.kron(array, np.ones((3, 2)))
    np.testing.assert_allclose(downsample_by_area(array, (3, 2)), fine.reshape(3, 7, 2, 5).mean(axis=(1, 3)))


def test_complex_volumes_and_the_mean_are_kept() -> None:
    array = noise(9, 8, 7) + 1j * noise(9, 8, 7)
    small = downsample_by_area(array, (4, 3, 5))
    assert small.shape == (4, 3, 5)
    assert small.mean() == pytest.approx(array.mean())


def test_the_crop_is_the_middle() -> None:
    array = np.arange(30).reshape(5, 6)
    np.testing.assert_array_equal(crop_centre(array, (3, 2)), array[1:4, 2:4])
    assert crop_to_aspect(np.zeros((400, 600)), (128, 128)).shape == (400, 400)
    assert crop_to_aspect(np.zeros((400, 600)), (64, 192)).shape == (200, 600)


def test_images_are_never_enlarged() -> None:
    with pytest.raises(ConfigError, match=r"image has shape \(4, 4\), expected at least \(5, 4\)"):
        crop_centre(np.zeros((4, 4)), (5, 4))
    with pytest.raises(ConfigError, match="downsample: the image has shape"):
        downsample_by_area(np.zeros((4, 4)), (4, 0))


def test_scales() -> None:
    array = np.concatenate([np.full(998, -2.0), [100.0, 100.0]])
    assert scale_of(array, "none", "x") == 1
    assert scale_of(array, "max", "x") == 100
    assert scale_of(np.linspace(0, -1, 1001), "percentile", "x") == pytest.approx(0.999)
    with pytest.raises(ConfigError, match="normalise is 'mean', expected one of"):
        scale_of(array, "mean", "x")
    with pytest.raises(DataError, match="x: the max of the magnitude is 0, expected > 0"):
        scale_of(np.zeros(5), "max", "x")
