from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special

from invkit.errors import ConfigError
from invkit.functionals import KullbackLeibler, SmoothKullbackLeibler
from invkit.functionals.hessian_diagonal import hessian_diagonal
from invkit.measures import conjugate_gap, convexity_gap, gradient_error, hessian_error, prox_gap, smoothness_ratio
from invkit.operators import Space

Y = torch.tensor([[[0.0, 0.3, 5.0], [2.5, 0.0, 17.0]]], dtype=torch.float64)
B = torch.tensor([[[0.4, 1.0, 2.0], [0.7, 0.5, 3.0]]], dtype=torch.float64)


def taylor(x: np.ndarray, y: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The divergence above zero, its second-order Taylor polynomial at zero below."""
    below = special.kl_div(y, b) + (1 - y / b) * x + y / (2 * b**2) * x**2
    return np.where(x >= 0, special.kl_div(y, np.maximum(x, 0) + b), below)


def one(value: float) -> torch.Tensor:
    return torch.tensor([[value]], dtype=torch.float64)


def test_the_value_is_scipys_divergence_above_zero_and_its_taylor_polynomial_below(draw) -> None:
    x = 3 * draw((3, 2, 3))
    f = SmoothKullbackLeibler(Y, B)
    np.testing.assert_allclose(f.value(x).numpy(), taylor(x.numpy(), Y.numpy(), B.numpy()).sum((1, 2)), rtol=1e-12)
    torch.testing.assert_close(f.value(x.abs()), KullbackLeibler(Y, B).value(x.abs()))
    assert not torch.isclose(f.value(x), KullbackLeibler(Y, B).value(x)).any()
    assert f.value(x[:0]).shape == (0,)


def test_gradient_and_hessian_are_those_of_autograd_also_at_zero(draw) -> None:
    f = 0.7 * SmoothKullbackLeibler(Y, B)
    x = 3 * draw((2, 2, 3))
    x[0] = 0
    v = draw((2, 2, 3), seed=1)
    x.requires_grad_()
    (want,) = torch.autograd.grad(f.value(x).sum(), x, create_graph=True)
    torch.testing.assert_close(f.gradient(x), want, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(want[:1], (0.7 * (1 - Y / B)), rtol=1e-12, atol=1e-12)
    (product,) = torch.autograd.grad(f.gradient(x), x, v)
    torch.testing.assert_close(f.hessian_vector(x, v), product, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(hessian_diagonal(f, x.detach()) * v, product, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_measures_refute_nothing_that_is_stated(dtype) -> None:
    space, g = Space((2, 3), dtype), torch.Generator().manual_seed(0)
    f = SmoothKullbackLeibler(Y.to(dtype), B.to(dtype))
    for part in (f, 0.7 * f, f.conjugate, (0.7 * f).conjugate):
        assert prox_gap(part, space, generator=g).passed
        assert convexity_gap(part, space, generator=g).passed
    assert conjugate_gap(f, space, generator=g).passed
    assert gradient_error(f, space, generator=g).passed
    assert hessian_error(f, space, generator=g).passed
    bound = f.smoothness().upper
    assert bound == pytest.approx(5.1020408163)  # 2.5 / 0.7^2
    assert smoothness_ratio(f, space, bound, generator=g).passed
    assert not smoothness_ratio(f, space, 0.5 * bound, generator=g).passed


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    y=st.one_of(st.just(0.0), st.floats(1e-3, 1e3)),
    v=st.floats(-100.0, 100.0),
    tau=st.floats(1e-3, 1e3),
    b=st.floats(0.05, 10.0),
)
def test_the_prox_is_scipys_minimiser(y, v, tau, b) -> None:
    p = SmoothKullbackLeibler(one(y), b).prox(one(v), tau).item()

    def objective(x: float) -> float:
        return float(taylor(np.array(x), np.array(y), np.array(b))) + (x - v) ** 2 / (2 * tau)

    # The derivative has opposite signs at the ends: f' <= 1, and f' >= 0 from y on.
    low, high = v - tau - 1 - tau * max(0.0, y / b), max(v, 0.0) + y + 1
    low = min(low, v - tau - 1)
    found = optimize.minimize_scalar(objective, bounds=(low, high), method="bounded", options={"xatol": 1e-10})
    slack = 1e-11 * (abs(found.fun) + v**2 / tau + y * (1 + 1 / b) + tau + 1)
    assert objective(p) <= found.fun + slack


def test_the_conjugate_is_the_supremum_on_a_fine_grid() -> None:
    grid = np.linspace(-60, 60, 1_200_001)
    for y, b, c, p in ((2.0, 0.3, 0.7, 0.4), (2.0, 0.3, 0.7, -9.0), (2.0, 4.0, 1.0, 0.6), (2.0, 4.0, 1.5, -0.2)):
        want = (grid * p - c * taylor(grid, np.array(y), np.array(b))).max()
        got = (c * SmoothKullbackLeibler(one(y), b)).conjugate.value(one(p)).item()
        assert got == pytest.approx(want, abs=1e-6)
    empty = (0.7 * SmoothKullbackLeibler(one(0.0), 0.3)).conjugate
    assert empty.value(one(0.7)).item() == pytest.approx(-0.21)
    assert empty.value(one(0.6)).item() == math.inf


def test_gradients_reach_data_background_weight_and_steps(draw) -> None:
    y, b, x = (Y + 0.1).requires_grad_(), B.clone().requires_grad_(), (3 * draw((2, 2, 3))).requires_grad_()
    w = torch.tensor(0.6, dtype=torch.float64, requires_grad=True)
    tau = torch.tensor([0.3, 2.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda x, y, b, w, t: (
            SmoothKullbackLeibler(y, b).value(x),
            (w * SmoothKullbackLeibler(y, b)).prox(x, t),
            (w * SmoothKullbackLeibler(y, b)).conjugate.prox(x, t),
            (w * SmoothKullbackLeibler(y, b)).conjugate.value(-x.abs()),
        ),
        (x, y, b, w, tau),
    )


def test_weight_zero_drops_the_term(draw) -> None:
    f, x = 0.0 * SmoothKullbackLeibler(Y, B), draw((2, 2, 3))
    assert (f.value(x) == 0).all()
    torch.testing.assert_close(f.prox(x, 0.5), x)
    assert (f.conjugate.prox(x, 0.5).abs() < 1e-15).all()
    assert (f.conjugate.value(x) == math.inf).all()
    assert (f.conjugate.value(0 * x) == 0).all()


def test_a_background_that_is_zero_somewhere_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"background is 0\.0 somewhere, expected positive numbers"):
        SmoothKullbackLeibler(torch.ones(1, 2), torch.tensor([1.0, 0.0]))
    with pytest.raises(ConfigError, match="background is between -1.0 and -1.0"):
        SmoothKullbackLeibler(torch.ones(1, 2), -1.0)
