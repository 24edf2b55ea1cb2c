from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from invkit.claims import find_claim
from invkit.data.phantoms import Ellipse, ellipse_sinogram, half_width_of, rasterise, shepp_logan_ellipses
from invkit.errors import ConfigError, DataError, ShapeError
from invkit.operators import Identity
from invkit_ct_astra import FilteredBackprojection, parallel_beam_2d
from invkit_ct_astra.filtered_backprojection import FILTERS, angular_weights, ramp_response


def exact(ellipses, operator) -> torch.Tensor:
    geometry = operator.geometry
    angles, positions = torch.tensor(geometry.angles), torch.tensor(geometry.detector_positions)
    return ellipse_sinogram(ellipses, angles, positions, dtype=torch.float32)


def disc_value(model: FilteredBackprojection, shape=(96, 96), pixel=1.0, **scan) -> float:
    """Mean reconstructed value inside an off-centre disc of 0.02/mm."""
    operator = parallel_beam_2d(image_shape=shape, pixel_size=pixel, **{"num_angles": 90} | scan)
    half = half_width_of(shape, pixel)
    centre, radius = (0.1 * half, -0.15 * half), 0.6 * half
    x = model(exact([Ellipse(0.02, centre, (radius, radius))], operator), operator)
    inside = rasterise([Ellipse(1.0, centre, (0.8 * radius, 0.8 * radius))], shape, pixel_size=pixel) > 0
    return float(x[inside].mean())


@pytest.mark.parametrize("pixel", [0.5, 1.0, 0.7, 2.0])
@pytest.mark.parametrize("shape", [(96, 96), (97, 81), (64, 90)], ids=str)
def test_a_disc_comes_back_with_its_value_whatever_the_pixel_size(shape, pixel) -> None:
    assert disc_value(FilteredBackprojection(), shape, pixel) == pytest.approx(0.02, rel=0.005)


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("cutoff", [1.0, 0.5])
def test_no_filter_changes_the_mean(name, cutoff) -> None:
    assert disc_value(FilteredBackprojection(name, cutoff=cutoff)) == pytest.approx(0.02, rel=0.005)


@pytest.mark.parametrize(
    "scan",
    [
        {"detector_spacing": 0.5},
        {"detector_spacing": 1.5},
        {"detector_offset": 3.3},
        {"num_angles": 30},
        {"angles": np.linspace(0, 2 * np.pi, 120, endpoint=False)},
        {"angles": np.linspace(0, np.pi, 91)},
        {"angles": np.sort(np.random.default_rng(0).uniform(0, np.pi, 200))},
    ],
    ids=lambda scan: next(iter(scan)),
)
def test_neither_detectors_nor_angles_change_the_scale(scan) -> None:
    assert disc_value(FilteredBackprojection(), **scan) == pytest.approx(0.02, rel=0.01)


def test_the_wrong_scales_of_other_programs_would_be_seen() -> None:
    """A scale in 1/pixel is wrong by the pixel size, and 1/2 of pi/num_angles (full turn) by two."""
    for wrong in (0.02 * 0.7, 0.02 / 0.7, 0.01):
        assert disc_value(FilteredBackprojection(), pixel=0.7) != pytest.approx(wrong, rel=0.01)


def test_it_comes_close_to_the_phantom_and_more_views_come_closer() -> None:
    ellipses = shepp_logan_ellipses(half_width=64)
    truth = rasterise(ellipses, (128, 128), supersampling=4)
    errors = []
    for views in (45, 180):
        operator = parallel_beam_2d(image_shape=(128, 128), num_angles=views)
        errors.append(float((FilteredBackprojection()(exact(ellipses, operator), operator) - truth).square().mean()))
    assert errors[1] < errors[0] < 0.02
    assert -10 * math.log10(errors[1]) > 30


def test_the_ends_of_the_detector_do_not_wrap_into_each_other() -> None:
    operator = parallel_beam_2d(image_shape=(64, 64), num_angles=1)
    y = operator.codomain.zeros()
    y[..., 0] = 1.0
    filtered = FilteredBackprojection()._filtered(y, operator.geometry)[0, 0, 0]
    n = torch.arange(len(filtered), dtype=torch.float64)
    kernel = torch.where(n % 2 == 1, -1 / (math.pi * n.clamp_min(1)) ** 2, 0.0)
    kernel[0] = 0.25
    torch.testing.assert_close(filtered.double(), kernel, rtol=1e-4, atol=1e-7)


def test_the_ramp_is_the_frequency_in_cycles_per_mm() -> None:
    response = ramp_response(1024, 0.5)
    frequency = torch.fft.rfftfreq(1024, 0.5, dtype=torch.float64)
    assert float((response - frequency).abs().max()) < 1e-3
    assert 0 < response[0] < 1e-3


def test_filters_are_ordered_by_what_they_let_through() -> None:
    frequency = torch.linspace(0, 1, 50, dtype=torch.float64)
    passed = [float(FILTERS[name](frequency).sum()) for name in FILTERS]
    assert all(float(window(frequency)[0]) == pytest.approx(1.0) for window in FILTERS.values())
    assert passed == sorted(passed, reverse=True)


def test_equally_spaced_views_weigh_the_same() -> None:
    assert angular_weights(tuple(math.pi * k / 7 for k in range(7))) == pytest.approx([math.pi / 7] * 7)
    assert angular_weights(tuple(2 * math.pi * k / 8 for k in range(8))) == pytest.approx([math.pi / 8] * 8)
    assert angular_weights((0.4,)) == pytest.approx([math.pi])
    # Both ends of [0, pi] are one line and share its part.
    ends = angular_weights(tuple(math.pi * k / 4 for k in range(5)))
    assert ends == pytest.approx([math.pi / 8, *[math.pi / 4] * 3, math.pi / 8])


def test_a_missing_wedge_is_not_filled() -> None:
    limited = angular_weights(tuple(math.pi * k / 90 for k in range(60)))
    assert limited == pytest.approx([math.pi / 90] * 60)


def test_it_is_linear_and_batches_are_single_images(generator) -> None:
    operator = parallel_beam_2d(image_shape=(20, 23), num_angles=9, dtype=torch.float64)
    y = operator.codomain.randn(3, generator=generator)
    model = FilteredBackprojection("hann")
    torch.testing.assert_close(
        model(2 * y[:1] - y[1:2], operator), 2 * model(y[:1], operator) - model(y[1:2], operator)
    )
    torch.testing.assert_close(model(y, operator)[2:], model(y[2:], operator))
    assert model(y[:0], operator).shape == (0, 1, 20, 23)
    assert find_claim(model.claims(), "linear") is not None


def test_clipping_gives_up_linearity_and_its_claim(generator) -> None:
    operator = parallel_beam_2d(image_shape=(20, 23), num_angles=9)
    y = operator.codomain.randn(2, generator=generator)
    model = FilteredBackprojection(nonnegative=True)
    assert torch.equal(model(y, operator), FilteredBackprojection()(y, operator).clamp_min(0))
    assert find_claim(model.claims(), "linear") is None


def test_gradients_reach_the_sinogram(generator) -> None:
    operator = parallel_beam_2d(image_shape=(5, 4), num_angles=3, dtype=torch.float64)
    y = operator.codomain.randn(1, generator=generator).requires_grad_()
    before = y.detach().clone()
    assert torch.autograd.gradcheck(lambda y: FilteredBackprojection("cosine")(y, operator), y)
    assert torch.equal(y.detach(), before)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"filter": "ramlak"}, "filter is 'ramlak', expected one of ram-lak, .* Did you mean ram-lak"),
        ({"filter": None}, "filter is None, expected one of"),
        ({"cutoff": 0.0}, r"cutoff is 0.0, expected one in \(0, 1\]|cutoff is 0.0, expected a number in \(0, 1\]"),
        ({"cutoff": 1.5}, "cutoff is 1.5"),
    ],
)
def test_unknown_settings_are_refused(parameters, message) -> None:
    with pytest.raises(ConfigError, match=message):
        FilteredBackprojection(**parameters)


def test_another_operator_or_scan_or_broken_data_is_refused() -> None:
    operator = parallel_beam_2d(image_shape=(8, 8), num_angles=3)
    model = FilteredBackprojection()
    with pytest.raises(ConfigError, match="operator is Identity, expected a RayTransform"):
        model(torch.zeros(1, 1, 8, 8), Identity((1, 8, 8)))
    with pytest.raises(ShapeError, match=r"FilteredBackprojection: measurement: tensor has shape \(1, 1, 4, 13\)"):
        model(torch.zeros(1, 1, 4, 13), operator)
    y = operator.codomain.zeros(2)
    y[1, 0, 0, 0] = math.nan
    with pytest.raises(DataError, match="FilteredBackprojection: measurement has 1 values that are NaN or inf"):
        model(y, operator)


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("detectors", [136, 137])
@pytest.mark.parametrize("pixel", [0.7, 2.0])
def test_odd_and_even_detectors_give_every_filter_the_same_scale(name, detectors, pixel) -> None:
    value = disc_value(FilteredBackprojection(name), pixel=pixel, num_detectors=detectors)
    assert value == pytest.approx(0.02, rel=0.01)


def test_backprojection_without_a_filter_would_be_seen() -> None:
    class Unfiltered(FilteredBackprojection):
        def _filtered(self, y, geometry):
            return y

    assert disc_value(Unfiltered()) > 0.1


@pytest.mark.parametrize(
    "angles",
    [
        [(k * 2.399963) % math.pi for k in range(89)],
        [start + step for start in np.linspace(0, math.pi, 10, endpoint=False) for step in (0.0, 0.01, 0.02)],
    ],
    ids=["golden angle", "clusters"],
)
def test_unequal_views_together_stand_for_half_a_turn(angles) -> None:
    assert sum(angular_weights(tuple(angles))) == pytest.approx(math.pi)


@pytest.mark.parametrize(("name", "value"), [("filter", ["hann"]), ("cutoff", "1")])
def test_a_setting_of_another_type_is_refused(name, value) -> None:
    with pytest.raises(ConfigError, match=f"{name} is .* expected"):
        FilteredBackprojection(**{name: value})


def test_a_view_stands_for_half_the_gap_on_either_side() -> None:
    shares = ((0.5 + math.pi - 1.5) / 2, (0.5 + 1.0) / 2, (1.0 + math.pi - 1.5) / 2)
    assert angular_weights((0.0, 0.5, 1.5)) == pytest.approx(shares)
    assert angular_weights((1.5, math.pi, 0.5)) == pytest.approx((shares[2], shares[0], shares[1]))


@pytest.mark.parametrize("name", FILTERS)
def test_the_window_shrinks_with_the_cutoff_and_nothing_passes_beyond_it(name) -> None:
    operator = parallel_beam_2d(image_shape=(64, 64), num_angles=1, num_detectors=128, dtype=torch.float64)
    impulse = operator.codomain.zeros()
    impulse[..., 64] = 1.0
    model = FilteredBackprojection(name, cutoff=0.5)
    # Everything beyond the cutoff is ringing cut at the ends of the detector.
    spectrum = torch.fft.rfft(model._filtered(impulse, operator.geometry)[0, 0, 0]).abs()
    frequency = torch.fft.rfftfreq(128, dtype=torch.float64) * 2
    wanted = torch.where(frequency <= 0.5, frequency / 2 * FILTERS[name](frequency / 0.5), 0.0)
    away = (frequency - 0.5).abs() > 0.05
    torch.testing.assert_close(spectrum[away], wanted[away], rtol=0, atol=0.01)
