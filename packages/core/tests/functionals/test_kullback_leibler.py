from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special

from invkit.errors import ConfigError, DataError, ShapeError
from invkit.functionals import KullbackLeibler
from invkit.functionals.hessian_diagonal import hessian_diagonal
from invkit.measures import conjugate_gap, convexity_gap, prox_gap
from invkit.operators import Space

Y = torch.tensor([[[0.0, 0.3, 5.0], [2.5, 0.0, 17.0]], [[1.0, 0.0, 4.0], [1e-3, 9.0, 0.0]]], dtype=torch.float64)
counts = st.one_of(st.just(0.0), st.floats(1e-6, 1e4))
numbers = st.floats(-1e3, 1e3, allow_subnormal=False)
positive = st.floats(1e-4, 1e4)
backgrounds = st.one_of(st.just(0.0), st.floats(1e-3, 10.0))


def one(value: float) -> torch.Tensor:
    return torch.tensor([[value]], dtype=torch.float64)


def test_the_value_is_scipys_divergence(draw) -> None:
    x = draw((2, 2, 3)).abs()
    for background in (0.0, 0.4, 0.3 * torch.ones(1, 2, 3, dtype=torch.float64)):
        f = KullbackLeibler(Y, background)
        want = special.kl_div(Y.numpy(), (x + background).numpy()).sum((1, 2))
        np.testing.assert_allclose(f.value(x).numpy(), want, rtol=1e-12)
        np.testing.assert_allclose((0.7 * f).value(x).numpy(), 0.7 * want, rtol=1e-12)
    assert KullbackLeibler(Y[:0]).value(x[:0]).shape == (0,)


@pytest.mark.parametrize(
    ("z", "y", "value", "gradient", "curvature"),
    [
        (0.0, 0.0, 0.0, 1.0, 0.0),
        (2.0, 0.0, 2.0, 1.0, 0.0),
        (0.0, 1.0, math.inf, -math.inf, math.inf),
        (-1.0, 0.0, math.inf, 1.0, 0.0),
        (-1.0, 1.0, math.inf, -math.inf, math.inf),
        (1.0, 1.0, 0.0, 0.0, 1.0),
        (2.0, 1.0, 1 - math.log(2), 0.5, 0.25),
    ],
)
def test_zeros_have_the_values_of_the_limits_and_nothing_is_nan(z, y, value, gradient, curvature) -> None:
    for dtype in (torch.float64, torch.float32):
        f = KullbackLeibler(one(y).to(dtype))
        x = one(z).to(dtype).requires_grad_()
        got = f.value(x)
        assert got.dtype is dtype
        assert got.item() == pytest.approx(value)
        assert f.gradient(x).item() == pytest.approx(gradient)
        assert f.hessian_vector(x, torch.ones_like(x)).item() == pytest.approx(curvature)
        assert f.hessian_vector(x, torch.zeros_like(x)).item() == 0
        assert hessian_diagonal(f, x.detach()).item() == pytest.approx(curvature)
        (first,) = torch.autograd.grad(got.sum(), x, create_graph=True)
        assert not torch.isnan(first).any()
        gradient_again = f.gradient(x)
        if gradient_again.requires_grad:
            assert not torch.isnan(torch.autograd.grad(gradient_again, x)[0]).any()
        if value < math.inf and (z > 0 or y == 0):
            assert first.item() == pytest.approx(gradient)
            (second,) = torch.autograd.grad(first.sum(), x, allow_unused=True, materialize_grads=True)
            assert second.item() == pytest.approx(curvature)


def test_the_value_keeps_its_digits_near_the_data_and_far_from_them() -> None:
    """z - y + y log(y/z) with z = y (1 + u) is y u^2 / 2 to third order; kl_div of scipy judges the far ones."""
    y = 3.0
    for u in (1e-3, -1e-3, 1e-5):
        series = y * (u**2 / 2 - u**3 / 3 + u**4 / 4)
        assert KullbackLeibler(one(y)).value(one(y * (1 + u))).item() == pytest.approx(series, rel=1e-9 / abs(u) * 1e-5)
    for z, count in ((1e-30, 1.0), (1e30, 1e-30), (1.0, 1e-300), (1e-12, 1e3)):
        want = float(special.kl_div(count, z))
        assert KullbackLeibler(one(count)).value(one(z)).item() == pytest.approx(want, rel=1e-12)
    low = KullbackLeibler(one(1e-30).float()).value(one(1e10).float())
    assert low.item() == pytest.approx(1e10, rel=1e-6)


def test_gradients_and_hessians_are_those_of_autograd(draw) -> None:
    x, v = draw((2, 2, 3)).abs().requires_grad_(), draw((2, 2, 3), seed=1)
    f = 0.7 * KullbackLeibler(Y, 0.2)
    (want,) = torch.autograd.grad(f.value(x).sum(), x, create_graph=True)
    torch.testing.assert_close(f.gradient(x), want, rtol=1e-12, atol=1e-12)
    (product,) = torch.autograd.grad(want, x, v)
    torch.testing.assert_close(f.hessian_vector(x, v), product, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(hessian_diagonal(f, x.detach()) * v, product, rtol=1e-12, atol=1e-12)
    assert torch.autograd.gradgradcheck(f.value, (x,))
    assert torch.autograd.gradcheck(f.gradient, (x,))


def test_gradients_reach_data_background_and_steps(draw) -> None:
    y, b = (Y + 0.1).requires_grad_(), torch.full((1, 2, 3), 0.4, dtype=torch.float64, requires_grad=True)
    x, w = draw((2, 2, 3)).abs().requires_grad_(), torch.tensor(0.6, dtype=torch.float64, requires_grad=True)
    tau = torch.tensor([0.3, 2.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda x, y, b, w, t: (
            KullbackLeibler(y, b).value(x),
            (w * KullbackLeibler(y, b)).prox(x, t),
            (w * KullbackLeibler(y, b)).conjugate.prox(x, t),
            (w * KullbackLeibler(y, b)).conjugate.value(-x),
        ),
        (x, y, b, w, tau),
    )


def test_the_prox_has_finite_derivatives_of_both_orders_at_zeros() -> None:
    y = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    tau = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    v = torch.tensor([[0.5, -1.0, 2.0]], dtype=torch.float64, requires_grad=True)
    for part in (KullbackLeibler(y), KullbackLeibler(y).conjugate):
        p = part.prox(v, tau)
        first = torch.autograd.grad(p.square().sum(), (v, y, tau), create_graph=True)
        assert all(torch.isfinite(g).all() for g in first)
        second = torch.autograd.grad(sum(g.sum() for g in first), (v, y, tau), allow_unused=True)
        assert all(g is None or torch.isfinite(g).all() for g in second)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(y=counts, v=numbers, tau=positive, b=backgrounds)
def test_the_prox_is_scipys_minimiser_in_the_interval_that_must_hold_it(y, v, tau, b) -> None:
    """scipy is told an interval that convexity gives and never the answer; its own golden section starts inside it."""
    p = KullbackLeibler(one(y), b).prox(one(v), tau).item()

    def objective(z: float) -> float:
        return float(special.kl_div(y, z)) + (z - b - v) ** 2 / (2 * tau)

    high = max(v + b, 0.0) + y + 1.0  # the derivative 1 - y/z + (z - b - v)/tau is positive from here on
    found = optimize.minimize_scalar(objective, bounds=(0.0, high), method="bounded", options={"xatol": 1e-10})
    assert p + b >= -1e-15 * max(b, 1)
    slack = 1e-12 * (abs(found.fun) + (abs(v) + b) ** 2 / tau + high + 1)
    assert objective(max(p + b, 0.0)) <= found.fun + slack
    # The minimum is sharp: a step of a millionth from scipy's point is seen in the stationarity.
    curvature = 1 / tau
    assert curvature * (p + b - found.x) ** 2 / 2 <= 1e-7 * (1 + abs(found.fun) + high)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(y=counts, v=numbers, tau=st.floats(1e-30, 1e30), b=backgrounds)
def test_the_prox_is_stationary_for_tiny_and_huge_steps(y, v, tau, b) -> None:
    z = KullbackLeibler(one(y), b).prox(one(v), tau).item() + b
    exact = _root_in_many_digits(y, v, tau, b)
    # v + b - tau is rounded where it is formed, and b leaves again.
    assert z == pytest.approx(exact, rel=1e-9, abs=1e-14 * (abs(v) + b + 1))


def _root_in_many_digits(y: float, v: float, tau: float, b: float) -> float:
    from decimal import Decimal, localcontext

    with localcontext(prec=200):
        q = Decimal(v) + Decimal(b) - Decimal(tau)
        return float((q + (q * q + 4 * Decimal(tau) * Decimal(y)).sqrt()) / 2)


def test_the_prox_in_single_precision_survives_steps_whose_squares_overflow() -> None:
    y, v = torch.tensor([[3.0, 0.0, 3.0]]), torch.tensor([[1.0, 1.0, -2e25]])
    torch.testing.assert_close(KullbackLeibler(y[:, :2]).prox(v[:, :2], 1e25), torch.tensor([[3.0, 0.0]]))
    assert torch.isfinite(KullbackLeibler(y).prox(v, 1e25)).all()
    assert torch.isfinite(KullbackLeibler(y).prox(v.abs(), 1e-25)).all()


@settings(max_examples=80, deadline=None, derandomize=True)
@given(y=counts, x=positive, p=st.floats(-50.0, 5.0), b=backgrounds, c=st.floats(0.05, 20.0))
def test_fenchel_and_young_with_equality_at_gradients(y, x, p, b, c) -> None:
    f = c * KullbackLeibler(one(y), b)
    conjugate = f.conjugate
    total = f.value(one(x)).item() + conjugate.value(one(p)).item()
    assert total >= x * p - 1e-10 * (1 + abs(x * p))
    z = f.gradient(one(x))
    at_gradient, product = f.value(one(x)).item() + conjugate.value(z).item(), x * z.item()
    if y == 0 or y / (x + b) > 1e-6:  # else c - z has no digits left
        scale = 1 + abs(product) + f.value(one(x)).item() + c * y * 10
        assert at_gradient == pytest.approx(product, rel=1e-9, abs=1e-9 * scale)


def test_the_conjugate_is_the_supremum_on_a_fine_grid() -> None:
    """sup_x x p - c KL(y, x + b) on a grid, for values that the closed form could have wrong by its constants."""
    grid = np.concatenate([np.geomspace(1e-12, 1e4, 400001)])
    for y, b, c, p in ((2.0, 0.3, 0.7, 0.4), (2.0, 0.0, 1.0, -3.0), (0.0, 0.3, 0.7, 0.6), (0.0, 0.3, 0.7, -2.0)):
        want = ((grid - b) * p - c * special.kl_div(y, grid)).max()
        got = (c * KullbackLeibler(one(y), b)).conjugate.value(one(p)).item()
        assert got == pytest.approx(want, abs=1e-6)
    assert (0.7 * KullbackLeibler(one(2.0))).conjugate.value(one(0.7)).item() == math.inf
    assert (0.7 * KullbackLeibler(one(0.0))).conjugate.value(one(0.7)).item() == 0
    assert (0.7 * KullbackLeibler(one(0.0))).conjugate.value(one(0.71)).item() == math.inf


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("background", [0.0, 0.4])
def test_the_measures_refute_neither_prox_conjugate_nor_convexity(dtype, background) -> None:
    space, g = Space((2, 3), dtype), torch.Generator().manual_seed(0)
    f = KullbackLeibler(Y[:1].to(dtype), background)
    for part in (f, 0.7 * f, f.conjugate, (0.7 * f).conjugate):
        assert prox_gap(part, space, generator=g).passed
    assert conjugate_gap(f, space, generator=g).passed
    assert convexity_gap(f, space, generator=g).passed

    class ForgetsTheBackground(KullbackLeibler):
        def _prox(self, v, tau):
            return KullbackLeibler(self.y)._prox(v, tau)

    assert not prox_gap(ForgetsTheBackground(Y[:1].to(dtype), 0.4), space, generator=g).passed


def test_per_image_steps_equal_single_ones(draw) -> None:
    v, tau = draw((2, 2, 3)).float(), torch.tensor([0.1, 4.0], dtype=torch.float64)
    f = KullbackLeibler(Y.float(), 0.3)
    assert f.prox(v, tau).dtype is torch.float32
    for i in range(2):
        alone = KullbackLeibler(Y[i : i + 1].float(), 0.3).prox(v[i : i + 1], float(tau[i]))
        torch.testing.assert_close(f.prox(v, tau)[i : i + 1], alone)


def test_weight_zero_leaves_the_domain() -> None:
    f = 0.0 * KullbackLeibler(Y)
    x = torch.ones_like(Y)
    assert (f.value(x) == 0).all()
    torch.testing.assert_close(f.prox(x, 0.5), x)
    assert (f.prox(-x, 0.5) == 0).all()
    assert (f.conjugate.value(-x) == 0).all()
    assert (f.conjugate.value(x) == math.inf).all()
    torch.testing.assert_close(f.conjugate.prox(x, 0.5), torch.zeros_like(x))


def test_data_that_are_no_counts_are_refused() -> None:
    with pytest.raises(DataError, match="y has 1 values that are negative, NaN or inf, expected counts >= 0"):
        KullbackLeibler(torch.tensor([[1.0, -1.0]]))
    with pytest.raises(ShapeError, match="y has dtype torch.complex64"):
        KullbackLeibler(torch.ones(1, 2, dtype=torch.complex64))
    with pytest.raises(ConfigError, match=r"background is between -0\.5 and -0\.5, expected finite numbers >= 0"):
        KullbackLeibler(torch.ones(1, 2), -0.5)
    with pytest.raises(ConfigError, match=r"background is between 0\.0 and inf"):
        KullbackLeibler(torch.ones(1, 2), torch.tensor([0.0, torch.inf]))
    with pytest.raises(ShapeError, match="KullbackLeibler: image is torch.complex64, expected a real one"):
        KullbackLeibler(torch.ones(1, 2)).value(torch.ones(1, 2, dtype=torch.complex64))


@pytest.mark.parametrize("background", [10.0, torch.full((1, 1), 10.0)], ids=["number", "tensor"])
def test_a_prox_next_to_the_background_stays_in_the_domain(background) -> None:
    """z is 1e-6 to 1e-8 and x = z - 10 has a spacing of 1e-6: x = -10 would have the value +inf."""
    f = KullbackLeibler(torch.tensor([[1.0]]), background)
    for v, tau in ((-200.0, 1e-4), (-1000.0, 1e-3), (-50.0, 1e-5)):
        x = f.prox(torch.tensor([[v]]), tau)
        assert bool(torch.isfinite(f.value(x)).all())
        assert bool(torch.isfinite(f.gradient(x)).all())
        q = v + 10.0 - tau  # the positive root in double precision
        z = 2 * tau / ((q * q + 4 * tau) ** 0.5 - q)
        assert abs(float(x.double()) - (z - 10.0)) <= 10 * torch.finfo(torch.float32).eps
    nothing = KullbackLeibler(torch.tensor([[0.0]]), background).prox(torch.tensor([[-200.0]]), 1e-4)
    assert nothing.item() == -10.0  # without counts z may be zero


def test_the_value_next_to_the_counts_does_not_cancel() -> None:
    """y (d - log(1 + d)) with d = 1e-8: 0.5e-8 y^2 / y, where two logarithms of 1e8 leave errors a hundred times it."""
    y = torch.tensor([[1e8]], dtype=torch.float64)
    assert KullbackLeibler(y).value(y + 1.0).item() == pytest.approx(0.5e-8, rel=1e-6)
