from __future__ import annotations

import pytest
import torch
from torch.autograd.gradcheck import GradcheckError

from invkit_ct_astra import RayTransform, parallel_beam_2d
from invkit_ct_astra.linear_function import apply_linear

# torch's own forward mode compiles its decompositions with it.
forward_mode = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")


def matrix(generator: torch.Generator) -> torch.Tensor:
    return torch.randn(5, 3, dtype=torch.float64, generator=generator)


def through(a: torch.Tensor):
    return lambda x: apply_linear(x, lambda v: v @ a.mT, lambda v: v @ a)


@pytest.fixture(params=["matrix", "astra"])
def operator(request) -> RayTransform:
    return parallel_beam_2d(image_shape=(5, 4), num_angles=3, implementation=request.param)


@forward_mode
def test_every_derivative_is_that_of_the_matrix(generator) -> None:
    a, x = matrix(generator), torch.randn(2, 3, dtype=torch.float64, generator=generator, requires_grad=True)
    assert torch.autograd.gradcheck(through(a), x, check_forward_ad=True, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: through(a)(x).pow(3), x)
    hessian = torch.func.hessian(lambda v: 0.5 * through(a)(v[None]).square().sum())(x[0].detach())
    torch.testing.assert_close(hessian, a.mT @ a)


def test_an_adjoint_that_is_not_one_is_caught(generator) -> None:
    a, x = matrix(generator), torch.randn(2, 3, dtype=torch.float64, generator=generator, requires_grad=True)
    with pytest.raises(GradcheckError, match="Jacobian mismatch"):
        torch.autograd.gradcheck(lambda x: apply_linear(x, lambda v: v @ a.mT, lambda v: 1.1 * v @ a), x)


@pytest.mark.parametrize("axis", [0, 3])
def test_vmap_over_any_axis_is_a_batch(axis, operator, generator) -> None:
    x = operator.domain.randn(6, generator=generator)
    mapped = torch.func.vmap(lambda v: operator.forward(v[None])[0], in_dims=axis)(x.movedim(0, axis))
    torch.testing.assert_close(mapped, operator.forward(x))
    y = operator.codomain.randn(6, generator=generator)
    mapped = torch.func.vmap(lambda v: operator.adjoint(v[None])[0], in_dims=axis)(y.movedim(0, axis))
    torch.testing.assert_close(mapped, operator.adjoint(y))


def test_vmap_finds_its_axis_behind_the_batch(generator) -> None:
    a, x = matrix(generator), torch.randn(2, 6, 3, dtype=torch.float64, generator=generator)
    torch.testing.assert_close(torch.func.vmap(through(a), in_dims=1)(x), (x @ a.mT).movedim(1, 0))


def test_vmap_within_vmap_and_over_gradients(operator, generator) -> None:
    x = operator.domain.randn(6, generator=generator)
    once = torch.func.vmap(lambda v: operator.forward(v[None])[0])
    torch.testing.assert_close(torch.func.vmap(once)(x.unflatten(0, (2, 3))).flatten(0, 1), operator.forward(x))
    slope = torch.func.grad(lambda v: 0.5 * operator.forward(v[None]).square().sum())
    torch.testing.assert_close(torch.func.vmap(slope)(x), operator.adjoint(operator.forward(x)), rtol=1e-5, atol=1e-5)


def test_an_image_that_vmap_does_not_map_is_projected_once(operator, generator) -> None:
    x = operator.domain.randn(1, generator=generator)
    mapped = torch.func.vmap(lambda c: c * operator.forward(x))(torch.tensor([1.0, 2.0]))
    torch.testing.assert_close(mapped[1], 2 * operator.forward(x))


@forward_mode
def test_the_directional_derivative_is_the_map_itself(operator, generator) -> None:
    x, v = operator.domain.randn(2, generator=generator), operator.domain.randn(2, generator=generator)
    value, tangent = torch.func.jvp(operator.forward, (x,), (v,))
    assert torch.equal(value, operator.forward(x))
    assert torch.equal(tangent, operator.forward(v))
