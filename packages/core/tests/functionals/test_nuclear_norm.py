"""Matrix by matrix against numpy's singular values, cvxpy, and feasible points of the ball."""

from __future__ import annotations

import math

import cvxpy as cp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from invkit.errors import ConfigError
from invkit.functionals import NuclearNorm, SpectralBall
from invkit.operators import FromFunction, Space

DTYPES = [torch.float64, torch.complex128]


def shrunk(matrix: np.ndarray, tau: float) -> np.ndarray:
    u, s, vh = np.linalg.svd(matrix, full_matrices=False)
    return (u * np.maximum(s - tau, 0)) @ vh


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 1000),
    shape=st.sampled_from([(2, 3, 2, 4), (1, 2, 2, 5), (2, 4, 1, 3), (3, 2, 3, 1)]),
    axes=st.sampled_from([(0, 1), (1, 0), (0, 2)]),
    tau=st.sampled_from([1e-3, 0.7, 100.0]),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.complex64, torch.complex128]),
)
def test_value_and_prox_are_numpys(seed, shape, axes, tau, dtype) -> None:
    x = torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))
    f = 0.6 * NuclearNorm(axes[:1], axes[1:])
    got, values = f.prox(x, tau), f.value(x)
    assert got.dtype is dtype
    assert values.dtype is x.real.dtype
    wide = x.to(torch.complex128).numpy()
    eps = torch.finfo(dtype).eps
    (rest,) = {0, 1, 2} - set(axes)
    for i in range(shape[0]):
        total = 0.0
        for p in range(shape[1 + rest]):
            matrix, result = (np.take(a[i], p, rest) for a in (wide, got.numpy()))
            if axes[0] > axes[1]:
                matrix, result = matrix.T, result.T
            total += 0.6 * np.linalg.svd(matrix, compute_uv=False).sum()
            np.testing.assert_allclose(result, shrunk(matrix, 0.6 * tau), rtol=0, atol=40 * eps)
        assert values[i].item() == pytest.approx(total, rel=20 * eps)
    ball = f.conjugate
    assert (ball.value(ball.prox(10 * x, 1.0)) == 0).all()
    assert (ball.value(ball.prox(10 * x, 1.0) * 1.01 + 1) == math.inf).all()
    torch.testing.assert_close(ball.prox(ball.prox(10 * x, 1.0), 1.0), ball.prox(10 * x, 1.0), rtol=0, atol=40 * eps)


def test_the_prox_is_cvxpys_minimiser(draw) -> None:
    v = draw((1, 3, 2, 1))
    x = cp.Variable((3, 2))
    objective = 0.7 * cp.normNuc(x) + cp.sum_squares(x - v[0, ..., 0].numpy()) / (2 * 0.9)
    cp.Problem(cp.Minimize(objective)).solve(solver=cp.CLARABEL)
    got = (0.7 * NuclearNorm()).prox(v, 0.9)[0, ..., 0].numpy()
    np.testing.assert_allclose(got, x.value, atol=1e-5)
    assert abs(NuclearNorm().prox(v, 0.9)[0, ..., 0].numpy() - x.value).max() > 1e-2  # the weight matters


def test_the_conjugate_is_zero_exactly_where_no_matrix_gains(draw) -> None:
    """sup <x, z> - |x|_* is 0 for |z|_2 <= 1, and grows along the first singular pair of z beyond."""
    z = draw((1, 3, 2, 1))
    u, s, vh = np.linalg.svd(z[0, ..., 0].numpy(), full_matrices=False)
    inside, outside = 0.999 * z / s[0], 1.001 * z / s[0]
    assert NuclearNorm().conjugate.value(inside).item() == 0.0
    assert NuclearNorm().conjugate.value(outside).item() == math.inf
    assert (0.5 * NuclearNorm()).conjugate.value(0.5 * inside).item() == 0.0
    assert (0.5 * NuclearNorm()).conjugate.value(inside).item() == math.inf
    best = torch.from_numpy(np.outer(u[:, 0], vh[0])).reshape(1, 3, 2, 1)
    assert ((best * outside).sum() - NuclearNorm().value(best)).item() > 5e-4
    for seed in range(100):
        x = draw((1, 3, 2, 1), torch.float64, seed)
        assert (x * inside).sum() <= NuclearNorm().value(x) + 1e-12


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("weight", [1.0, 0.3, 0.0])
def test_moreaus_identity_joins_the_prox_to_that_of_the_conjugate(dtype, weight, draw) -> None:
    f, v = weight * NuclearNorm(), draw((3, 2, 3, 2), dtype)
    for tau in (0.2, torch.tensor([0.2, 1.0, 3.0], dtype=torch.float64)):
        column = tau.reshape(-1, 1, 1, 1) if isinstance(tau, torch.Tensor) else tau
        back = f.prox(v, tau) + column * f.conjugate.prox(v / column, 1 / tau)
        torch.testing.assert_close(back, v, rtol=0, atol=1e-13)
    torch.testing.assert_close(f.conjugate.conjugate.value(v), f.value(v), rtol=1e-13, atol=0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(2, 3, 2, 2), (2, 2, 3, 1), (2, 2, 2, 2)])
def test_gradients_reach_image_weight_and_tau(dtype, shape, draw) -> None:
    v = draw(shape, dtype).requires_grad_()
    weight, tau = torch.tensor(0.9).double().requires_grad_(), torch.tensor([0.5, 1.3]).double().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda v, w, t: (
            (w * NuclearNorm()).prox(v, t), (w * NuclearNorm()).conjugate.prox(v, t), (w * NuclearNorm()).value(v),
        ),
        (v, weight, tau),
    )  # fmt: skip


@pytest.mark.parametrize("scale", [0.1, 10.0])
def test_the_derivative_is_exact_where_singular_values_coincide(scale, draw) -> None:
    """At a multiple of the identity autograd of the factors would divide by zero; the map itself is smooth there."""
    v = (scale * torch.eye(2, dtype=torch.float64).reshape(1, 2, 2, 1)).requires_grad_()
    assert torch.autograd.gradcheck(lambda v: SpectralBall(1.0).prox(v, 1.0), (v,))
    one = torch.zeros(1, 2, 2, 1, dtype=torch.float64)
    one[0, 0, 0] = scale  # of rank one
    assert torch.autograd.gradcheck(lambda v: SpectralBall(1.0).prox(v, 1.0), (one.requires_grad_(),))
    zero = torch.zeros(1, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(NuclearNorm().value(zero).sum() + NuclearNorm().prox(zero, 0.3).sum(), zero)
    assert (gradient == 0).all()


def test_what_is_inside_the_ball_does_not_move_and_small_matrices_vanish(draw) -> None:
    v = draw((2, 2, 3, 4), torch.float32)
    assert torch.equal(SpectralBall(100.0).prox(v, 1.0), v)
    assert (NuclearNorm().prox(v, 100.0) == 0).all()


def test_an_empty_batch_stays_empty() -> None:
    empty = torch.zeros(0, 2, 3, 4)
    assert NuclearNorm().prox(empty, 1.0).shape == SpectralBall().prox(empty, 1.0).shape == (0, 2, 3, 4)
    assert NuclearNorm().value(empty).shape == SpectralBall().value(empty).shape == (0,)


@pytest.mark.parametrize("dtype", DTYPES)
def test_several_axes_make_one_matrix_of_frames_and_pixels(dtype, draw) -> None:
    x = draw((2, 2, 3, 4), dtype)
    f = 0.6 * NuclearNorm((0,), (1, 2))
    got, swapped = f.prox(x, 0.9), (0.6 * NuclearNorm((2, 1), (0,))).prox(x, 0.9)
    for i in range(2):
        matrix = x[i].numpy().reshape(2, 12)
        np.testing.assert_allclose(got[i].numpy().reshape(2, 12), shrunk(matrix, 0.54), atol=1e-13)
        total = np.linalg.svd(matrix, compute_uv=False).sum()
        assert f.value(x)[i].item() == pytest.approx(0.6 * total, rel=1e-13)
    torch.testing.assert_close(swapped, got, rtol=0, atol=1e-13)


@pytest.mark.parametrize(("rows", "columns"), [((0,), ()), ((), (1,)), ((1,), (1,)), ((0, 1), (2, 0))])
def test_axes_that_make_no_matrix_are_refused(rows, columns) -> None:
    for build in (NuclearNorm, lambda rows, columns: SpectralBall(1.0, rows, columns)):
        with pytest.raises(ConfigError, match="expected at least one for the rows, one for the columns, and none"):
            build(rows, columns)


def test_negative_axes_and_radii_are_refused_and_names_say_the_axes() -> None:
    with pytest.raises(ConfigError, match=r"axes are \(-1,\), expected numbers >= 0"):
        NuclearNorm((-1,), (0,))
    with pytest.raises(ConfigError, match="weight is -1.0"):
        SpectralBall(-1.0)
    assert repr(0.5 * NuclearNorm()) == "0.5 * NuclearNorm((0,), (1,))"
    assert repr(SpectralBall(2.0)) == "SpectralBall(2, (0,), (1,))"


def differences(f, matrix: torch.Tensor, direction: torch.Tensor, tau: float) -> torch.Tensor:
    return (f.prox(matrix + 1e-6 * direction, tau) - f.prox(matrix - 1e-6 * direction, tau)) / 2e-6


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_derivative_of_the_prox_is_linear_in_the_direction_for_autograd_too(dtype, draw) -> None:
    """The backward map differentiated by its argument is the Jacobian: differences judge it."""
    f, x, v = NuclearNorm(), draw((2, 3, 4), dtype).requires_grad_(), draw((2, 3, 4), dtype, 1)
    want = differences(f, x.detach(), v, 1.0)
    z = torch.zeros_like(v).requires_grad_()
    (pulled,) = torch.autograd.grad(f.prox(x, 1.0), x, z, create_graph=True)
    (pushed,) = torch.autograd.grad(pulled, z, v)
    torch.testing.assert_close(pushed, want, rtol=1e-7, atol=1e-8)
    assert not torch.allclose(want, v, atol=1e-2)  # the identity, which a backward map that is not recorded leaves


def test_an_operator_made_of_the_prox_has_the_jacobian_of_differences(draw) -> None:
    f, space = NuclearNorm(), Space((3, 4), torch.float64)
    operator = FromFunction(lambda x: f.prox(x, 1.0), space, space)
    x, v = draw((2, 3, 4)), draw((2, 3, 4), seed=1)
    torch.testing.assert_close(operator.jvp(x, v), differences(f, x, v, 1.0), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("wanted", ["matrix", "tau", "radius"])
def test_second_derivatives_of_the_prox_are_refused_by_every_call_of_autograd(wanted, draw) -> None:
    x, tau = draw((1, 3, 4)).requires_grad_(), torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    projected = SpectralBall(tau).prox(x, 1.0) if wanted == "radius" else NuclearNorm().prox(x, tau)
    (first,) = torch.autograd.grad(projected.square().sum(), x, create_graph=True)
    with pytest.raises(ConfigError, match=r"expected first derivatives only\. Use a smooth norm"):
        torch.autograd.grad(first.sum(), x if wanted == "matrix" else tau, retain_graph=True)
    with pytest.raises(ConfigError, match="expected first derivatives only"):
        first.sum().backward()


def test_transforms_of_functions_reach_the_prox(draw) -> None:
    f, x, v = NuclearNorm(), draw((2, 3, 4)), draw((2, 3, 4), seed=1)
    _, pull = torch.func.vjp(lambda m: f.prox(m, 1.0), x)
    torch.testing.assert_close(pull(v)[0], differences(f, x, v, 1.0), rtol=1e-7, atol=1e-8)  # it is symmetric
    mapped = torch.func.vmap(lambda m: f.prox(m[None], 1.0)[0])(x)
    torch.testing.assert_close(mapped, f.prox(x, 1.0), rtol=0, atol=1e-13)
    with pytest.raises(ConfigError, match="expected first derivatives only"):
        torch.func.grad(lambda m: torch.func.grad(lambda q: f.prox(q, 1.0).square().sum())(m).sum())(x)


def test_the_prox_at_a_matrix_without_rank_has_the_derivative_of_differences(draw) -> None:
    """Singular values that are exactly zero: the skew part between them does not move, as inside the ball."""
    ball, v = SpectralBall(1.5), draw((1, 4, 4), seed=2)
    x = torch.diag(torch.tensor([3.0, 1.0, 0.0, 0.0], dtype=torch.float64))[None].requires_grad_()
    assert (torch.linalg.svdvals(x) == 0).sum() == 2
    (pulled,) = torch.autograd.grad(ball.prox(x, 1.0), x, v)
    torch.testing.assert_close(pulled, differences(ball, x.detach(), v, 1.0), rtol=1e-7, atol=1e-8)
