"""Equivariance and invariance are measured over the elements of a group, and again at what refuted them."""

from __future__ import annotations

import math

import pytest
import torch

from invkit import check
from invkit.errors import ShapeError
from invkit.functionals import Box, total_variation
from invkit.measures import equivariance_error, invariance_error, off_grid_error
from invkit.measures.equivariance import equivariance_error_at, members
from invkit.measures.invariance import invariance_error_at
from invkit.models import GaussianFilter
from invkit.operators import Space, group

SPACE = Space((2, 5, 5), torch.float64)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_small_groups_are_gone_through_and_large_ones_sampled() -> None:
    assert len(members(group("D4"), (5, 5))) == 8
    assert len(members(group("translations"), (5, 5))) == 25
    assert len(members(group("translations"), (64, 64))) == 12
    assert len(members(group("permutations"), (5, 5))) == 12


@pytest.mark.parametrize("name", ["C2", "C4", "D4", "flips", "translations", "permutations"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64])
def test_a_pointwise_map_commutes_with_all_and_a_ramp_with_none(name: str, dtype: torch.dtype) -> None:
    space = Space(SPACE.shape, dtype)
    ramp = torch.linspace(1, 1.01, 5).to(torch.float64) + torch.linspace(0, 0.1, 5)[:, None]
    assert equivariance_error(torch.tanh, space, name, generator=generator()).passed
    wrong = equivariance_error(lambda x: (ramp * x).to(x.dtype), space, name, generator=generator())
    assert not wrong.passed
    found = wrong.counterexample
    again = equivariance_error_at(lambda x: (ramp * x).to(x.dtype), found["x"], found["group"], found["element"])
    assert math.isclose(again, wrong.value, rel_tol=1e-12)


def test_values_of_another_shape_or_that_are_no_numbers_never_pass() -> None:
    taller = equivariance_error(
        lambda x: x[..., : 4 if x[0, 0, 0, 0] > 0 else 5, :], SPACE, "C2", generator=generator()
    )
    assert not taller.passed
    assert not equivariance_error(lambda x: x * math.nan, SPACE, "C2", generator=generator()).passed
    with pytest.raises(ShapeError, match="C4: image_shape"):
        equivariance_error(torch.tanh, Space((1, 4, 5)), "C4", generator=generator())


def test_an_indicator_is_measured_inside_too() -> None:
    low = torch.zeros(1, 5, 5, dtype=torch.float64)
    low[0, 2, 1] = -0.3  # the noise is outside of both, whichever way it is turned
    wrong = invariance_error(Box(low, low + 0.2), SPACE, "C4", generator=generator())
    assert wrong.value == math.inf
    found = wrong.counterexample
    assert invariance_error_at(Box(low, low + 0.2), found["x"], found["group"], found["element"]) == math.inf
    assert invariance_error(Box(0.0, 0.2), SPACE, "permutations", generator=generator()).passed


def test_the_lengths_of_forward_differences_change_when_an_image_turns() -> None:
    isotropic, other = total_variation(SPACE), total_variation(SPACE, isotropic=False)
    for name in ("C2", "C4", "flips"):
        assert invariance_error(isotropic, SPACE, name, generator=generator()).value > 1e-3
        assert invariance_error(other, SPACE, name, generator=generator()).passed


def test_off_the_grid_the_number_falls_with_the_pixels_and_refutes_nothing() -> None:
    def error(n: int) -> float:
        found = off_grid_error(GaussianFilter(n / 32), Space((1, n, n), torch.float64), generator=generator())
        assert found.passed
        return found.value

    assert 0 < error(64) < 0.7 * error(32) < 0.02
    sideways = off_grid_error(
        lambda x: x + x.diff(dim=-1, prepend=x[..., :1]), Space((1, 32, 32)), generator=generator()
    )
    assert sideways.passed
    assert sideways.value > 0.1


def test_the_check_of_a_denoiser_reports_it() -> None:
    report = check(GaussianFilter(1.0), space=SPACE)
    rows = [result for result in report.results if result.check == "equivariance"]
    assert not any(row.is_bad for row in rows)
    assert any("off the grid, rotations of 32 x 32 pixels" in row.reason for row in rows)
