from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from invkit.errors import ConfigError, ShapeError
from invkit.operators import AcrossDirection


def matrix(directions: np.ndarray, channels: int) -> np.ndarray:
    """One projection for each channel and pixel, put where its numbers are."""
    given, d, *spatial = directions.shape
    n = math.prod(spatial)
    flat = directions.reshape(given, d, n)
    out = np.zeros((channels * d * n, channels * d * n))
    for c in range(channels):
        for p in range(n):
            xi = flat[c if given > 1 else 0, :, p]
            rows = [(c * d + i) * n + p for i in range(d)]
            out[np.ix_(rows, rows)] = np.eye(d) - np.outer(xi, xi)
    return out


@pytest.mark.parametrize("shape", [(5,), (4, 3), (2, 3, 2)], ids=str)
@pytest.mark.parametrize("given", [1, 2])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_it_takes_the_part_along_the_directions_out(shape, given, dtype, agrees, draw) -> None:
    xi = draw((given, len(shape), *shape), torch.float64)
    xi = xi / (xi.square().sum(1, keepdim=True) + 0.3).sqrt()
    agrees(AcrossDirection(xi, 2, dtype), matrix(xi.numpy(), 2))
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        agrees(AcrossDirection(0.5 * xi, 2, dtype), matrix(xi.numpy(), 2))


def test_directions_that_are_too_long_or_of_another_shape_are_refused(draw) -> None:
    long = torch.ones(1, 2, 3, 4)
    with pytest.raises(ConfigError, match=r"the longest direction is 1.41421, expected at most 1"):
        AcrossDirection(long)
    with pytest.raises(ConfigError, match="the longest direction is nan"):
        AcrossDirection(long * math.nan)
    with pytest.raises(ShapeError, match=r"directions have shape \(1, 3, 3, 4\), expected \(1 or 2, d, \*spatial\)"):
        AcrossDirection(torch.zeros(1, 3, 3, 4), 2)
    with pytest.raises(ShapeError, match=r"directions are torch.complex64, expected torch.float32"):
        AcrossDirection(torch.zeros(1, 2, 3, 4, dtype=torch.complex64))


def test_a_gradient_reaches_the_directions(draw) -> None:
    xi = (0.3 * draw((1, 2, 3, 2), torch.float64)).clamp(-0.6, 0.6).requires_grad_()
    z = draw((2, 1, 2, 3, 2), torch.float64)
    assert torch.autograd.gradcheck(lambda xi: AcrossDirection(xi, 1, torch.float64).forward(z), xi)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_norm_along_one_axis_holds_where_the_direction_has_nearly_length_one(dtype) -> None:
    """1 - xi^2 cancels: its relative error is as large as it pleases."""
    for gap in (0.0, 1e-7, 1e-5, 1e-3, 0.5):
        xi = torch.full((1, 1, 3), 1 - gap, dtype=dtype)
        op = AcrossDirection(xi, 1, dtype)
        computed = float(op.forward(torch.ones(1, 1, 1, 3, dtype=dtype)).abs().max())
        exact = 1 - float(xi.max().double()) ** 2
        for value in (computed, exact):
            assert op.norm().lower <= value <= op.norm().upper
    longest = torch.tensor([[[1.0, 1 + 1e-15]]], dtype=torch.float64)
    assert AcrossDirection(longest, 1, torch.float64).norm().upper >= 2e-15
