from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from invkit.errors import ConfigError
from invkit.operators import FiniteDifference


def matrix(shape: tuple[int, ...], channels: int, periodic: bool, spacing: tuple[float, ...]) -> np.ndarray:
    """One row for each channel, axis and pixel, written out."""
    pixels = list(itertools.product(*map(range, shape)))
    number = {pixel: i for i, pixel in enumerate(pixels)}
    n, d = len(pixels), len(shape)
    out = np.zeros((channels * d * n, channels * n))
    for c, i, pixel in itertools.product(range(channels), range(d), pixels):
        ahead = list(pixel)
        ahead[i] += 1
        if ahead[i] == shape[i]:
            if not periodic:
                continue
            ahead[i] = 0
        row = (c * d + i) * n + number[pixel]
        out[row, c * n + number[tuple(ahead)]] += 1 / spacing[i]
        out[row, c * n + number[pixel]] -= 1 / spacing[i]
    return out


SHAPES = [(6,), (1,), (4, 5), (1, 3), (3, 1), (2, 3, 4), (1, 1)]


@pytest.mark.parametrize("boundary", ["neumann", "periodic"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_it_is_the_matrix_of_differences(shape, boundary, dtype, agrees) -> None:
    spacing = (0.5, 2.0, 1.0)[: len(shape)]
    op = FiniteDifference(shape, 2, boundary, spacing, dtype)
    agrees(op, matrix(shape, 2, boundary == "periodic", spacing))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple),
    periodic=st.booleans(),
    spacing=st.floats(1e-3, 1e3),
)
def test_the_norm_is_tight_for_every_shape(shape: tuple[int, ...], periodic: bool, spacing: float) -> None:
    op = FiniteDifference(shape, 1, "periodic" if periodic else "neumann", spacing, torch.float64)
    largest = np.linalg.svd(matrix(shape, 1, periodic, (spacing,) * len(shape)), compute_uv=False)[0]
    bound = op.norm()
    assert bound.lower <= largest * (1 + 1e-13)
    assert largest <= bound.upper * (1 + 1e-13)
    assert bound.upper - bound.lower <= 1e-13 * largest


def test_an_axis_of_one_pixel_adds_nothing_to_the_norm_however_small_its_spacing() -> None:
    assert FiniteDifference((1, 1)).norm().upper == 0.0
    thin = FiniteDifference((1, 5), spacing=(1e-12, 1.0)).norm()
    assert thin.lower <= 2 * math.cos(math.pi / 10) <= thin.upper


def test_the_reference_rejects_the_other_boundary(agrees) -> None:
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        agrees(FiniteDifference((4, 5), 1, "periodic", 1.0, torch.float64), matrix((4, 5), 1, False, (1.0, 1.0)))


def test_gradients_of_first_and_second_order_pass(draw) -> None:
    for boundary in ("neumann", "periodic"):
        op = FiniteDifference((3, 4), 1, boundary, (0.5, 2.0), torch.float64)
        x = draw((2, 1, 3, 4), torch.float64).requires_grad_()
        y = draw((2, 1, 2, 3, 4), torch.float64).requires_grad_()
        assert torch.autograd.gradcheck(op.forward, x)
        assert torch.autograd.gradcheck(op.adjoint, y)
        assert torch.autograd.gradgradcheck(lambda x, op=op: op.forward(x).square(), x)


@pytest.mark.parametrize("spacing", [0.0, -1.0, math.nan, math.inf, (1.0,), (1.0, 1.0, 1.0), (1.0, 0.0)])
def test_spacings_that_are_not_lengths_are_refused(spacing) -> None:
    with pytest.raises(ConfigError, match="expected 2 positive numbers"):
        FiniteDifference((3, 4), spacing=spacing)


def test_an_unknown_boundary_is_refused() -> None:
    with pytest.raises(ConfigError, match="boundary is 'dirichlet', expected 'neumann' or 'periodic'"):
        FiniteDifference((3, 4), boundary="dirichlet")  # type: ignore[arg-type]
