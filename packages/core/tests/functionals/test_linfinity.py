"""The largest magnitude and its dual ball against a root finder, cvxpy, and numpy's closed forms."""

from __future__ import annotations

import math

import cvxpy as cp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from invkit.errors import ConfigError
from invkit.functionals import L1Ball, LInfinity

DTYPES = [torch.float64, torch.complex128]
AXES = [None, (0,), (0, 2)]


def slow_projection(v: np.ndarray, radius: float) -> np.ndarray:
    """Of a whole image onto the ball: the threshold by bisection."""
    size = np.abs(v)
    if size.sum() <= radius:
        return v
    level = optimize.brentq(
        lambda t: np.maximum(size - t, 0).sum() - radius, 0, size.max(), xtol=1e-15 * size.max(), rtol=1e-15
    )
    return v * np.maximum(1 - level / np.maximum(size, 1e-300), 0)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 1000),
    radius=st.sampled_from([0.3, 1.0, 20.0]),
    scale=st.sampled_from([1e-3, 1.0, 1e3]),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.complex64, torch.complex128]),
    learned=st.booleans(),
)
def test_the_projection_is_that_of_the_root_finder_and_lands_in_the_ball(seed, radius, scale, dtype, learned) -> None:
    v = scale * torch.randn(2, 2, 3, 5, dtype=dtype, generator=torch.Generator().manual_seed(seed))
    v[0, 0, 0] = 0
    ball = L1Ball(torch.tensor(radius, dtype=torch.float64) if learned else radius)
    got = ball.prox(v, 0.7)
    assert got.dtype is dtype
    assert (ball.value(got) == 0).all()
    assert (ball.value(1.01 * got + radius) == math.inf).all()
    wide = v.to(torch.complex128).numpy()
    for i in range(2):
        tolerance = max(8 * torch.finfo(dtype).eps * radius, 1e-12 * scale)
        np.testing.assert_allclose(got[i].numpy(), slow_projection(wide[i], radius), rtol=0, atol=tolerance)
        if np.abs(wide[i]).sum() <= 0.999 * radius:
            assert torch.equal(got[i], v[i])
    torch.testing.assert_close(ball.prox(got, 1.0), got, rtol=0, atol=8 * torch.finfo(dtype).eps * radius)


@pytest.mark.parametrize("axes", AXES)
def test_groups_are_projected_each_alone(axes, draw) -> None:
    v = draw((2, 2, 3, 2), torch.complex128)
    got = L1Ball(0.8, axes).prox(v, 1.0).numpy()
    for i in range(2):
        if axes is None:
            np.testing.assert_allclose(got[i], slow_projection(v[i].numpy(), 0.8), atol=1e-13)
        elif axes == (0,):
            for p in np.ndindex(3, 2):
                np.testing.assert_allclose(got[i][:, *p], slow_projection(v[i][:, *p].numpy(), 0.8), atol=1e-13)
        else:
            for p in range(3):
                np.testing.assert_allclose(got[i][:, p], slow_projection(v[i][:, p].numpy(), 0.8), atol=1e-13)


@pytest.mark.parametrize("dtype", DTYPES)
def test_values_are_numpys(dtype, draw) -> None:
    x = draw((3, 2, 3, 2), dtype)
    size = np.abs(x.numpy())
    np.testing.assert_allclose((0.3 * LInfinity()).value(x).numpy(), 0.3 * size.max((1, 2, 3)), rtol=1e-14)
    np.testing.assert_allclose(LInfinity((0,)).value(x).numpy(), size.max(1).sum((1, 2)), rtol=1e-14)
    ball = (0.5 * LInfinity((0,))).conjugate
    largest = size.sum(1).max((1, 2))
    for i in range(3):
        assert ball.value(x[i : i + 1] / largest[i] * 0.499).item() == 0.0
        assert ball.value(x[i : i + 1] / largest[i] * 0.501).item() == math.inf


@pytest.mark.parametrize("tau", [0.3, 4.0])
def test_the_prox_is_cvxpys_minimiser(tau, draw) -> None:
    v = draw((1, 2, 3, 2))
    x = cp.Variable(12)
    objective = 0.7 * cp.norm_inf(x) + cp.sum_squares(x - v.flatten().numpy()) / (2 * tau)
    cp.Problem(cp.Minimize(objective)).solve(solver=cp.CLARABEL)
    got = (0.7 * LInfinity()).prox(v, tau).flatten().numpy()
    np.testing.assert_allclose(got, x.value, atol=1e-6)
    assert abs(LInfinity().prox(v, tau).flatten().numpy() - x.value).max() > 1e-3  # the weight matters


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("weight", [1.0, 0.3, 0.0])
def test_moreaus_identity_joins_the_prox_to_that_of_the_conjugate(dtype, axes, weight, draw) -> None:
    f = weight * LInfinity(axes)
    v = draw((3, 2, 3, 2), dtype)
    for tau in (0.2, torch.tensor([0.2, 1.0, 3.0], dtype=torch.float64)):
        column = tau.reshape(-1, 1, 1, 1) if isinstance(tau, torch.Tensor) else tau
        back = f.prox(v, tau) + column * f.conjugate.prox(v / column, 1 / tau)
        torch.testing.assert_close(back, v, rtol=0, atol=1e-13)
    torch.testing.assert_close(f.conjugate.conjugate.value(v), f.value(v), rtol=1e-14, atol=0)


def test_a_step_of_its_own_for_each_image_and_the_precision_is_kept(draw) -> None:
    v = draw((3, 2, 3), torch.complex64)
    taus = torch.tensor([0.1, 1.0, 100.0], dtype=torch.float64)
    got = LInfinity().prox(v, taus)
    assert got.dtype is torch.complex64
    for i in range(3):
        torch.testing.assert_close(got[i : i + 1], LInfinity().prox(v[i : i + 1], float(taus[i])), rtol=0, atol=1e-6)
    assert (got[2] == 0).all()  # |v|_1 < tau


def test_gradients_reach_image_weight_and_tau(draw) -> None:
    for dtype in DTYPES:
        v = draw((2, 3, 2), dtype).requires_grad_()
        weight, tau = torch.tensor(0.6).double().requires_grad_(), torch.tensor([0.3, 0.8]).double().requires_grad_()
        assert torch.autograd.gradcheck(
            lambda v, w, t: (
                (w * LInfinity()).prox(v, t), (w * LInfinity((0,))).conjugate.prox(v, t), (w * LInfinity()).value(v),
            ),
            (v, weight, tau),
        )  # fmt: skip
    zero = torch.zeros(1, 2, 3, dtype=torch.float64, requires_grad=True)
    for result in (LInfinity().prox(zero, 0.5), L1Ball(0.5).prox(zero, 1.0), LInfinity().value(zero)):
        (gradient,) = torch.autograd.grad(result.sum(), zero)
        assert torch.isfinite(gradient).all()


def test_a_million_pixels_of_large_values_land_in_the_ball() -> None:
    v = 1e6 * torch.randn(1, 1, 1000, 1000, generator=torch.Generator().manual_seed(0))
    got = L1Ball(3.0).prox(v, 1.0)
    assert got.double().abs().sum().item() == pytest.approx(3.0, rel=1e-6)
    assert L1Ball(3.0).value(got).item() == 0.0


def test_an_empty_batch_stays_empty() -> None:
    for axes in AXES:
        empty = torch.zeros(0, 2, 3, 4)
        assert LInfinity(axes).prox(empty, 1.0).shape == L1Ball(1.0, axes).prox(empty, 1.0).shape == (0, 2, 3, 4)
        assert LInfinity(axes).value(empty).shape == L1Ball(1.0, axes).value(empty).shape == (0,)


def test_bad_axes_and_radii_are_refused() -> None:
    for build in (LInfinity, lambda axes: L1Ball(1.0, axes)):
        with pytest.raises(ConfigError, match=r"axes are \(-1,\), expected numbers >= 0"):
            build((-1,))
        with pytest.raises(ConfigError, match=r"axes are \(\), expected at least one"):
            build(())
    with pytest.raises(ConfigError, match="weight is -1.0, expected a finite number >= 0"):
        L1Ball(-1.0)
    assert repr(LInfinity((0,))) == "LInfinity(axes=(0,))"
    assert repr(L1Ball(2.0)) == "L1Ball(2, axes=None)"
