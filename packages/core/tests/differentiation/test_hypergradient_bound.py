"""The bound of a hypergradient's error: never below the error, against dense references, and seldom far above it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from invkit.differentiation import HypergradientBound, MixedDerivative, hypergradient, hypergradient_bound
from invkit.errors import ConfigError
from invkit.functionals import (
    L1,
    Differentiable,
    Huber,
    SmoothedNorm,
    SquaredL2,
    WeightedSquaredL2,
    least_squares,
    translate,
)
from invkit.functionals.data_fidelity import weighted_least_squares
from invkit.operators import Dense, FromFunction, Space
from invkit.solvers import NewtonCG, solve


def noise(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


A = Dense(noise(9, 6) / 3)
D = Dense(noise(6, 6, seed=1) / 3)
TARGET = noise(2, 6, seed=2)
LOSS = SquaredL2(TARGET)  # says itself that its gradient has the Lipschitz constant 1


@dataclass
class Quadratic:
    """0.5 |A x - y|_w^2 + (a/2) |D x|^2 + 0.5 |x|^2 with a, y and w learned, and its exact hypergradient, densely."""

    a: Tensor
    y: Tensor
    w: Tensor

    @property
    def theta(self) -> tuple[Tensor, ...]:
        return self.a, self.y, self.w

    def objective(self) -> Differentiable:
        return weighted_least_squares(A, self.y, self.w) + self.a * (SquaredL2() @ D) + SquaredL2()

    def solution(self) -> Tensor:
        a, d = A.matrix, D.matrix
        h = a.T @ (self.w.reshape(-1, 1) * a) + self.a * d.T @ d + torch.eye(6, dtype=torch.float64)
        rhs = (self.w * self.y).reshape(2, 9) @ a
        return torch.linalg.solve(h, rhs.T).T

    def exact(self) -> tuple[Tensor, ...]:
        x = self.solution()
        return torch.autograd.grad(0.5 * (x - TARGET).square().sum(), self.theta)


def quadratic(seed: int = 0) -> Quadratic:
    a = torch.tensor(0.3 + 0.1 * (seed % 7), dtype=torch.float64, requires_grad=True)
    y, w = noise(2, 9, seed=seed + 10).requires_grad_(), (0.5 + noise(1, 9, seed=3).square()).requires_grad_()
    return Quadratic(a, y, w)


def errors(found, exact) -> list[float]:
    return [float(torch.linalg.vector_norm(g - e)) for g, e in zip(found.gradients, exact, strict=True)]


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 10**4), st.sampled_from([0.0, 1e-9, 1e-6, 1e-3, 0.1, 3.0]), st.sampled_from([0.5, 1e-2, 1e-8]))
def test_no_error_is_larger_than_its_bound(seed: int, wrong: float, rtol: float) -> None:
    problem = quadratic(seed)
    x = (problem.solution() + wrong * noise(2, 6, seed=seed + 77)).detach()
    found = hypergradient(LOSS, problem.objective(), x, problem.theta, rtol=rtol)
    for refine in (True, False):
        bound = hypergradient_bound(found, LOSS, problem.objective(), x, problem.theta, refine=refine)
        assert bound.reasons == ("", "", "")
        for error, limit in zip(errors(found, problem.exact()), bound.bounds, strict=True):
            assert error <= limit
    apart = (x - problem.solution().detach()).norm(dim=1)
    assert bool((apart <= bound.distance).all())


@pytest.mark.parametrize("rtol", [0.3, 1e-2, 1e-5])
@pytest.mark.parametrize("wrong", [1e-6, 1e-3, 0.1])
def test_the_refined_bound_is_the_error_up_to_a_few_percent(wrong: float, rtol: float) -> None:
    for seed in range(4):
        problem = quadratic(seed)
        x = (problem.solution() + wrong * noise(2, 6, seed=seed + 77)).detach()
        found = hypergradient(LOSS, problem.objective(), x, problem.theta, rtol=rtol)
        bound = hypergradient_bound(found, LOSS, problem.objective(), x, problem.theta)
        for error, limit in zip(errors(found, problem.exact()), bound.bounds, strict=True):
            assert error <= limit <= 1.05 * error


def test_the_plain_bound_is_not_vacuous_either() -> None:
    ratios = []
    for seed in range(12):
        problem = quadratic(seed)
        x = (problem.solution() + 1e-3 * noise(2, 6, seed=seed + 77)).detach()
        found = hypergradient(LOSS, problem.objective(), x, problem.theta, rtol=1e-12)
        bound = hypergradient_bound(found, LOSS, problem.objective(), x, problem.theta, refine=False)
        ratios += [limit / e for e, limit in zip(errors(found, problem.exact()), bound.bounds, strict=True)]
    assert 1 < sorted(ratios)[len(ratios) // 2] < 100


def test_halving_a_constant_would_be_found_out() -> None:
    """The scalar case f = 0.5 (x - y)^2 meets the bound with equality, so that nothing in it can be smaller."""
    y = torch.tensor([[1.0]], dtype=torch.float64, requires_grad=True)
    f, loss = SquaredL2(y), SquaredL2(torch.tensor([[5.0]], dtype=torch.float64))
    x = torch.tensor([[1.25]], dtype=torch.float64)
    found = hypergradient(loss, f, x, (y,), rtol=1e-12)
    (limit,) = hypergradient_bound(found, loss, f, x, (y,)).bounds
    assert limit == pytest.approx(float(found.gradients[0] - (1.0 - 5.0)), rel=1e-9) == pytest.approx(0.25)


def smoothed(a: Tensor, y: Tensor) -> Differentiable:
    return least_squares(A, y) + a * (SmoothedNorm(0.8) @ D) + SquaredL2()


@pytest.mark.parametrize("wrong", [1e-8, 1e-4, 1e-2, 1.0])
def test_it_holds_for_a_smoothed_norm_whose_hessian_changes(wrong: float) -> None:
    a, y = torch.tensor(0.4, dtype=torch.float64, requires_grad=True), noise(2, 9, seed=4).requires_grad_()
    with torch.no_grad():
        exact_x = solve(smoothed(a, y), NewtonCG(), rtol=1e-14, check_every=1).x
    exact = hypergradient(LOSS, smoothed(a, y), exact_x, (a, y), rtol=1e-14).gradients
    for seed in range(3):
        x = exact_x + wrong * noise(2, 6, seed=seed + 30)
        found = hypergradient(LOSS, smoothed(a, y), x, (a, y), rtol=1e-3)
        for refine, factor in ((True, 1.01), (False, 1e4)):
            bound = hypergradient_bound(found, LOSS, smoothed(a, y), x, (a, y), refine=refine)
            for error, limit in zip(errors(found, exact), bound.bounds, strict=True):
                assert error <= limit <= factor * max(error, 1e-8)


def test_complex_images_and_a_translated_norm() -> None:
    b = Dense(noise(5, 4, dtype=torch.complex128) / 3)
    y = noise(1, 5, seed=5, dtype=torch.complex128).requires_grad_()
    c = noise(1, 4, seed=6, dtype=torch.complex128).requires_grad_()

    def objective() -> Differentiable:
        return least_squares(b, y) + 0.3 * translate(SmoothedNorm(0.7), c) + 0.5 * SquaredL2()

    loss = SquaredL2(noise(1, 4, seed=7, dtype=torch.complex128))
    with torch.no_grad():
        exact_x = solve(objective(), NewtonCG(), rtol=1e-14, check_every=1).x
    exact = hypergradient(loss, objective(), exact_x, (y, c), rtol=1e-14).gradients
    for seed in range(10):
        x = exact_x + 0.05 * noise(1, 4, seed=seed + 60, dtype=torch.complex128)
        found = hypergradient(loss, objective(), x, (y, c), rtol=1e-2)
        bound = hypergradient_bound(found, loss, objective(), x, (y, c))
        for error, limit in zip(errors(found, exact), bound.bounds, strict=True):
            assert error <= limit


def test_one_centre_and_one_weight_for_all_images_count_once_for_each() -> None:
    c, w = noise(1, 1, seed=8).requires_grad_(), torch.tensor([[0.7]], dtype=torch.float64, requires_grad=True)

    def objective() -> Differentiable:
        return least_squares(A, noise(3, 9, seed=9)) + WeightedSquaredL2(w, c) + 0.5 * SquaredL2()

    h = A.matrix.T @ A.matrix + (w + 0.5) * torch.eye(6, dtype=torch.float64)
    solution = torch.linalg.solve(h, (noise(3, 9, seed=9) @ A.matrix + w * c).T).T
    target = noise(3, 6, seed=12)
    exact = torch.autograd.grad(0.5 * (solution - target).square().sum(), (c, w))
    for seed in range(6):
        x = (solution + 0.1 * noise(3, 6, seed=seed)).detach()
        found = hypergradient(SquaredL2(target), objective(), x, (c, w), rtol=1e-10)
        bound = hypergradient_bound(found, SquaredL2(target), objective(), x, (c, w))
        for error, limit in zip(errors(found, exact), bound.bounds, strict=True):
            assert error <= limit


def reason(objective: Differentiable, theta: Tensor, loss=LOSS, **settings) -> str:
    x = noise(2, 6, seed=3)
    found = hypergradient(loss, objective, x, (theta,), max_steps=5000)
    bound: HypergradientBound = hypergradient_bound(found, loss, objective, x, (theta,), **settings)
    assert bound.bounds == (None,)
    return bound.reasons[0]


def learned(value: float = 0.5) -> Tensor:
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


def test_what_is_not_known_is_said_and_not_guessed() -> None:
    y = noise(2, 9, seed=4)
    weight = learned()
    assert "strongly convex" in reason(least_squares(A, y) + weight * (SquaredL2() @ D), weight)
    assert "Hessian" in reason(least_squares(A, y) + weight * Huber(0.3) + SquaredL2(), weight)
    gamma = learned()
    assert "give mixed" in reason(least_squares(A, y) + SmoothedNorm(gamma) + SquaredL2(), gamma)
    matrix = A.matrix.clone().requires_grad_()
    assert "give mixed" in reason(least_squares(Dense(matrix), y) + SquaredL2(), matrix)
    log_weight = learned()
    assert "computed from it" in reason(least_squares(A, y) + log_weight.exp() * SquaredL2(), log_weight)
    twice = learned()  # in a place that is known, and behind another tensor
    assert "computed from it" in reason(least_squares(A, y) + twice * SquaredL2() + twice**2 * SquaredL2(), twice)
    both = learned()  # in a place that is known, and in one that is not
    assert "give mixed" in reason(least_squares(A, y) + both * SquaredL2() + SmoothedNorm(both), both)


def test_a_loss_that_says_nothing_of_its_gradient_or_knows_theta_has_no_bound() -> None:
    weight = learned()
    f = least_squares(A, noise(2, 9, seed=4)) + weight * SquaredL2()
    assert "loss_smoothness" in reason(f, weight, lambda x: x.square().sum())
    direct = reason(f, weight, lambda x: x.square().sum() + weight**2, loss_smoothness=2.0)
    assert direct.startswith("the loss depends on it directly")


def test_given_constants_are_used() -> None:
    gamma = learned()
    f = least_squares(A, noise(2, 9, seed=4)) + SmoothedNorm(gamma) + SquaredL2()
    x = noise(2, 6, seed=3)
    found = hypergradient(LOSS, f, x, (gamma,))
    small, large = (
        hypergradient_bound(
            found, LOSS, f, x, (gamma,), mixed=(MixedDerivative(norm=n, lipschitz=1.0),), refine=False
        ).bounds[0]
        for n in (1.0, 2.0)
    )
    assert 0 < small < large < math.inf


def test_a_tensor_that_plays_no_part_has_the_bound_zero() -> None:
    f, unused = least_squares(A, noise(2, 9)) + SquaredL2(), learned()
    found = hypergradient(LOSS, f, noise(2, 6), (unused,))
    assert hypergradient_bound(found, LOSS, f, noise(2, 6), (unused,)).bounds == (0.0,)


def test_misuse_is_refused() -> None:
    weight = learned()
    f, x = least_squares(A, noise(2, 9, seed=4)) + weight * SquaredL2(), noise(2, 6, seed=3)
    found = hypergradient(LOSS, f, x, (weight,))
    with pytest.raises(ConfigError, match="as where the gradients were found"):
        hypergradient_bound(found, LOSS, f, 2 * x, (weight,))
    with pytest.raises(ConfigError, match="mixed has 2 entries, expected 1"):
        hypergradient_bound(found, LOSS, f, x, (weight,), mixed=(None, None))
    with pytest.raises(ConfigError, match="loss_smoothness is -1"):
        hypergradient_bound(found, LOSS, f, x, (weight,), loss_smoothness=-1)
    with pytest.raises(ConfigError, match="norm is nan"):
        MixedDerivative(norm=math.nan, lipschitz=0.0)
    with pytest.raises(ConfigError, match="has no gradient"):
        hypergradient_bound(found, LOSS, f + L1(), x, (weight,))


def test_an_operator_that_is_a_function_has_no_modulus_and_no_bound() -> None:
    weight, space = learned(), Space(A.domain.shape, torch.float64)
    f = weight * SquaredL2() + SquaredL2() @ FromFunction(lambda x: x.exp(), space, space)
    assert "strongly convex" in reason(f, weight)


@pytest.mark.parametrize("refine", [True, False])
@pytest.mark.parametrize("seed", range(10))
def test_a_gradient_that_is_kept_in_less_precision_than_the_images_is_bounded(seed: int, refine: bool) -> None:
    operator, y = Dense(noise(8, 6, seed=seed)), noise(1, 8, seed=seed + 100)
    weight = torch.tensor(0.3, requires_grad=True)
    f, loss = least_squares(operator, y) + weight * SquaredL2(), SquaredL2()
    assert weight.dtype is torch.float32
    hessian = operator.matrix.T @ operator.matrix + weight.detach().double() * torch.eye(6, dtype=torch.float64)
    x = torch.linalg.solve(hessian, operator.matrix.T @ y[0])
    exact = -float(x @ torch.linalg.solve(hessian, x))
    found = hypergradient(loss, f, x[None], (weight,), rtol=1e-14)
    bound = hypergradient_bound(found, loss, f, x[None], (weight,), refine=refine).bounds[0]
    assert found.gradients[0].dtype is torch.float32
    assert abs(float(found.gradients[0].double()) - exact) <= bound < 1e-4 * abs(exact)
