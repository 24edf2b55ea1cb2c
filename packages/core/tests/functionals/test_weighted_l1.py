"""Soft thresholding pixel by pixel, against numpy's closed form and a numerical supremum."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from invkit.errors import ConfigError, ShapeError
from invkit.functionals import L1, WeightedL1

DTYPES = [torch.float64, torch.complex128]
WEIGHTS = torch.tensor([[[0.0, 0.4, 2.0]], [[1.0, 0.1, 0.7]]], dtype=torch.float64)  # one row for every row


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("factor", [1.0, 0.3])
def test_value_prox_and_conjugate_are_numpys(dtype, factor, draw) -> None:
    x, w = draw((3, 2, 4, 3), dtype), factor * WEIGHTS.numpy()
    f = factor * WeightedL1(WEIGHTS)
    np.testing.assert_allclose(f.value(x).numpy(), (w * np.abs(x.numpy())).sum((1, 2, 3)), rtol=1e-14)
    taus = torch.tensor([0.1, 1.0, 4.0], dtype=torch.float64)
    size = np.abs(x.numpy())
    want = x.numpy() * np.maximum(1 - taus.numpy().reshape(-1, 1, 1, 1) * w / size, 0)
    np.testing.assert_allclose(f.prox(x, taus).numpy(), want, rtol=1e-13, atol=1e-15)
    assert abs(L1().prox(x, taus).numpy() - want).max() > 0.01  # the weights matter
    clipped = x.numpy() * np.minimum(1, w / size)
    np.testing.assert_allclose(f.conjugate.prox(x, 0.7).numpy(), clipped, rtol=1e-13, atol=1e-15)
    assert (f.conjugate.value(f.conjugate.prox(x, 0.7)) == 0).all()
    assert (f.conjugate.value(1.01 * f.conjugate.prox(x, 0.7)) == math.inf).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_moreaus_identity_and_the_conjugate_of_the_conjugate(dtype, draw) -> None:
    f, v = 0.3 * WeightedL1(WEIGHTS), draw((3, 2, 4, 3), dtype)
    for tau in (0.2, torch.tensor([0.2, 1.0, 3.0], dtype=torch.float64)):
        column = tau.reshape(-1, 1, 1, 1) if isinstance(tau, torch.Tensor) else tau
        back = f.prox(v, tau) + column * f.conjugate.prox(v / column, 1 / tau)
        torch.testing.assert_close(back, v, rtol=0, atol=1e-13)
    torch.testing.assert_close(f.conjugate.conjugate.value(v), f.value(v), rtol=1e-14, atol=0)


def test_the_conjugate_is_the_supremum_over_a_grid() -> None:
    grid = np.linspace(-50, 50, 2001)
    for z in (0.0, 0.39, -0.4, 0.41):
        want = (grid * z - 0.4 * np.abs(grid)).max()
        f = WeightedL1(torch.tensor([0.4], dtype=torch.float64))
        got = f.conjugate.value(torch.tensor([[z]], dtype=torch.float64)).item()
        assert (got == math.inf) == (want > 0.1)
        assert got == math.inf or got == pytest.approx(want, abs=1e-12)


def test_gradients_reach_image_weights_and_tau(draw) -> None:
    for dtype in DTYPES:
        v, tau = draw((2, 2, 2, 3), dtype).requires_grad_(), torch.tensor([0.3, 0.8]).double().requires_grad_()
        weights = (WEIGHTS + 0.1).requires_grad_()
        assert torch.autograd.gradcheck(
            lambda v, w, t: (WeightedL1(w).value(v), WeightedL1(w).prox(v, t), WeightedL1(w).conjugate.prox(v, t)),
            (v, weights, tau),
        )


def test_weights_of_another_precision_do_not_widen_the_images() -> None:
    for dtype in (torch.float32, torch.complex64):
        x = torch.ones(2, 2, 4, 3, dtype=dtype)
        f = WeightedL1(WEIGHTS)
        assert f.value(x).dtype is torch.float32
        assert f.prox(x, 0.3).dtype is f.conjugate.prox(x, 0.3).dtype is dtype
        assert f.conjugate.value(f.conjugate.prox(x, 0.3)).tolist() == [0.0, 0.0]
        assert f.prox(x[:0], 1.0).shape == (0, 2, 4, 3)
        assert f.value(x[:0]).shape == f.conjugate.value(x[:0]).shape == (0,)


def test_weights_that_are_negative_or_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match="2 of the weights are negative or not finite, expected 0"):
        WeightedL1(torch.tensor([1.0, -1.0, math.nan]))
    with pytest.raises(ConfigError, match=r"weights are torch.int64, expected real floating-point"):
        WeightedL1(torch.ones(2, dtype=torch.int64))
    f = WeightedL1(WEIGHTS)
    for shape in ((1, 2, 4, 4), (1, 2, 3)):
        for call in (f.value, f.conjugate.value, lambda x: f.prox(x, 1.0), lambda x: f.conjugate.prox(x, 1.0)):
            with pytest.raises(ShapeError, match=r"(weights|bounds) have shape \(2, 1, 3\), expected"):
                call(torch.ones(shape, dtype=torch.float64))
    assert "(2, 1, 3)" in repr(f)
    assert "(2, 1, 3)" in repr(f.conjugate)
