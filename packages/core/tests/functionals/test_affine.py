"""Data consistency against numpy's Fourier transform, and affine sets of dense matrices against normal equations."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.linalg
import torch

from invkit.errors import ConfigError, DataError, ShapeError
from invkit.functionals import AffineSet
from invkit.operators import Dense, FiniteDifference, Fourier

KINDS = {"float64": torch.float64, "complex128": torch.complex128}


def dense_case(draw, dtype=torch.float64, m: int = 3) -> tuple[Dense, torch.Tensor]:
    operator = Dense(draw((m, 8), dtype, 11), (2, 4))
    return operator, operator.forward(draw((3, 2, 4), dtype, 12))


@pytest.mark.parametrize("dtype", KINDS.values(), ids=KINDS)
def test_the_projection_solves_the_normal_equations(dtype, draw) -> None:
    operator, rhs = dense_case(draw, dtype)
    v = draw((3, 2, 4), dtype)
    indicator = AffineSet(operator, rhs)
    got = indicator.prox(v, 0.7)
    a = operator.matrix.numpy()
    for i in range(3):
        flat = v[i].numpy().ravel()
        want = flat - a.conj().T @ np.linalg.solve(a @ a.conj().T, a @ flat - rhs[i].numpy())
        np.testing.assert_allclose(got[i].numpy().ravel(), want, rtol=1e-11, atol=1e-12)
    assert (indicator.value(got) == 0).all()
    assert (indicator.value(got + 1e-6 * v) == math.inf).all()
    assert (indicator.value(v) == math.inf).all()
    torch.testing.assert_close(indicator.prox(got, 1.0), got, rtol=1e-12, atol=1e-12)
    for seed in range(20):  # v - P v is orthogonal to the set
        q = indicator.prox(draw(v.shape, dtype, 20 + seed), 1.0)
        assert ((v - got) * (q - got).conj()).sum((1, 2)).real.abs().max() < 1e-10


@pytest.mark.parametrize("pattern_values", [(0.0, 1.0), (0.0, 0.4)])
def test_sampled_frequencies_are_replaced_and_the_others_kept(pattern_values, draw) -> None:
    pattern = torch.tensor(pattern_values, dtype=torch.float64)[(draw((5, 6)) > 0).long()]
    operator = Fourier((5, 6), pattern, dtype=torch.complex128)
    truth, v = draw((2, 1, 5, 6), torch.complex128, 1), draw((2, 1, 5, 6), torch.complex128, 2)
    got = AffineSet(operator, operator.forward(truth)).prox(v, 1.0).numpy()
    spectra = [np.fft.fft2(a, norm="ortho") for a in (truth.numpy(), v.numpy())]
    want = np.fft.ifft2(np.where(pattern.numpy() > 0, *spectra), norm="ortho")
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-13)
    single = operator.to(dtype=torch.float32)
    indicator = AffineSet(single, single.forward(truth.to(torch.complex64)))
    projected = indicator.prox(v.to(torch.complex64), 1.0)
    assert projected.dtype is torch.complex64
    assert (indicator.value(projected) == 0).all()


def test_the_conjugate_is_the_closed_form_and_infinite_beside_the_range(draw) -> None:
    operator, rhs = dense_case(draw)
    conjugate = AffineSet(operator, rhs).conjugate
    multipliers = draw((3, 3), seed=5)
    z = operator.adjoint(multipliers)
    # sup Re <x, A* m> over A x = b is <b, m>.
    np.testing.assert_allclose(conjugate.value(z).numpy(), (rhs * multipliers).sum(1).numpy(), rtol=1e-10)
    assert (conjugate.value(z + 1e-3 * draw(z.shape)) == math.inf).all()
    assert (conjugate.value(torch.zeros_like(z)) == 0).all()


@pytest.mark.parametrize("dtype", KINDS.values(), ids=KINDS)
def test_moreaus_identity_joins_the_projection_to_the_prox_of_the_conjugate(dtype, draw) -> None:
    indicator, v = AffineSet(*dense_case(draw, dtype)), draw((3, 2, 4), dtype)
    for f in (indicator, 0.3 * indicator, 0.3 * indicator.conjugate):
        for tau in (0.2, torch.tensor([0.2, 1.0, 3.0], dtype=torch.float64)):
            column = tau.reshape(-1, 1, 1) if isinstance(tau, torch.Tensor) else tau
            back = f.prox(v, tau) + column * f.conjugate.prox(v / column, 1 / tau)
            torch.testing.assert_close(back, v, rtol=0, atol=1e-12)
    assert indicator.convexity() == indicator.conjugate.convexity() == 0.0


def test_gradients_reach_the_image_the_data_and_the_matrix(draw) -> None:
    operator, rhs = dense_case(draw)
    v, matrix = draw((3, 2, 4)).requires_grad_(), operator.matrix.clone().requires_grad_()

    def project(v, rhs, matrix):
        indicator = AffineSet(Dense(matrix, (2, 4)), rhs)
        return indicator.prox(v, 1.0), indicator.conjugate.prox(v, 0.3)

    assert torch.autograd.gradcheck(project, (v, rhs.requires_grad_(), matrix))


def test_a_matrix_changed_in_place_gives_its_own_projection(draw) -> None:
    operator, _ = dense_case(draw)
    v = draw((1, 2, 4))
    indicator = AffineSet(operator, torch.zeros(1, 3, dtype=torch.float64))
    before = indicator.prox(v, 1.0)
    operator.matrix.copy_(draw((3, 8), seed=33))
    fresh = AffineSet(Dense(operator.matrix.clone(), (2, 4)), indicator.rhs).prox(v, 1.0)
    torch.testing.assert_close(indicator.prox(v, 1.0), fresh, rtol=0, atol=0)
    assert (before - fresh).abs().max() > 1e-3


def test_one_measurement_serves_every_image_and_another_number_is_refused(draw) -> None:
    operator, rhs = dense_case(draw)
    indicator, v = AffineSet(operator, rhs[:1]), draw((3, 2, 4))
    got = indicator.prox(v, 1.0)
    for i in range(3):
        torch.testing.assert_close(got[i : i + 1], indicator.prox(v[i : i + 1], 1.0), rtol=1e-13, atol=1e-14)
    assert (indicator.value(got) == 0).all()
    assert indicator.prox(v[:0], 1.0).shape == (0, 2, 4)
    assert indicator.value(v[:0]).shape == indicator.conjugate.value(v[:0]).shape == (0,)
    full = AffineSet(operator, rhs[:2])
    for call in (full.value, full.conjugate.value, lambda x: full.prox(x, 1.0), lambda x: full.conjugate.prox(x, 1.0)):
        with pytest.raises(ShapeError, match="rhs has 2 images, expected 3, or 1 for all"):
            call(v)


def test_empty_sets_wrong_operators_and_bad_data_are_refused(draw) -> None:
    operator, rhs = dense_case(draw, m=3)
    tall = Dense(draw((9, 8)), (2, 4))
    with pytest.raises(DataError, match="away from rhs, expected 0: the set is empty"):
        AffineSet(tall, draw((1, 9)))
    AffineSet(tall, tall.forward(draw((1, 2, 4))))  # consistent data are fine
    with pytest.raises(ConfigError, match="operator is FiniteDifference, expected one with a pseudo-inverse"):
        AffineSet(FiniteDifference((4, 4)), torch.zeros(1, 1, 2, 4, 4))
    with pytest.raises(ShapeError, match="AffineSet: rhs"):
        AffineSet(operator, rhs[:, :2])
    with pytest.raises(DataError, match="NaN or inf"):
        AffineSet(operator, rhs * math.nan)


def conditioned(condition: float, dtype: torch.dtype, draw, rank: int = 10) -> Dense:
    """10 x 20 with singular values from 1 to 1/condition, the last ones zero if the rank is smaller."""
    u, _ = torch.linalg.qr(draw((10, 10), dtype, 1))
    v, _ = torch.linalg.qr(draw((20, 20), dtype, 2))
    sizes = torch.logspace(0, -math.log10(condition), 10, dtype=torch.float64)
    sizes[rank:] = 0
    return Dense((u * sizes) @ v[:10])


@pytest.mark.parametrize("dtype", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("rank", [10, 6])
@pytest.mark.parametrize("condition", [1e2, 1e4, 1e6, 1e9])
def test_an_ill_conditioned_set_knows_its_own_points(condition, rank, dtype, draw) -> None:
    operator = conditioned(condition, dtype, draw, rank)
    f = AffineSet(operator, operator.forward(draw((1, 20), dtype, 3)))
    v = draw((2, 20), dtype, 4)
    x, z = f.prox(v, 1.0), f.conjugate.prox(v, 1.0)
    assert torch.equal(f.value(x), torch.zeros(2, dtype=torch.float64))
    assert torch.isfinite(f.conjugate.value(z)).all()
    # the part of v - x in the kernel of A is zero: scipy's kernel, not the operator's factors
    kernel = torch.from_numpy(scipy.linalg.null_space(operator.matrix.numpy(), rcond=1e-13))
    assert float(((v - x) @ kernel.conj()).abs().max()) < 1e-11 * condition**0.5
    assert f.value(x + 1e-6 * v).isinf().all()
    assert f.conjugate.value(z + 1e-6 * kernel[:, 0]).isinf().all()
    small = f.to(dtype=torch.float32)
    assert torch.isfinite(small.value(small.prox(v.to(small.domain.dtype), 1.0))).all()


def test_data_beside_the_range_of_an_ill_conditioned_matrix_are_refused(draw) -> None:
    operator = conditioned(1e6, torch.float64, draw, rank=6)
    rhs = operator.forward(draw((1, 20), seed=3))
    with pytest.raises(DataError, match="the set is empty"):
        AffineSet(operator, rhs + 1e-9 * draw((1, 10), seed=5))


def test_gradients_reach_an_ill_conditioned_matrix(draw) -> None:
    matrix = conditioned(1e2, torch.float64, draw).matrix.requires_grad_()
    rhs, v = matrix.detach() @ draw((20,), seed=3), draw((1, 20), seed=4)
    direction = draw((10, 20), seed=6)
    (slope,) = torch.autograd.grad(AffineSet(Dense(matrix), rhs[None]).prox(v, 1.0).square().sum(), matrix)

    def total(m: torch.Tensor) -> torch.Tensor:
        return AffineSet(Dense(m), rhs[None]).prox(v, 1.0).square().sum()

    with torch.no_grad():
        want = (total(matrix + 1e-7 * direction) - total(matrix - 1e-7 * direction)) / 2e-7
    torch.testing.assert_close((slope * direction).sum(), want, rtol=1e-4, atol=1e-4)
