"""Common mistakes in the parameters of functionals: each message names what was given and the way out."""

from __future__ import annotations

import math

import pytest
import torch

from invkit.errors import ConfigError, ShapeError
from invkit.functionals import (
    L1,
    Ball,
    Box,
    GroupL1,
    Huber,
    KullbackLeibler,
    L1Ball,
    LInfinity,
    NuclearNorm,
    Simplex,
    SmoothedNorm,
    directional_tv,
)
from invkit.functionals.on_part import OnPart
from invkit.functionals.weighted_l1 import MagnitudeBound, WeightedL1
from invkit.functionals.weighted_squared_l2 import WeightedSquaredL2
from invkit.operators import Restriction, Space


@pytest.mark.parametrize("kind", [GroupL1, LInfinity, lambda axes: Ball(1.0, axes), lambda axes: Huber(1.0, axes)])
@pytest.mark.parametrize(
    ("axes", "message"),
    [
        (1, r"axes are 1, expected a tuple of numbers >= 0\. Write \(1,\)"),
        (0, r"axes are 0, expected a tuple"),
        ((1, 1), r"axes are \(1, 1\), expected each once"),
        ((-1,), r"axes are \(-1,\), expected numbers >= 0"),
        (("0",), r"axes are \('0',\), expected numbers >= 0"),
    ],
)
def test_axes_that_are_none_are_refused(kind, axes, message) -> None:
    with pytest.raises(ConfigError, match=message):
        kind(axes)


def test_axes_of_matrices_are_tuples() -> None:
    with pytest.raises(ConfigError, match="NuclearNorm: axes are 0, expected a tuple"):
        NuclearNorm(0, 1)


@pytest.mark.parametrize(
    "f",
    [GroupL1((3,)), LInfinity((0, 3)), NuclearNorm((0,), (3,)), Huber(1.0, (3,)), SmoothedNorm(1.0, (3,))],
    ids=repr,
)
def test_axes_that_the_images_lack_are_refused_by_each_call(f) -> None:
    x = torch.ones(2, 1, 4, 4)
    for call in (f.value, lambda v: f.prox(v, 1.0)):
        with pytest.raises(ShapeError, match="the groups need axis 3 of the images, expected at most 2"):
            call(x)


@pytest.mark.parametrize(
    "build",
    [
        lambda: Huber("1"), lambda: SmoothedNorm("1"), lambda: Box("0"), lambda: Box(0, None), lambda: Ball("1"),
        lambda: Simplex("1"), lambda: L1Ball("1"), lambda: "2" * L1(), lambda: 1j * L1(),
    ],
)  # fmt: skip
def test_strings_and_complex_numbers_are_no_parameters(build) -> None:
    with pytest.raises(ConfigError, match=r"expected a real number\. Convert it with float"):
        build()


@pytest.mark.parametrize("bounds", [(math.nan, 1.0), (0.0, math.nan), (torch.tensor([0.0, math.nan]), 1.0)])
def test_a_bound_that_is_no_number_is_not_called_swapped(bounds) -> None:
    with pytest.raises(ConfigError, match=r"expected low <= high and no NaN\. Swap or repair them"):
        Box(*bounds)


@pytest.mark.parametrize(
    "build",
    [
        lambda: WeightedL1([1.0, 2.0]), lambda: WeightedL1(1.0), lambda: MagnitudeBound([1.0]),
        lambda: WeightedSquaredL2(1.0), lambda: KullbackLeibler([1.0]),
        lambda: directional_tv(Space((1, 2, 2)), reference=[[1.0]]),
    ],
)  # fmt: skip
def test_lists_and_numbers_are_no_tensors(build) -> None:
    with pytest.raises(ConfigError, match=r"is (list|float), expected a tensor\. Wrap it in torch\.tensor"):
        build()


def test_nothing_times_a_support_is_the_conjugate_of_the_point_zero() -> None:
    """0 f is zero where f is finite, so that its conjugate lets only zero through; infinite sides stay."""
    v = torch.tensor([[2.0, -3.0]])
    assert torch.equal((0.0 * Box(0.5, 1.0).conjugate).conjugate.prox(v, 1.0), torch.zeros(1, 2))
    assert torch.equal((0.0 * Box(1.0).conjugate).conjugate.prox(v, 1.0), torch.tensor([[2.0, 0.0]]))
    part = OnPart(L1(), Restriction(Space((2,)), 0, torch.tensor([0])))
    assert torch.equal((0.0 * part).conjugate.prox(v, 1.0), torch.zeros(1, 2))
    support = (2.0 * Box(0.5, 1.0).conjugate).conjugate
    assert isinstance(support, Box)
    assert (support.low, support.high) == (1.0, 2.0)


def test_bounds_of_double_precision_do_not_widen_the_images() -> None:
    v = torch.tensor([[3 + 4j, 0.1j]], dtype=torch.complex64)
    bounds = torch.tensor([1.0, 1.0], dtype=torch.float64)
    for f in (MagnitudeBound(bounds), WeightedL1(bounds)):
        assert f.prox(v, 1.0).dtype == torch.complex64
        assert f.prox(v.abs(), 1.0).dtype == torch.float32
    torch.testing.assert_close(MagnitudeBound(bounds).prox(v, 1.0), v * torch.tensor([0.2, 1.0]))
