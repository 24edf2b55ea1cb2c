from __future__ import annotations

import logging
import math

import numpy as np
import pytest
import torch

from invkit.errors import ConfigError
from invkit_ct_astra import ParallelBeam2d

VALID = {
    "image_shape": (8, 9),
    "pixel_size": 1.0,
    "angles": (0.0, 1.0),
    "num_detectors": 13,
    "detector_spacing": 1.0,
}


def test_uniform_angles_divide_half_a_turn() -> None:
    geometry = ParallelBeam2d.uniform((8, 8), num_angles=4)
    assert geometry.angles == pytest.approx((0, math.pi / 4, math.pi / 2, 3 * math.pi / 4))
    assert geometry.sinogram_shape == (4, geometry.num_detectors)


@pytest.mark.parametrize("shape", [(8, 8), (7, 12), (1, 1), (512, 512)])
@pytest.mark.parametrize("pixel", [0.5, 1.0, 0.7])
@pytest.mark.parametrize("spacing", [None, 0.3, 2.0])
@pytest.mark.parametrize("offset", [0.0, 3.1])
def test_the_default_detector_is_odd_and_just_covers_the_diagonal(shape, pixel, spacing, offset) -> None:
    geometry = ParallelBeam2d.uniform(shape, pixel_size=pixel, detector_spacing=spacing, detector_offset=offset)
    reach = math.hypot(*shape) * pixel / 2 + abs(offset)
    assert geometry.num_detectors % 2 == 1
    assert geometry.num_detectors * geometry.detector_spacing / 2 >= reach * (1 - 1e-12)
    assert (geometry.num_detectors - 2) * geometry.detector_spacing / 2 < reach
    assert geometry.uncovered == 0


def test_detector_positions_are_centred_on_the_offset() -> None:
    geometry = ParallelBeam2d(**VALID | {"num_detectors": 4, "detector_spacing": 0.5, "detector_offset": 2.0})
    assert geometry.detector_positions == pytest.approx((1.25, 1.75, 2.25, 2.75))


@pytest.mark.parametrize("angles", [[0.0, 1.0], np.array([0.0, 1.0]), torch.tensor([0.0, 1.0]), (0, 1)], ids=type)
def test_angles_may_be_a_list_an_array_or_a_tensor(angles) -> None:
    geometry = ParallelBeam2d(**VALID | {"angles": angles})
    assert geometry.angles == (0.0, 1.0)
    assert hash(geometry) == hash(ParallelBeam2d(**VALID))


def test_a_subset_keeps_the_chosen_views_in_their_order() -> None:
    geometry = ParallelBeam2d.uniform((8, 8), num_angles=6)
    assert geometry.subset([4, 0, -1]).angles == tuple(geometry.angles[i] for i in (4, 0, 5))
    assert geometry.subset(slice(1, None, 2)).angles == geometry.angles[1::2]
    assert geometry.subset(torch.tensor([2])).angles == geometry.angles[2:3]
    assert geometry.subset([1]).num_detectors == geometry.num_detectors


def test_a_refined_geometry_has_the_same_extent() -> None:
    geometry = ParallelBeam2d.uniform((8, 9), pixel_size=0.7, num_angles=3, detector_offset=0.4)
    fine = geometry.refined(3)
    assert fine.image_shape == (24, 27)
    assert fine.image_shape[0] * fine.pixel_size == pytest.approx(8 * 0.7)
    coarse = np.reshape(fine.detector_positions, (-1, 3)).mean(1)
    assert coarse == pytest.approx(geometry.detector_positions)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("image_shape", (8,), r"image_shape is \(8,\), expected \(rows, columns\)"),
        ("image_shape", 8, r"image_shape is 8, expected \(rows, columns\)"),
        ("image_shape", (8, 0), r"image_shape\[1\] is 0, expected a positive integer"),
        ("image_shape", (8.5, 8), r"image_shape\[0\] is 8.5, expected a positive integer"),
        ("pixel_size", -1.0, "pixel_size is -1.0, expected a positive length in mm"),
        ("pixel_size", math.nan, "pixel_size is nan, expected a finite length in mm"),
        ("pixel_size", "1", "pixel_size is '1', expected a finite length in mm"),
        ("detector_spacing", 0, "detector_spacing is 0, expected a positive length in mm"),
        ("detector_offset", math.inf, "detector_offset is inf, expected a finite length in mm"),
        ("num_detectors", 0, "num_detectors is 0, expected a positive integer"),
        ("num_detectors", True, "num_detectors is True, expected a positive integer"),
        ("angles", (), r"angles have shape \(0,\), expected"),
        ("angles", 1.0, r"angles have shape \(\), expected"),
        ("angles", ((0.0, 1.0),), r"angles have shape \(1, 2\), expected"),
        ("angles", (0.0, math.nan), "angles contain NaN or inf"),
        ("angles", ("a",), "angles are .* expected numbers in radians"),
    ],
)
def test_what_no_scanner_has_is_refused_with_its_value(name, value, message) -> None:
    with pytest.raises(ConfigError, match=message):
        ParallelBeam2d(**VALID | {name: value})


@pytest.mark.parametrize(
    ("views", "message"), [([6], "view is 6, expected 0 to 5"), ([-7], "view is -7"), ([], "angles")]
)
def test_a_subset_of_views_that_do_not_exist_is_refused(views, message) -> None:
    with pytest.raises(ConfigError, match=message):
        ParallelBeam2d.uniform((8, 8), num_angles=6).subset(views)


def test_no_angles_at_all_are_refused() -> None:
    with pytest.raises(ConfigError, match="num_angles is 0, expected a positive integer"):
        ParallelBeam2d.uniform((8, 8), num_angles=0)


def test_angles_in_degrees_are_warned_about(caplog) -> None:
    with caplog.at_level(logging.WARNING):
        ParallelBeam2d(**VALID | {"angles": range(180)})
    assert "the largest angle is 179, expected radians" in caplog.text


def test_several_turns_in_radians_are_not_taken_for_degrees(caplog) -> None:
    with caplog.at_level(logging.WARNING):
        ParallelBeam2d(**VALID | {"angles": (0.0, 2 * math.pi, 4 * math.pi)})
    assert not caplog.text


@pytest.mark.parametrize(("offset", "beyond"), [(0.0, 1.0), (0.5, 1.5), (-0.5, 1.5)])
def test_a_detector_that_misses_part_of_the_image_is_warned_about(offset, beyond, caplog) -> None:
    with caplog.at_level(logging.WARNING):
        geometry = ParallelBeam2d((8, 10), 1.0, (0.0,), 8, 1.0, offset)
    assert geometry.uncovered == pytest.approx(beyond)
    assert f"the detector is 8 mm wide, and the image reaches {beyond:g} mm beyond it" in caplog.text


def test_a_detector_that_covers_the_view_it_sees_is_enough(caplog) -> None:
    with caplog.at_level(logging.WARNING):
        geometry = ParallelBeam2d((10, 8), 1.0, (0.0,), 8, 1.0)
    assert geometry.uncovered == 0
    assert not caplog.text


def test_angles_that_a_network_learns_are_read_as_numbers() -> None:
    assert ParallelBeam2d(**VALID | {"angles": torch.tensor([0.0, 1.0], requires_grad=True)}).angles == (0.0, 1.0)


@pytest.mark.parametrize(
    "angles", [("0", "1"), (True, False), np.array([0j, 1j]), (0.0, (1.0, 2.0)), (0.0, None)], ids=str
)
def test_what_is_no_angle_is_refused(angles) -> None:
    with pytest.raises(ConfigError, match="angles are .* expected numbers in radians"):
        ParallelBeam2d(**VALID | {"angles": angles})


@pytest.mark.parametrize(
    "views",
    [[True, False, True, False, False, False], torch.tensor([True] * 6), np.ones(6, bool), [1.7], ["1"]],
    ids=str,
)
def test_a_mask_or_a_fraction_is_no_view(views) -> None:
    with pytest.raises(ConfigError, match="view is .* expected an integer. Give the indices of a mask"):
        ParallelBeam2d.uniform((8, 8), num_angles=6).subset(views)
