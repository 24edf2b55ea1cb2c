from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from invkit.data import estimate_coil_sensitivities
from invkit.data.coil_sensitivities import calibration_window
from invkit.errors import ConfigError, DataError, ShapeError

SHAPE = (48, 63)


def smooth_coils(num_coils: int = 4) -> torch.Tensor:
    """Known sensitivities with sum of squares 1: smooth magnitude and phase."""
    y, x = torch.meshgrid(
        torch.linspace(-1, 1, SHAPE[0], dtype=torch.float64),
        torch.linspace(-1, 1, SHAPE[1], dtype=torch.float64),
        indexing="ij",
    )
    coils = []
    for j in range(num_coils):
        angle = 2 * math.pi * j / num_coils
        distance2 = (x - math.cos(angle)) ** 2 + (y - math.sin(angle)) ** 2
        coils.append(torch.polar(torch.exp(-distance2 / 3), 0.5 * (x * math.sin(angle) - y) + angle))
    stacked = torch.stack(coils)
    return stacked / stacked.abs().square().sum(dim=0).sqrt()


def smooth_image() -> torch.Tensor:
    y, x = torch.meshgrid(
        torch.linspace(-1, 1, SHAPE[0], dtype=torch.float64),
        torch.linspace(-1, 1, SHAPE[1], dtype=torch.float64),
        indexing="ij",
    )
    return torch.polar(torch.exp(-2 * (x**2 + y**2)), 0.3 * x)


def kspace_of(images: torch.Tensor) -> torch.Tensor:
    return torch.fft.fftn(images, dim=(-2, -1), norm="ortho")


def test_known_sensitivities_are_recovered_up_to_a_common_phase() -> None:
    coils, image = smooth_coils(), smooth_image()
    estimate = estimate_coil_sensitivities(kspace_of(coils * image)[None], 24)[0]
    middle = (slice(None), slice(12, -12), slice(15, -15))
    # the relative phase and magnitude: s_j conj(s_0), which no common phase can change
    relative, expected = (estimate * estimate[:1].conj())[middle], (coils * coils[:1].conj())[middle]
    assert float((relative - expected).abs().max()) < 0.03
    # and it is not the trivial answer
    assert float((relative - expected.roll(1, dims=0)).abs().max()) > 0.3


def test_sum_of_squares_is_one_where_there_is_signal() -> None:
    kspace = kspace_of(smooth_coils() * smooth_image())[None].to(torch.complex64)
    estimate = estimate_coil_sensitivities(kspace, (16, 20))
    assert estimate.dtype == torch.complex64
    torch.testing.assert_close(estimate.abs().square().sum(dim=1), torch.ones(1, *SHAPE), rtol=0, atol=1e-5)


def test_the_combined_image_is_nearly_real_and_has_no_vortex() -> None:
    # a birdcage mode: the coils' phases wind around the middle, where their principal combination is blind
    coils, image = smooth_coils(8), smooth_image()
    estimate = estimate_coil_sensitivities(kspace_of(coils * image)[None], 24)[0]
    combined = (estimate.conj() * coils * image).sum(dim=0)
    bright = combined.abs() > 0.1
    bright[:8], bright[-8:], bright[:, :8], bright[:, -8:] = False, False, False, False  # the image is not periodic
    assert float(combined.angle()[bright].abs().max()) < 0.05
    vector = torch.linalg.eigh((coils * image).flatten(1) @ (coils * image).flatten(1).mH).eigenvectors[:, -1]
    referred = combined * (vector.conj()[:, None, None] * coils * image).sum(dim=0).sgn()
    assert float(referred.angle()[bright].abs().max()) > 1


def test_one_coil_has_magnitude_one_and_the_phase_of_the_image() -> None:
    image = smooth_image()
    estimate = estimate_coil_sensitivities(kspace_of(image)[None, None], 40)[0, 0]
    torch.testing.assert_close(estimate.abs(), torch.ones_like(image.abs()), rtol=0, atol=1e-10)
    middle = (slice(8, -8), slice(8, -8))
    torch.testing.assert_close(estimate[middle], image.sgn()[middle], rtol=0, atol=0.05)


def test_a_result_does_not_depend_on_the_batch_mates_or_on_the_scale() -> None:
    generator = torch.Generator().manual_seed(0)
    kspace = torch.randn(3, 4, *SHAPE, dtype=torch.complex128, generator=generator)
    kspace[1] = kspace_of(smooth_coils() * smooth_image())
    kspace[2] *= 1e12
    together = estimate_coil_sensitivities(kspace, 12)
    for index in range(3):
        alone = estimate_coil_sensitivities(kspace[index : index + 1] * 7, 12)
        torch.testing.assert_close(together[index], alone[0], rtol=1e-8, atol=1e-8)


def test_empty_data_give_zero_not_nan() -> None:
    kspace = torch.zeros(1, 2, 8, 8, dtype=torch.complex64)
    kspace[:, :, :4, :4] = 0
    with pytest.raises(DataError, match="calibration centre are zero in every coil"):
        estimate_coil_sensitivities(kspace, 4)


def test_only_the_centre_is_used() -> None:
    kspace = kspace_of(smooth_coils() * smooth_image())[None]
    far = kspace.clone()
    far[..., 12:-12, :] = 0
    torch.testing.assert_close(estimate_coil_sensitivities(far, 24), estimate_coil_sensitivities(kspace, 24))


@pytest.mark.parametrize(("length", "size"), [(32, 24), (33, 24), (24, 24), (21, 21)])
def test_the_window_is_hanns(length: int, size: int) -> None:
    window = calibration_window([length], [size]).numpy()
    f = np.fft.fftshift(np.fft.fftfreq(length, 1 / length))
    expected = np.where(np.abs(f) < size / 2, 0.5 + 0.5 * np.cos(2 * np.pi * f / size), 0)
    np.testing.assert_allclose(np.fft.fftshift(window), expected, atol=1e-12)


def test_an_undersampled_centre_is_refused() -> None:
    kspace = kspace_of(smooth_coils() * smooth_image())[None]
    kspace[..., 2, :] = 0
    with pytest.raises(DataError, match="15 samples of the 16 x 16 calibration centre are zero"):
        estimate_coil_sensitivities(kspace, 16)
    # DC in the middle, the other usual mistake, is caught when the corners were not measured
    centred = torch.zeros_like(kspace)
    centred[..., 16:32, 20:40] = 1
    with pytest.raises(DataError, match="check where DC is"):
        estimate_coil_sensitivities(centred, 16)


def test_shapes_that_do_not_fit_are_refused() -> None:
    kspace = kspace_of(smooth_coils() * smooth_image())[None]
    with pytest.raises(ConfigError, match=r"calibration_size is 49, expected 1 to \(48, 63\)"):
        estimate_coil_sensitivities(kspace, 49)
    with pytest.raises(ShapeError, match="expected complex"):
        estimate_coil_sensitivities(kspace.real, 8)
