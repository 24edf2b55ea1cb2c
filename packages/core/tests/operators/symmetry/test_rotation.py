"""Rotations by interpolation agree with the exact ones where there are some, and keep a smooth image otherwise."""

from __future__ import annotations

import math

import pytest
import torch

from invkit.errors import ShapeError
from invkit.operators import Space
from invkit.operators.symmetry.rotation import rotate, smooth_image


@pytest.mark.parametrize("n", [6, 7])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_quarter_turns_are_those_of_the_grid(n: int, dtype: torch.dtype) -> None:
    x = torch.randn(2, 3, n, n, dtype=dtype, generator=torch.Generator().manual_seed(0))
    for k in range(-1, 4):
        torch.testing.assert_close(rotate(x, k * math.pi / 2), torch.rot90(x, k, (-2, -1)), atol=1e-12, rtol=0)


def test_a_half_turn_is_exact_on_images_that_are_no_squares() -> None:
    x = torch.randn(1, 1, 5, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(rotate(x, math.pi), x.flip(-2, -1), atol=1e-12, rtol=0)


def test_nine_turns_by_forty_degrees_bring_a_smooth_image_back() -> None:
    x = smooth_image(Space((1, 48, 40), torch.float64), generator=torch.Generator().manual_seed(1))
    y = x
    for _ in range(9):
        y = rotate(y, math.radians(40))
    assert float((y - x).norm() / x.norm()) < 0.05
    assert rotate(x[:0], 1.0).shape == (0, 1, 48, 40)


def test_images_that_are_not_plane_are_refused() -> None:
    with pytest.raises(ShapeError, match="rotate: tensor has shape"):
        rotate(torch.zeros(1, 1, 4, 4, 4), 0.1)
    with pytest.raises(ShapeError, match="smooth_image: space has shape"):
        smooth_image(Space((1, 7)), generator=torch.Generator())
