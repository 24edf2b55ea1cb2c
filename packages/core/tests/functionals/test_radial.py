"""Both radial norms against numpy's closed forms, autograd on an independent formula, and scipy's root finder."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from invkit.errors import ConfigError
from invkit.functionals import Huber, RadialNorm, SmoothedNorm
from invkit.functionals.hessian_diagonal import hessian_diagonal


@dataclass
class Case:
    """A radial norm beside rho, rho' and rho'' as numpy would write them."""

    build: Callable[..., RadialNorm]
    rho: Callable[[np.ndarray, float], np.ndarray]
    slope: Callable[[np.ndarray, float], np.ndarray]
    second: Callable[[np.ndarray, float], np.ndarray]
    smoothness: float  # times the parameter


CASES = {
    "huber": Case(
        Huber,
        lambda t, d: np.where(t <= d, t**2 / (2 * d), t - d / 2),
        lambda t, d: np.where(t <= d, t / d, 1.0),
        lambda t, d: np.where(t <= d, 1 / d, 0.0),
        1.0,
    ),
    "smoothed": Case(
        SmoothedNorm,
        lambda t, g: np.where(t <= g, t**2 / g - t**3 / (3 * g**2), t - g / 3),
        lambda t, g: np.where(t <= g, 2 * t / g - t**2 / g**2, 1.0),
        lambda t, g: np.where(t <= g, 2 / g - 2 * t / g**2, 0.0),
        2.0,
    ),
}
DTYPES = [torch.float64, torch.complex128]
AXES = [(), (0,), (1,), (0, 2)]


@pytest.fixture(params=CASES)
def case(request) -> Case:
    return CASES[request.param]


def lengths(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Of one image; the axes are kept."""
    return np.sqrt((np.abs(x) ** 2).sum(axes, keepdims=True)) if axes else np.abs(x)


def slow_value(case: Case, x: torch.Tensor, parameter: float, axes: tuple[int, ...]) -> np.ndarray:
    return np.array([case.rho(lengths(image, axes), parameter).sum() for image in x.numpy()])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("axes", AXES)
def test_values_are_the_closed_forms(case: Case, dtype, axes, draw) -> None:
    x = draw((3, 2, 3, 5), dtype)
    x[1, :, 0] = 0
    for parameter in (1e-2, 1.3):
        f = case.build(parameter, axes)
        np.testing.assert_allclose(f.value(x).numpy(), slow_value(case, x, parameter, axes), rtol=1e-13)
        np.testing.assert_allclose((0.3 * f).value(x).numpy(), 0.3 * slow_value(case, x, parameter, axes), rtol=1e-13)
        assert abs(f.value(x).numpy() - slow_value(case, x, 1.1 * parameter, axes)).max() > 1e-4  # rejects another one
        assert f.value(x[:0]).shape == (0,)
        assert f.gradient(x[:0]).shape == f.prox(x[:0], 1.0).shape == (0, 2, 3, 5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("axes", AXES)
def test_the_gradient_is_the_difference_quotient_of_the_closed_form(case: Case, dtype, axes, draw) -> None:
    x, v = draw((2, 2, 3, 2), dtype), draw((2, 2, 3, 2), dtype, 1)
    got = (case.build(0.9, axes).gradient(x) * v.conj()).real.flatten(1).sum(1).numpy()
    h = 1e-5
    want = (slow_value(case, x + h * v, 0.9, axes) - slow_value(case, x - h * v, 0.9, axes)) / (2 * h)
    np.testing.assert_allclose(got, want, rtol=1e-7, atol=1e-9)
    assert abs(got / 2 - want).max() > 1e-3


def dense_hessian(case: Case, x: np.ndarray, parameter: float) -> np.ndarray:
    """Of one real group, straight from the eigenvalues: rho'' along x and rho' / t across."""
    t = np.linalg.norm(x)
    unit = x / t
    projector = np.outer(unit, unit)
    return case.second(t, parameter) * projector + case.slope(t, parameter) / t * (np.eye(len(x)) - projector)


@pytest.mark.parametrize("parameter", [0.4, 3.0])
def test_hessian_product_and_diagonal_are_the_dense_ones(case: Case, parameter, draw) -> None:
    x, v = draw((4, 3)), draw((4, 3), seed=1)
    f = 0.7 * case.build(parameter, (0,))
    for i in range(4):
        dense = 0.7 * dense_hessian(case, x[i].numpy(), parameter)
        np.testing.assert_allclose(f.hessian_vector(x, v)[i].numpy(), dense @ v[i].numpy(), rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(hessian_diagonal(f, x)[i].numpy(), np.diag(dense), rtol=1e-12, atol=1e-14)
    # A complex number is a group of two: the product is that of its parts, the diagonal their mean.
    z, w = torch.complex(x[:, 0], x[:, 1])[:, None], torch.complex(v[:, 0], v[:, 1])[:, None]
    product, diagonal = f.hessian_vector(z, w), hessian_diagonal(f, z)
    assert not diagonal.is_complex()
    for i in range(4):
        dense = 0.7 * dense_hessian(case, x[i, :2].numpy(), parameter)
        np.testing.assert_allclose(torch.view_as_real(product[i, 0]).numpy(), dense @ v[i, :2].numpy(), atol=1e-13)
        assert diagonal[i].item() == pytest.approx(np.trace(dense) / 2, rel=1e-12)


def test_the_curvatures_are_slope_over_length_and_second_derivative(case: Case, draw) -> None:
    x = draw((2, 2, 3, 4), torch.complex128)
    across, along = case.build(0.8, (0,)).curvatures(x)
    t = np.linalg.norm(x.numpy(), axis=1, keepdims=True)
    assert across.shape == along.shape == (2, 1, 3, 4)
    np.testing.assert_allclose(across.numpy(), case.slope(t, 0.8) / t, rtol=1e-13)
    np.testing.assert_allclose(along.numpy(), case.second(t, 0.8), rtol=1e-13, atol=1e-15)


def test_rounding_takes_no_entry_of_the_hessian_diagonal_below_zero(case: Case, draw) -> None:
    for axes in ((), (0,)):
        x = 50 + 100 * draw((1, 1, 5000), torch.float32).abs()
        assert (hessian_diagonal(case.build(0.1, axes), x) >= 0).all()
        assert (hessian_diagonal(case.build(0.1, axes), x) < 1e-6).all()


def test_the_smoothness_bound_is_attained_at_zero_and_nowhere_exceeded(case: Case, draw) -> None:
    parameter = 0.3
    bound = case.build(parameter, (0,)).smoothness()
    eigenvalues = [
        np.linalg.eigvalsh(dense_hessian(case, s * x.numpy(), parameter))[-1]
        for s in (1e-9, 1e-2, 1.0)
        for x in draw((20, 3))
    ]
    assert max(eigenvalues) <= bound.upper
    assert max(eigenvalues) >= bound.upper * (1 - 1e-7)  # and so twice the bound is rejected
    assert bound.upper == pytest.approx(case.smoothness / parameter, rel=1e-12)


@pytest.mark.parametrize("weight", [1.0, 0.3])
@pytest.mark.parametrize("tau", [1e-4, 0.2, 30.0])
def test_the_prox_solves_the_scalar_equation_as_scipys_root_finder_does(case: Case, weight, tau, draw) -> None:
    v = 2 * draw((2, 3, 4), torch.complex128, 3)
    parameter = 0.5
    got = (weight * case.build(parameter, (0,))).prox(v, tau).numpy()
    for i in range(2):
        for j in range(4):
            group = v[i, :, j].numpy()
            t = np.linalg.norm(group)
            root = optimize.brentq(
                lambda r, t=t: r + weight * tau * case.slope(np.array(r), parameter) - t, 0, t, xtol=1e-15
            )
            np.testing.assert_allclose(got[i, :, j], group * root / t, rtol=1e-10, atol=1e-13)
    wrong = case.build(parameter, (0,)).prox(v, 2 * weight * tau).numpy()
    assert abs(wrong - got).max() > 1e-5


@pytest.mark.parametrize("weight", [1.0, 0.3])
def test_the_conjugate_is_the_supremum_over_a_grid(case: Case, weight) -> None:
    parameter = 0.7
    conjugate = (weight * case.build(parameter, ())).conjugate
    grid = np.linspace(-4, 4, 400_001)
    for s in (0.0, 0.1, -0.5, 0.9, 1.0):
        z = weight * s
        want = (grid * z - weight * case.rho(np.abs(grid), parameter)).max()
        got = conjugate.value(torch.tensor([[z]], dtype=torch.float64)).item()
        assert got == pytest.approx(want, abs=1e-9)
    assert conjugate.value(torch.tensor([[0.0, 1.01 * weight]], dtype=torch.float64)).item() == math.inf


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("weight", [1.0, 0.3, 0.0])
def test_moreaus_identity_joins_the_prox_to_that_of_the_conjugate(case: Case, dtype, weight, draw) -> None:
    f = weight * case.build(0.6, (0,)) if weight != 1 else case.build(0.6, (0,))
    v = draw((3, 2, 3, 2), dtype, 5)
    for tau in (0.2, torch.tensor([0.2, 1.0, 3.0], dtype=torch.float64)):
        column = tau.reshape(-1, 1, 1, 1) if isinstance(tau, torch.Tensor) else tau
        back = f.prox(v, tau) + column * f.conjugate.prox(v / column, 1 / tau)
        torch.testing.assert_close(back, v, rtol=0, atol=1e-13)


def test_the_dual_prox_loses_nothing_where_the_weight_is_tiny(case: Case) -> None:
    """v - sigma prox(v / sigma) would be wrong in the leading digits."""
    v = torch.tensor([[1e5, 3.0, -1e-3]], dtype=torch.float32)
    f = 1e-6 * case.build(1e-2, ())
    want = (1e-6 * case.build(1e-2, ())).conjugate.prox(v.double(), 0.5)
    torch.testing.assert_close(f.conjugate.prox(v, 0.5).double(), want, rtol=1e-6, atol=0)
    assert (f.conjugate.value(f.conjugate.prox(v, 0.5)) < math.inf).all()


@pytest.mark.parametrize("sigma", [1e-30, 1e30])
def test_very_short_and_very_long_dual_steps_do_not_overflow(case: Case, sigma) -> None:
    z = torch.tensor([[2.0, -3.0, 0.5, 0.0]], dtype=torch.float32)
    f = 0.8 * case.build(0.3, ())
    want = torch.tensor([[0.8, -0.8, 0.5, 0.0]]) if sigma < 1 else torch.zeros(1, 4)
    torch.testing.assert_close(f.conjugate.prox(z, sigma), want, rtol=1e-6, atol=1e-6)


def test_the_conjugate_is_strongly_convex_with_the_reciprocal_of_the_smoothness(case: Case, draw) -> None:
    conjugate = (0.5 * case.build(0.6, ())).conjugate
    modulus = conjugate.convexity()
    assert modulus == pytest.approx(0.6 / (0.5 * case.smoothness), rel=1e-12)
    a, b = 0.1 * draw((50, 1)), 0.1 * draw((50, 1), seed=1)
    middle = conjugate.value((a + b) / 2)
    gap = (conjugate.value(a) + conjugate.value(b)) / 2 - middle - modulus / 8 * (a - b).square().sum(1)
    assert (gap >= -1e-13).all()
    assert (gap < modulus / 8 * (a - b).square().sum(1)).any()  # twice the modulus is rejected
    assert (0.0 * case.build(0.6, ())).conjugate.convexity() == 0.0


def test_the_conjugate_of_the_conjugate_is_the_functional(case: Case, draw) -> None:
    x = draw((2, 2, 3, 2))
    f = 0.3 * case.build(0.2, (1,))
    torch.testing.assert_close(f.conjugate.conjugate.value(x), f.value(x), rtol=1e-14, atol=0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_derivatives_reach_the_parameter_the_image_the_weight_and_tau(case: Case, dtype, draw) -> None:
    x, v = draw((2, 2, 2, 1), dtype).requires_grad_(), draw((2, 2, 2, 1), dtype, 1)
    p, w = (torch.tensor(c).double().requires_grad_() for c in (0.9, 0.6))
    tau = torch.tensor([0.3, 0.8]).double().requires_grad_()

    def everything(x, p, w, tau):
        f = w * case.build(p, (0,))
        return f.value(x), f.gradient(x), f.hessian_vector(x, v), f.prox(x, tau), f.conjugate.prox(x, tau)

    assert torch.autograd.gradcheck(everything, (x, p, w, tau))
    assert torch.autograd.gradgradcheck(lambda x, p: case.build(p, (0,)).value(x), (x, p))
    z = (0.2 * draw((2, 2, 2, 1), dtype)).requires_grad_()
    assert torch.autograd.gradcheck(lambda z, p, w: (w * case.build(p, (0,))).conjugate.value(z), (z, p, w))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("axes", [(), (0,)])
def test_two_derivatives_at_zero_are_exact_and_finite(case: Case, dtype, axes, draw) -> None:
    x = torch.zeros(1, 2, 3, dtype=dtype, requires_grad=True)
    v = draw((1, 2, 3), dtype)
    parameter = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    f = case.build(parameter, axes)
    (first,) = torch.autograd.grad(f.value(x).sum(), x, create_graph=True)
    assert (first == 0).all()
    (second,) = torch.autograd.grad(first, x, v, create_graph=True)
    want = case.smoothness / 0.5 * v
    torch.testing.assert_close(second.detach(), want, rtol=1e-14, atol=0)
    torch.testing.assert_close(f.hessian_vector(x, v).detach(), want, rtol=1e-14, atol=0)
    for result in (f.gradient(x), f.prox(x, 0.3), f.conjugate.prox(x, 0.3), f.conjugate.value(x)):
        got = torch.autograd.grad(result.abs().square().sum() + result.real.sum(), (x, parameter), create_graph=True)
        assert all(torch.isfinite(torch.view_as_real(g) if g.is_complex() else g).all() for g in got)
        if got[0].requires_grad:
            again = torch.autograd.grad(got[0].real.sum(), (x, parameter), allow_unused=True)
            assert all(torch.isfinite(g.real).all() for g in again if g is not None)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    name=st.sampled_from(list(CASES)),
    seed=st.integers(0, 1000),
    shape=st.sampled_from([(1, 3), (2, 1, 5), (3, 2, 3, 4), (0, 2, 3)]),
    axes=st.sampled_from([(), (0,)]),
    parameter=st.sampled_from([1e-4, 1e-2, 1.0, 1e3]),
    scale=st.sampled_from([1e-12, 1e-3, 1.0, 1e4, 1e12]),
    is_complex=st.booleans(),
    learned=st.booleans(),
)
def test_single_precision_gives_the_double_one_rounded(
    name, seed, shape, axes, parameter, scale, is_complex, learned
) -> None:
    dtype = torch.complex64 if is_complex else torch.float32
    x = scale * torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))
    v = torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed + 1))
    f = CASES[name].build(torch.tensor(parameter, dtype=torch.float64) if learned else parameter, axes)
    wide, wide_v = (
        x.to(torch.complex128 if is_complex else torch.float64),
        v.to(torch.complex128 if is_complex else torch.float64),
    )
    for narrow, exact, size in (
        (f.value(x), f.value(wide), 0.0),
        (f.gradient(x), f.gradient(wide), 0.0),
        (f.prox(x, 0.3), f.prox(wide, 0.3), scale),
        ((0.2 * f).conjugate.prox(x, 0.3), (0.2 * f).conjugate.prox(wide, 0.3), 0.0),
        (f.hessian_vector(x, v), f.hessian_vector(wide, wide_v), 2 / parameter if scale < parameter else 1 / scale),
    ):
        assert narrow.dtype in (dtype, torch.float32)
        torch.testing.assert_close(narrow.to(exact.dtype), exact, rtol=2e-6, atol=2e-6 * size)


def test_an_image_alone_is_the_image_in_its_batch_and_has_its_own_tau(case: Case, draw) -> None:
    v = draw((3, 2, 3, 2), torch.complex64)
    taus = torch.tensor([0.1, 1.0, 4.0], dtype=torch.float64)
    for f in (0.5 * case.build(0.3, (0,)), (0.5 * case.build(0.3, (0,))).conjugate):
        got = f.prox(v, taus)
        for i in range(3):
            torch.testing.assert_close(got[i : i + 1], f.prox(v[i : i + 1], float(taus[i])))
            assert torch.equal(f.value(v)[i : i + 1], f.value(v[i : i + 1]))


def test_moving_keeps_the_parameter_learned(case: Case) -> None:
    parameter = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    f = case.build(parameter, (0,)).to(dtype=torch.float32)
    f.value(torch.ones(1, 2, 2)).sum().backward()
    assert parameter.grad is not None
    assert torch.isfinite(parameter.grad)
    assert "0.3" in repr(f)
    assert "0.5 *" in repr((0.5 * f).conjugate)


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf, torch.tensor(-2.0), torch.ones(2)])
def test_parameters_that_are_not_positive_are_refused(case: Case, value) -> None:
    with pytest.raises(ConfigError, match="expected (a positive number|one number)"):
        case.build(value)


def test_negative_axes_are_refused(case: Case) -> None:
    with pytest.raises(ConfigError, match=r"axes are \(-1,\), expected numbers >= 0"):
        case.build(0.1, (-1,))
