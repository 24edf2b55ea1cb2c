from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import special

from invkit.errors import DataError, ShapeError
from invkit.functionals import huber_fit, kullback_leibler, l1_fit, least_squares, weighted_least_squares
from invkit.operators import Dense, Fourier


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_value_gradient_and_hessian_are_those_of_the_matrix(dtype, draw) -> None:
    m, x, y = draw((5, 3), dtype), draw((2, 3), dtype, 1), draw((2, 5), dtype, 2)
    f = least_squares(Dense(m), y)
    residual = x.numpy() @ m.numpy().T - y.numpy()
    np.testing.assert_allclose(f.value(x).numpy(), 0.5 * (np.abs(residual) ** 2).sum(1))
    np.testing.assert_allclose(f.gradient(x).numpy(), residual @ m.numpy().conj())
    np.testing.assert_allclose(f.hessian_vector(x, x).numpy(), x.numpy() @ m.numpy().T @ m.numpy().conj())


def test_gradients_reach_the_measurement_and_the_sampling_pattern(draw) -> None:
    y, x = draw((1, 1, 2, 3), torch.complex128).requires_grad_(), draw((1, 1, 2, 3), torch.complex128, 1)
    pattern = torch.rand(2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda y, p: least_squares(Fourier((2, 3), p, dtype=torch.complex128), y).gradient(x), (y, pattern)
    )


def test_a_conjugate_view_is_a_measurement_like_any_other(draw) -> None:
    y = draw((1, 1, 2, 3), torch.complex128).conj()
    op = Fourier((2, 3), dtype=torch.complex128)
    zero = torch.zeros(1, 1, 2, 3, dtype=torch.complex128)
    assert least_squares(op, y).value(zero).item() == pytest.approx(0.5 * np.abs(y.resolve_conj().numpy() ** 2).sum())


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_measurements_that_are_not_finite_are_counted_and_refused(bad: float) -> None:
    y = torch.zeros(3, 2)
    y[1, 0] = bad
    with pytest.raises(DataError, match=r"1 values that are NaN or inf \(first in image 1\), expected 0"):
        least_squares(Dense(torch.eye(2)), y)
    with pytest.raises(DataError, match="NaN or inf"):
        least_squares(Fourier((2,)), torch.full((1, 1, 2), complex(0, bad)))


def test_measurements_of_another_space_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"least_squares: measurement: tensor has shape \(1, 3\)"):
        least_squares(Dense(torch.eye(2)), torch.zeros(1, 3))
    with pytest.raises(ShapeError, match=r"least_squares: measurement: dtype is torch.float64"):
        least_squares(Dense(torch.eye(2)), torch.zeros(1, 2, dtype=torch.float64))


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_every_fit_has_the_value_that_numpy_gives_the_residual(dtype, draw) -> None:
    m, x, y = draw((5, 3), dtype), draw((2, 3), dtype, 1), draw((2, 5), dtype, 2)
    weights = draw((1, 5), torch.float64, 3).clamp_min(0)
    size = np.abs(x.numpy() @ m.numpy().T - y.numpy())
    op = Dense(m)
    huber = np.where(size <= 0.9, size**2 / 2, 0.9 * (size - 0.45))
    for fit, want in (
        (l1_fit(op, y), size),
        (weighted_least_squares(op, y, weights), 0.5 * weights.numpy() * size**2),
        (huber_fit(op, y, 0.9), huber),
    ):
        np.testing.assert_allclose(fit.value(x).numpy(), want.sum(1), rtol=1e-12)
    sampled = weighted_least_squares(op, y, weights > 0)  # a mask is as good as weights
    np.testing.assert_allclose(sampled.value(x).numpy(), 0.5 * (size**2 * (weights > 0).numpy()).sum(1), rtol=1e-12)


def test_the_poisson_fit_is_scipys_divergence_and_infinite_for_negative_projections(draw) -> None:
    m, x, y = (
        draw((5, 3)).abs(),
        draw((2, 3), seed=1).abs(),
        torch.tensor([[0.0, 2, 1, 0, 7], [3, 0, 0, 1, 4]]).double(),
    )
    fit = kullback_leibler(Dense(m), y, 0.2)
    z = x.numpy() @ m.numpy().T + 0.2
    np.testing.assert_allclose(fit.value(x).numpy(), special.kl_div(y.numpy(), z).sum(1), rtol=1e-12)
    np.testing.assert_allclose(fit.gradient(x).numpy(), (1 - y.numpy() / z) @ m.numpy(), rtol=1e-12)
    assert (fit.value(-10 * x) == torch.inf).all()


def test_fits_to_data_that_do_not_fit_are_refused() -> None:
    op, y = Dense(torch.eye(2)), torch.ones(3, 2)
    for fit in (l1_fit, kullback_leibler, lambda o, y: huber_fit(o, y, 1.0)):
        with pytest.raises(ShapeError, match=r": measurement: tensor has shape \(3, 1\)"):
            fit(op, y[:, :1])
        with pytest.raises(DataError, match="NaN or inf"):
            fit(op, y * torch.nan)
    with pytest.raises(ShapeError, match=r"weights have shape \(3,\), expected one that broadcasts to \(3, 2\)"):
        weighted_least_squares(op, y, torch.ones(3))
    with pytest.raises(DataError, match="1 of 2 weights are negative"):
        weighted_least_squares(op, y, torch.tensor([1.0, -1.0]))
