from __future__ import annotations

import math

import pytest
import torch

from invkit.data.phantoms import ellipse_sinogram, random_ellipses, rasterise
from invkit.errors import ConfigError, DataError, ShapeError
from invkit_ct_astra import ParallelBeam2d, RayTransform, simulate_low_dose
from invkit_ct_astra.low_dose import project_finely

GEOMETRY = ParallelBeam2d.uniform((24, 20), pixel_size=0.8, num_angles=7, detector_offset=0.3)


@pytest.fixture
def truth(generator) -> torch.Tensor:
    ellipses = random_ellipses(generator, half_width=8.0)
    return rasterise(ellipses, GEOMETRY.image_shape, pixel_size=0.8) * 0.2


def test_the_counts_are_poisson(generator) -> None:
    """Behind the logarithm: N exp(-y) has mean and variance N exp(-R x), and only whole numbers occur."""
    flat = torch.full((1, 1, 16, 16), 0.05)
    geometry = ParallelBeam2d.uniform((16, 16), num_angles=3)
    clean = project_finely(flat, geometry).double()
    counts = torch.stack(
        [
            1000 * torch.exp(-simulate_low_dose(flat, geometry, photons=1000, generator=generator).double())
            for _ in range(400)
        ]
    )
    expected = 1000 * torch.exp(-clean)
    assert float((counts - counts.round()).abs().max()) < 0.01
    # 400 draws of 3 x 23 rays; five standard errors of the mean of all.
    assert float(((counts - expected) / expected.sqrt()).mean().abs()) < 5 / math.sqrt(counts.numel())
    dispersion = float(((counts - expected).square() / expected).mean())
    assert dispersion == pytest.approx(1.0, abs=5 * math.sqrt(2 / counts.numel()))


def test_mu_is_divided_out_again(truth, generator) -> None:
    many = simulate_low_dose(truth * 10, GEOMETRY, photons=1e12, mu=0.1, generator=generator)
    torch.testing.assert_close(many, project_finely(truth * 10, GEOMETRY), rtol=1e-3, atol=1e-3)


def test_a_ray_that_no_photon_survives_has_the_value_of_the_floor(generator) -> None:
    lead = torch.full((1, 1, 8, 8), 100.0)
    geometry = ParallelBeam2d.uniform((8, 8), num_angles=2)
    y = simulate_low_dose(lead, geometry, floor=1e-8, generator=generator)
    assert float(y.max()) == pytest.approx(-math.log(1e-8), rel=1e-6)


def test_a_seed_gives_the_same_scan_and_another_seed_another(truth) -> None:
    first, again, other = (
        simulate_low_dose(truth, GEOMETRY, generator=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_it_does_not_commit_the_inverse_crime_unless_told_to(truth) -> None:
    operator = RayTransform.from_geometry(GEOMETRY)
    crime = operator(truth)
    torch.testing.assert_close(project_finely(truth, GEOMETRY, oversampling=1), crime, rtol=1e-5, atol=1e-6)
    gap = (project_finely(truth, GEOMETRY) - crime).norm() / crime.norm()
    assert 1e-3 < float(gap) < 0.05


def test_the_finer_grid_sees_the_same_object(generator) -> None:
    """Offset, extent and scale: the finer scan is nearer to the exact sinogram, averaged over each detector element."""
    ellipses = random_ellipses(generator, half_width=8.0)
    fine = GEOMETRY.refined(16)
    angles, positions = torch.tensor(GEOMETRY.angles), torch.tensor(fine.detector_positions)
    wanted = ellipse_sinogram(ellipses, angles, positions, dtype=torch.float32).unflatten(-1, (-1, 16)).mean(-1)
    errors = []
    for factor in (1, 4):
        image = rasterise(ellipses, GEOMETRY.refined(factor).image_shape, pixel_size=0.8 / factor, supersampling=4)
        errors.append(float((project_finely(image, GEOMETRY) - wanted).norm() / wanted.norm()))
    assert errors[0] < 0.03
    assert errors[1] < 0.5 * errors[0]


def test_a_batch_is_its_images_and_dtype_is_kept(truth) -> None:
    both = project_finely(torch.cat([truth, 2 * truth]).double(), GEOMETRY)
    assert both.dtype == torch.float64
    torch.testing.assert_close(both[:1].float(), project_finely(truth, GEOMETRY))
    torch.testing.assert_close(both[1:], 2 * both[:1], rtol=1e-5, atol=1e-6)
    assert project_finely(truth[:0], GEOMETRY).shape == (0, 1, *GEOMETRY.sinogram_shape)


def test_the_image_is_not_changed(truth, generator) -> None:
    before = truth.clone()
    simulate_low_dose(truth, GEOMETRY, generator=generator)
    assert torch.equal(truth, before)


@pytest.mark.parametrize("shape", [(1, 1, 24, 24), (1, 2, 24, 20), (24, 20), (1, 1, 48, 20), (1, 1, 12, 10)], ids=str)
def test_an_image_of_another_size_is_refused(shape, generator) -> None:
    with pytest.raises(ShapeError, match=r"truth has shape .* expected a real image \(batch, 1, 24, 20\) or"):
        simulate_low_dose(torch.zeros(shape), GEOMETRY, generator=generator)


def test_what_is_no_attenuation_is_refused(truth, generator) -> None:
    with pytest.raises(DataError, match="not HU"):
        simulate_low_dose(truth * 1000 - 1000, GEOMETRY, generator=generator)
    truth[0, 0, 3, 3] = math.inf
    with pytest.raises(DataError, match="1 of 480 values are NaN or inf"):
        simulate_low_dose(truth, GEOMETRY, generator=generator)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"photons": 0}, "photons is 0, expected a finite number > 0"),
        ({"mu": -1.0}, "mu is -1.0"),
        ({"floor": 0.0}, "floor is 0.0"),
        ({"oversampling": 0}, "oversampling is 0, expected a positive integer"),
        ({"oversampling": 1.5}, "oversampling is 1.5, expected a positive integer"),
        ({"generator": None}, "expected a torch.Generator"),
    ],
)
def test_impossible_scans_are_refused(parameters, message, truth, generator) -> None:
    with pytest.raises(ConfigError, match=message):
        simulate_low_dose(truth, GEOMETRY, **{"generator": generator} | parameters)


def test_a_square_has_its_side_as_line_integral_whatever_the_oversampling() -> None:
    """At theta = 0 every ray through 8 mm of 0.05/mm has 0.4, so 1000 photons become 670 in the mean."""
    flat = torch.full((1, 1, 10, 6), 0.05)
    geometry = ParallelBeam2d((10, 6), 0.8, (0.0,), 6, 0.8)
    for oversampling in (1, 2, 5):
        inner = project_finely(flat, geometry, oversampling=oversampling)[..., 1:-1]
        torch.testing.assert_close(inner, torch.full_like(inner, 0.4), rtol=1e-5, atol=0)


def test_a_finer_truth_is_not_averaged_to_the_coarse_grid(generator) -> None:
    """Fine detail stays in the rays, where the operator of the geometry cannot have it."""
    fine = torch.rand(1, 1, 72, 60, generator=generator)
    coarse = torch.nn.functional.avg_pool2d(fine, 3)
    seen, lost = project_finely(fine, GEOMETRY, oversampling=1), project_finely(coarse, GEOMETRY, oversampling=3)
    gap = float((seen - lost).norm() / lost.norm())
    assert 1e-3 < gap < 0.1
    assert float(seen.mean()) == pytest.approx(float(lost.mean()), rel=1e-3)


def test_the_operator_simulates_with_the_same_finer_grid(truth) -> None:
    operator = RayTransform.from_geometry(GEOMETRY)
    assert torch.equal(operator.simulate(truth, oversampling=3), project_finely(truth, GEOMETRY, oversampling=3))
