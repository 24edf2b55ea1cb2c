from __future__ import annotations

import numpy as np
import pytest
import torch

from invkit import solve
from invkit.errors import ConfigError, ShapeError
from invkit.functionals import (
    L1,
    Composition,
    Differentiable,
    NonlinearComposition,
    SquaredL2,
    h1,
    kullback_leibler,
    least_squares,
    terms_of,
    translate,
    weighted_least_squares,
)
from invkit.functionals.nonlinear_composition import NonlinearCompositionDifferentiable, gauss_newton_vector
from invkit.measures import gradient_error, hessian_error
from invkit.models import Variational
from invkit.operators import BeerLambert, Dense, Exp, FromFunction, LinearOperator, Softplus, Space, Square
from invkit.solvers import PDHG, GradientDescent, NewtonCG

REAL, COMPLEX = torch.float64, torch.complex128
SPACE, CSPACE = Space((1, 2, 3), REAL), Space((1, 2, 3), COMPLEX)
M = torch.rand(8, 6, dtype=REAL, generator=torch.Generator().manual_seed(5))
OP = Dense(M, (1, 2, 3))
EASY = Dense(torch.eye(6, dtype=REAL) + 0.1 * M[:6], (1, 2, 3))


def twisted(x: torch.Tensor) -> torch.Tensor:
    return x.abs() * x + x.roll(1, -1).conj() * x


def objectives() -> dict[str, Differentiable]:
    g = torch.Generator().manual_seed(6)
    y = torch.rand(2, 8, dtype=REAL, generator=g)
    complex_y = CSPACE.randn(2, generator=g)
    return {
        "beer-lambert": least_squares(BeerLambert(OP, 2.0), y),
        "transmission": kullback_leibler(BeerLambert(OP, 5.0), (5 * y).round()),
        "positive": 0.7 * least_squares(OP @ Exp(SPACE), y) + 0.1 * (SquaredL2() @ Softplus(SPACE)),
        "weighted": weighted_least_squares(OP @ Square(SPACE), y, y.round()),
        "complex": least_squares(Square(CSPACE), complex_y),
        "function": least_squares(FromFunction(twisted, CSPACE, CSPACE), complex_y),
        "translated": translate(SquaredL2() @ Square(SPACE), 0.3 * SPACE.randn(2, generator=g)),
    }  # fmt: skip


@pytest.fixture(params=objectives())
def f(request) -> Differentiable:
    return objectives()[request.param]


def image(f: Differentiable, batch: int = 2, seed: int = 0) -> torch.Tensor:
    return f.domain.randn(batch, generator=torch.Generator().manual_seed(seed))


def test_gradient_and_hessian_are_those_of_autograd(f: Differentiable) -> None:
    x, v = image(f).requires_grad_(), image(f, seed=1)
    (want,) = torch.autograd.grad(f.value(x).sum(), x, create_graph=True)
    torch.testing.assert_close(f.gradient(x), want, rtol=1e-11, atol=1e-11)
    (product,) = torch.autograd.grad(want, x, v)
    for point in (x, x.detach()):
        torch.testing.assert_close(f.hessian_vector(point, v), product, rtol=1e-11, atol=1e-11)
    with torch.no_grad():
        stated = f.hessian_vector(x, v)
        assert not stated.requires_grad
        torch.testing.assert_close(stated, product, rtol=1e-11, atol=1e-11)


def test_gradient_and_hessian_are_central_differences(f: Differentiable) -> None:
    if f.domain == CSPACE or f.value(image(f)).isfinite().all():
        x, v, h = image(f), image(f, seed=1), 1e-5
        slope = (f.value(x + h * v) - f.value(x - h * v)) / (2 * h)
        want = (f.gradient(x) * v.conj()).real.flatten(1).sum(1)
        torch.testing.assert_close(slope, want, rtol=1e-7, atol=1e-7)
        curved = (f.gradient(x + h * v) - f.gradient(x - h * v)) / (2 * h)
        torch.testing.assert_close(f.hessian_vector(x, v), curved, rtol=1e-6, atol=1e-6)


def test_everything_can_be_differentiated_again(f: Differentiable) -> None:
    x, v = image(f).requires_grad_(), image(f, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(f.gradient, (x,), fast_mode=True, atol=1e-4)
    assert torch.autograd.gradcheck(f.hessian_vector, (x, v), fast_mode=True, atol=1e-3)


def test_gradients_reach_data_and_operator() -> None:
    y = torch.rand(2, 8, dtype=REAL, generator=torch.Generator().manual_seed(6)).requires_grad_()
    flat, x = torch.full((8,), 2.0, dtype=REAL, requires_grad=True), image(objectives()["positive"])
    assert torch.autograd.gradcheck(
        lambda y, i: (
            least_squares(BeerLambert(OP, i), y).gradient(x),
            least_squares(BeerLambert(OP, i), y).hessian_vector(x, x),
        ),
        (y, flat),
    )


def test_images_do_not_meet_and_a_batch_may_be_empty() -> None:
    f = SquaredL2() @ (OP @ Exp(SPACE))
    x, v = image(f, 3), image(f, 3, 1)
    for call in (f.value, f.gradient, lambda x: f.hessian_vector(x, v[: len(x)])):
        torch.testing.assert_close(call(x)[:1], call(x[:1]), rtol=1e-13, atol=1e-13)
        assert len(call(x[:0])) == 0


def test_the_measures_pass_the_exact_hessian_and_refute_that_of_gauss_and_newton() -> None:
    f, g = objectives()["positive"], torch.Generator().manual_seed(0)
    plain = SquaredL2() @ (OP @ Softplus(SPACE))
    assert gradient_error(plain, SPACE, generator=g).passed
    assert hessian_error(plain, SPACE, generator=g).passed

    class GaussNewton(NonlinearCompositionDifferentiable):
        def _hessian_vector(self, x, v):
            return gauss_newton_vector(self, x, v)

    assert not hessian_error(GaussNewton(plain.functional, plain.operator), SPACE, generator=g).passed
    x, v = image(f, 1), image(f, 1, 1)
    jacobian = M.numpy() / (1 + np.exp(-x.numpy().ravel()))
    want = jacobian.T @ (jacobian @ v.numpy().ravel())
    np.testing.assert_allclose(gauss_newton_vector(plain, x, v).numpy().ravel(), want, rtol=1e-12)


def test_expressions_come_down_to_terms_and_linear_ones_stay_compositions() -> None:
    assert isinstance(L1() @ OP, Composition)
    whole = (2.0 * (SquaredL2() @ OP) + L1()) @ Exp(SPACE)
    first, second = terms_of(whole)
    assert isinstance(second, NonlinearComposition)
    assert not isinstance(second, Differentiable)
    assert not isinstance(whole, Differentiable)
    x = image(objectives()["positive"])
    e = np.exp(x.numpy().reshape(2, 6))
    np.testing.assert_allclose(first.value(x).numpy(), ((e @ M.numpy().T) ** 2).sum(1), rtol=1e-12)
    np.testing.assert_allclose(second.value(x).numpy(), e.sum(1), rtol=1e-12)
    nested = (L1() @ Square(SPACE)) @ Exp(SPACE)
    np.testing.assert_allclose(nested.value(x).numpy(), (e**2).sum(1), rtol=1e-12)
    assert isinstance(nested.functional, type(L1()))
    assert isinstance(OP @ OP.H, LinearOperator)


def test_nothing_is_claimed_of_convexity_or_smoothness_and_splitting_is_refused() -> None:
    f = least_squares(BeerLambert(OP), torch.ones(1, 8, dtype=REAL))
    assert f.convexity() is None
    assert f.smoothness() is None
    assert {claim.property for claim in f.claims()} == {"differentiable"}
    with pytest.raises(ConfigError, match="has no proximal map in closed form"):
        PDHG().prepare(f)
    with pytest.raises(ShapeError, match="codomain of the operator is"):
        (SquaredL2() @ OP) @ Exp(Space((1, 3, 2), REAL))


def test_attenuations_come_back_from_counts_without_noise() -> None:
    truth = 0.3 * torch.rand(2, 1, 2, 3, dtype=REAL, generator=torch.Generator().manual_seed(1))
    forward = BeerLambert(EASY, 2.0)
    y = forward.forward(truth)
    for objective in (least_squares(forward, y), kullback_leibler(forward, y)):
        solution = solve(objective, GradientDescent(step_size=0.1), rtol=1e-9, max_steps=3000)
        torch.testing.assert_close(solution.x, truth, rtol=1e-6, atol=1e-6)


def test_images_made_positive_by_exp_are_the_positive_solution() -> None:
    truth = torch.rand(1, 1, 2, 3, dtype=REAL, generator=torch.Generator().manual_seed(2)) + 0.3
    objective = least_squares(EASY @ Exp(SPACE), EASY.forward(truth)) + 0.0 * h1(SPACE)
    u = solve(objective, GradientDescent(step_size=0.2), rtol=1e-9, max_steps=3000).x
    torch.testing.assert_close(u.exp(), truth, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("fidelity", ["least-squares", "kullback-leibler"])
def test_variational_models_and_newtons_method_take_nonlinear_operators(fidelity: str) -> None:
    truth = 0.3 * torch.rand(2, 1, 2, 3, dtype=REAL, generator=torch.Generator().manual_seed(1))
    forward = BeerLambert(EASY, 2.0)
    model = Variational(h1, 1e-9, solver=NewtonCG(), data_fidelity=fidelity)
    torch.testing.assert_close(model(forward.forward(truth), forward), truth, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("opaque", [False, True])
def test_a_hessian_keeps_no_history_that_nobody_asked_for(opaque) -> None:
    learned = torch.tensor(0.7, dtype=REAL, requires_grad=True)
    x, v = torch.rand(2, 1, 2, 3, dtype=REAL), torch.rand(2, 1, 2, 3, dtype=REAL)
    y = torch.rand(2, 1, 2, 3, dtype=REAL)

    def operator(factor):
        plain = FromFunction(lambda x: (factor * x).exp(), SPACE, SPACE)
        return plain if opaque else Exp(SPACE)

    still = least_squares(operator(learned.detach()), y)
    assert not still.hessian_vector(x, v).requires_grad
    assert still.hessian_vector(x.clone().requires_grad_(), v).requires_grad
    assert still.hessian_vector(x, v.clone().requires_grad_()).requires_grad
    assert not solve(still + 3.0 * SquaredL2(), NewtonCG(), rtol=1e-6).x.requires_grad
    if opaque:
        product = least_squares(operator(learned), y).hessian_vector(x, v)
        step = 1e-6
        slope = [least_squares(operator(learned.detach() + s), y).hessian_vector(x, v).sum() for s in (step, -step)]
        (gradient,) = torch.autograd.grad(product.sum(), learned)
        assert gradient.item() == pytest.approx(float(slope[0] - slope[1]) / (2 * step), rel=1e-6)
