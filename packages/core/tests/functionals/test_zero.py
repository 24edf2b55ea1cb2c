from __future__ import annotations

import torch

from invkit.functionals import Ball, Zero


def test_zero_is_zero_with_every_derivative(draw) -> None:
    x = draw((3, 2), torch.complex64)
    assert Zero().value(x).dtype is torch.float32
    assert (Zero().value(x) == 0).all()
    assert (Zero().gradient(x) == 0).all()
    assert (Zero().hessian_vector(x, x) == 0).all()
    assert Zero().smoothness().upper == 0.0


def test_its_prox_is_a_new_tensor_and_its_conjugate_the_indicator_of_zero(draw) -> None:
    v = draw((3, 2))
    assert torch.equal(Zero().prox(v, 1.0), v)
    assert Zero().prox(v, 1.0) is not v
    conjugate = (2.0 * Zero()).conjugate
    assert isinstance(conjugate, Ball)
    assert (conjugate.prox(v, 0.1) == 0).all()
    assert conjugate.value(torch.tensor([[0.0], [1e-30]])).tolist() == [0.0, float("inf")]
