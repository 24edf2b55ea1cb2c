from __future__ import annotations

import math

import numpy as np
import pytest
import skimage.data
import torch

from invkit.data import Ellipse, ellipse_sinogram, random_ellipses, rasterise, shepp_logan_ellipses
from invkit.errors import ConfigError


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def line_integrals(ellipses, angles: torch.Tensor, offsets: torch.Tensor, half_length: float) -> torch.Tensor:
    """The definition: a dense sum along each line of the values at its points, membership by the implicit equation."""
    t = (torch.arange(40001, dtype=torch.float64) / 40000 - 0.5) * 2 * half_length
    step = float(t[1] - t[0])
    out = torch.zeros(len(angles), len(offsets), dtype=torch.float64)
    for i, theta in enumerate(angles.tolist()):
        for j, s in enumerate(offsets.tolist()):
            x, y = s * math.cos(theta) - t * math.sin(theta), s * math.sin(theta) + t * math.cos(theta)
            for e in ellipses:
                # rotation by a complex number, a different way than the code under test
                w = torch.complex(x - e.center[0], y - e.center[1]) * complex(math.cos(e.angle), -math.sin(e.angle))
                inside = (w.real / e.semi_axes[0]) ** 2 + (w.imag / e.semi_axes[1]) ** 2 <= 1
                out[i, j] += e.value * inside.sum() * step
    return out


def test_sum_of_pixels_is_value_times_area() -> None:
    ellipse = Ellipse(2.5, center=(3.0, -2.0), semi_axes=(9.0, 4.0), angle=0.7)
    image = rasterise([ellipse], (81, 64), pixel_size=0.5, supersampling=8, dtype=torch.float64)
    assert float(image.sum()) * 0.5**2 == pytest.approx(2.5 * math.pi * 9 * 4, rel=2e-3)


def test_center_of_mass_is_right_and_up() -> None:
    image = rasterise([Ellipse(1.0, center=(6.0, 9.0), semi_axes=(3.0, 2.0))], (41, 61), dtype=torch.float64)[0, 0]
    rows, columns = torch.meshgrid(torch.arange(41.0), torch.arange(61.0), indexing="ij")
    assert float((image * columns).sum() / image.sum()) == pytest.approx(30 + 6)
    assert float((image * rows).sum() / image.sum()) == pytest.approx(20 - 9)


def test_sinogram_of_a_disc_is_its_chord() -> None:
    disc = Ellipse(0.02, center=(0.0, 0.0), semi_axes=(50.0, 50.0))
    offsets = torch.tensor([0.0, 30.0, 50.0, 60.0])
    sinogram = ellipse_sinogram([disc], torch.tensor([0.0, 1.0]), offsets)
    expected = torch.tensor([2.0, 1.6, 0.0, 0.0], dtype=torch.float64)
    assert sinogram.shape == (1, 1, 2, 4)
    torch.testing.assert_close(sinogram[0, 0], expected.expand(2, 4))


def test_sinogram_agrees_with_dense_line_integrals() -> None:
    ellipses = (*random_ellipses(seeded(3), half_width=20.0), Ellipse(-0.3, (4.0, -7.0), (6.0, 1.5), 2.0))
    angles = torch.tensor([0.0, 0.4, 1.3, math.pi / 2, 2.9])
    offsets = torch.linspace(-19, 19, 13, dtype=torch.float64)
    exact = ellipse_sinogram(ellipses, angles, offsets)[0, 0]
    dense = line_integrals(ellipses, angles, offsets, half_length=40.0)
    torch.testing.assert_close(exact, dense, rtol=0, atol=5e-3)
    # the wrong sense of rotation, the easiest mistake, is far outside the tolerance
    mirrored = ellipse_sinogram(ellipses, -angles, offsets)[0, 0]
    assert float((mirrored - dense).abs().max()) > 1


def test_sinogram_keeps_the_mass_at_every_angle() -> None:
    ellipses = random_ellipses(seeded(1), half_width=30.0)
    offsets = torch.linspace(-45, 45, 3001, dtype=torch.float64)
    sinogram = ellipse_sinogram(ellipses, torch.linspace(0, 3, 7), offsets)[0, 0]
    mass = sum(e.value * math.pi * e.semi_axes[0] * e.semi_axes[1] for e in ellipses)
    torch.testing.assert_close(
        torch.trapezoid(sinogram, offsets, dim=1), torch.full((7,), mass, dtype=torch.float64), rtol=1e-4, atol=0
    )


def test_column_sums_of_the_image_are_the_view_at_angle_zero() -> None:
    ellipses = shepp_logan_ellipses(half_width=32.0)
    image = rasterise(ellipses, (64, 64), supersampling=16, dtype=torch.float64)[0, 0]
    # supersampled columns average the chord over the pixel, so average the exact sinogram likewise
    offsets = (torch.arange(64 * 16, dtype=torch.float64) + 0.5) / 16 - 32
    for theta, sums in ((0.0, image.sum(dim=0)), (math.pi / 2, image.sum(dim=1).flip(0))):
        view = ellipse_sinogram(ellipses, torch.tensor([theta]), offsets)[0, 0, 0].reshape(64, 16).mean(dim=1)
        torch.testing.assert_close(sums, view, rtol=0, atol=0.15)


def test_modified_shepp_logan_is_the_picture_that_scikit_image_ships() -> None:
    picture = skimage.data.shepp_logan_phantom()
    # there, -1 and 1 are the centres of the first and the last pixel
    ours = rasterise(shepp_logan_ellipses(half_width=199.5), (400, 400))[0, 0].numpy()
    np.testing.assert_allclose(ours, picture, rtol=0, atol=0.005)  # the picture has 8 bits
    assert np.abs(picture - ours[::-1]).max() > 0.5


def test_original_shepp_logan_has_one_percent_contrast() -> None:
    ellipses = shepp_logan_ellipses(variant="original", half_width=1.0)
    image = rasterise(ellipses, (201, 201), pixel_size=0.01)[0, 0]
    assert float(image[100, 100]) == pytest.approx(1.02)
    assert float(image.max()) == pytest.approx(2.0)


def test_random_ellipses_are_nonnegative_and_inside_the_field_of_view() -> None:
    for seed in range(20):
        image = rasterise(random_ellipses(seeded(seed), half_width=32.0), (64, 64))
        assert float(image.min()) >= -1e-6
        assert float(image[..., 0, :].abs().max() + image[..., :, -1].abs().max()) == 0


def test_random_ellipses_depend_on_the_generator_only() -> None:
    torch.manual_seed(1)
    first = random_ellipses(seeded(5))
    torch.manual_seed(2)
    assert random_ellipses(seeded(5)) == first
    assert random_ellipses(seeded(6)) != first


def test_drawing_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    random_ellipses(seeded(0))
    assert torch.equal(torch.get_rng_state(), before)


def test_bad_phantoms_are_refused() -> None:
    with pytest.raises(ConfigError, match="generator is None, expected a torch.Generator"):
        random_ellipses(None)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="expected positive lengths"):
        Ellipse(1.0, (0.0, 0.0), (1.0, 0.0))
    with pytest.raises(ConfigError, match="variant is 'toft', expected one of"):
        shepp_logan_ellipses(variant="toft")
    with pytest.raises(ConfigError, match="supersampling is 0, expected 1 or more"):
        rasterise([], (4, 4), supersampling=0)
    with pytest.raises(ConfigError, match="expected two positive integers and a positive length"):
        rasterise([], (4, 4), pixel_size=-1.0)
