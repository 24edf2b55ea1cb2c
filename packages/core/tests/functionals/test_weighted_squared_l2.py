from __future__ import annotations

import numpy as np
import pytest
import torch

from invkit.errors import DataError, ShapeError
from invkit.functionals import WeightedSquaredL2
from invkit.functionals.hessian_diagonal import hessian_diagonal
from invkit.measures import conjugate_gap, convexity_gap, prox_gap, smoothness_ratio
from invkit.operators import Space

W = torch.tensor([[0.0, 0.3, 1.0], [2.5, 0.0, 0.7]], dtype=torch.float64)


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_value_gradient_and_prox_are_the_closed_forms(dtype, draw) -> None:
    c, v = draw((1, 2, 3), dtype), draw((3, 2, 3), dtype, 1)
    f = 0.7 * WeightedSquaredL2(W, c)
    w, difference = 0.7 * W.numpy(), v.numpy() - c.numpy()
    np.testing.assert_allclose(f.value(v).numpy(), 0.5 * (w * np.abs(difference) ** 2).sum((1, 2)), rtol=1e-13)
    np.testing.assert_allclose(f.gradient(v).numpy(), w * difference, rtol=1e-13)
    p = f.prox(v, 0.4).numpy()
    # Where it stops: the gradient of the objective vanishes.
    np.testing.assert_allclose(w * (p - c.numpy()) + (p - v.numpy()) / 0.4, 0, atol=1e-13)
    np.testing.assert_allclose(hessian_diagonal(f, v).numpy(), np.broadcast_to(w, (3, 2, 3)))
    assert f.smoothness().upper == pytest.approx(0.7 * 2.5)
    assert f.convexity() == 0.0


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_the_conjugate_is_finite_only_where_the_weights_see(dtype, draw) -> None:
    c, z = draw((1, 2, 3), dtype), draw((2, 2, 3), dtype, 1)
    conjugate = (0.7 * WeightedSquaredL2(W, c)).conjugate
    assert (conjugate.value(z) == torch.inf).all()
    seen = W > 0
    z = torch.where(seen, z, 0)
    zs, w, cs = z.numpy()[:, seen.numpy()], 0.7 * W[seen].numpy(), c.numpy()[:, seen.numpy()]
    want = (np.abs(zs) ** 2 / (2 * w)).sum(1) + (zs * cs.conj()).sum(1).real
    np.testing.assert_allclose(conjugate.value(z).numpy(), want, rtol=1e-13)
    torch.testing.assert_close(conjugate.conjugate.value(z), (0.7 * WeightedSquaredL2(W, c)).value(z))


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128, torch.float32])
def test_the_measures_refute_neither_prox_conjugate_nor_bounds(dtype, draw) -> None:
    space, g = Space((2, 3), dtype), torch.Generator().manual_seed(0)
    for weights in (W, W + 0.2):
        f = WeightedSquaredL2(weights, draw((1, 2, 3), torch.float64)).to(dtype=dtype.to_real())
        f = WeightedSquaredL2(f.weights, f.centre.to(dtype))
        for part in (f, 0.7 * f, (0.7 * f).conjugate):
            assert prox_gap(part, space, generator=g).passed
        assert conjugate_gap(f, space, generator=g).passed
        assert smoothness_ratio(f, space, f.smoothness().upper, generator=g).passed
        assert convexity_gap(f, space, modulus=f.convexity(), generator=g).passed
        assert not convexity_gap(f, space, modulus=f.convexity() + 3.0, generator=g).passed
        if weights is not W:
            assert convexity_gap(f.conjugate, space, modulus=f.conjugate.convexity(), generator=g).passed


def test_gradients_reach_weights_and_centre_also_at_weight_zero(draw) -> None:
    w, c, v = W.clone().requires_grad_(), draw((1, 2, 3)).requires_grad_(), draw((2, 2, 3), seed=1).requires_grad_()
    f = WeightedSquaredL2(w, c)
    value = f.prox(v, 0.3).square().sum() + f.value(v).sum() + f.conjugate.prox(v, 0.3).square().sum()
    for part in torch.autograd.grad(value, (w, c, v)):
        assert torch.isfinite(part).all()
    away = (W + 0.5).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda w, c, v: (
            WeightedSquaredL2(w, c).prox(v, 0.3),
            (0.7 * WeightedSquaredL2(w, c)).conjugate.value(v),
            (0.7 * WeightedSquaredL2(w, c)).conjugate.prox(v, 0.3),
            WeightedSquaredL2(w, c).value(v),
        ),
        (away, c, v),
    )


def test_each_image_may_have_weights_of_its_own(draw) -> None:
    w, c, v = draw((3, 2, 1)).abs(), draw((3, 2, 3), seed=1), draw((3, 2, 3), seed=2)
    f, tau = WeightedSquaredL2(w, c), torch.tensor([0.1, 1.0, 4.0], dtype=torch.float64)
    for i in range(3):
        alone = WeightedSquaredL2(w[i : i + 1], c[i : i + 1])
        torch.testing.assert_close(f.prox(v, tau)[i : i + 1], alone.prox(v[i : i + 1], float(tau[i])))
        torch.testing.assert_close(f.value(v)[i : i + 1], alone.value(v[i : i + 1]))


def test_weights_that_are_no_weights_are_refused() -> None:
    with pytest.raises(DataError, match="1 of 2 weights are negative, NaN or inf"):
        WeightedSquaredL2(torch.tensor([1.0, -0.1]))
    with pytest.raises(DataError, match="2 of 2 weights"):
        WeightedSquaredL2(torch.tensor([torch.nan, torch.inf]))
    with pytest.raises(ShapeError, match="weights have dtype torch.complex64, expected a real"):
        WeightedSquaredL2(torch.ones(2, dtype=torch.complex64))
