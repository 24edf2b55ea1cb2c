"""Differentiation through the last steps alone: how biased it is, and where it is exact."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from learned_minimisers import LEARNED, noise
from torch import Tensor

from invkit.differentiation import Implicit, JacobianFree, differentiable_solve, fixed_point
from invkit.errors import ConfigError
from invkit.functionals import SquaredL2, least_squares
from invkit.operators import Dense
from invkit.solvers import FISTA, PDHG, GradientDescent
from invkit.solvers.gradient.gradient_descent import GradientDescentState
from invkit.solvers.problems import SmoothProblem

TIGHT = {"rtol": 1e-12, "max_steps": 20_000}


def quadratic(w: Tensor, y: Tensor) -> Tensor:
    """(1/2)|x - y|^2 + (w/2)|x|^2, whose Hessian is 1 + w."""
    return least_squares(Dense(torch.eye(4, dtype=torch.float64)), y) + w * SquaredL2()


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_the_bias_is_a_power_of_the_jacobian(steps: int) -> None:
    w, y = torch.tensor(0.6, dtype=torch.float64, requires_grad=True), noise((2, 4)).requires_grad_()
    step_size = 0.3
    jacobian = 1 - step_size * 1.6
    found = differentiable_solve(quadratic(w, y), GradientDescent(step_size), how=JacobianFree(steps), **TIGHT)
    biased = torch.autograd.grad((found.x**3).sum(), (w, y))
    exact = torch.autograd.grad(((y / (1 + w)) ** 3).sum(), (w, y))
    torch.testing.assert_close(found.x, y / (1 + w), rtol=1e-10, atol=1e-10)
    for a, b in zip(biased, exact, strict=True):
        torch.testing.assert_close(a, (1 - jacobian**steps) * b, rtol=1e-8, atol=1e-10)


def test_it_is_exact_where_the_step_forgets_its_start() -> None:
    w, y = torch.tensor(0.6, dtype=torch.float64, requires_grad=True), noise((2, 4)).requires_grad_()
    found = differentiable_solve(quadratic(w, y), GradientDescent(1 / 1.6), how=JacobianFree(), rtol=1e-10)
    exact = torch.autograd.grad(((y / (1 + w)) ** 3).sum(), (w, y))
    for a, b in zip(torch.autograd.grad((found.x**3).sum(), (w, y)), exact, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


def test_it_is_exact_for_exact_newton_steps() -> None:
    # f(x) = |x|^4 / 4 + w |x|^2 / 2 - <y, x>, pixel by pixel.
    w, y = torch.tensor(0.6, dtype=torch.float64, requires_grad=True), noise((2, 4)).requires_grad_()

    def newton(x: Tensor) -> Tensor:
        return x - (x**3 + w * x - y) / (3 * x**2 + w)

    how = JacobianFree()
    x = fixed_point(newton, torch.ones_like(y), theta=(w, y), solver="picard", how=how, rtol=1e-14).x
    exact_y = 3 * x.detach() ** 2 / (3 * x.detach() ** 2 + w.detach())
    exact_w = -(exact_y * x.detach()).sum()
    by_w, by_y = torch.autograd.grad((x**3).sum(), (w, y))
    torch.testing.assert_close(by_y, exact_y, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(by_w, exact_w, rtol=1e-10, atol=1e-12)


def test_more_steps_approach_the_implicit_gradient() -> None:
    problem = LEARNED["complex"]

    def gradient(how) -> Tensor:
        tensors = problem.tensors()
        x = differentiable_solve(problem.objective(tensors), GradientDescent(), how=how, **TIGHT).x
        return torch.autograd.grad(problem.loss(x), tensors["pattern"])[0]

    exact = gradient(Implicit())
    errors = [float((gradient(JacobianFree(k)) - exact).norm() / exact.norm()) for k in (1, 10, 100)]
    assert errors[0] > 0.1
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-3


def test_memory_of_the_first_steps_is_not_kept() -> None:
    w, y = torch.tensor(0.6, dtype=torch.float64, requires_grad=True), noise((2, 4))
    saved: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t) or t, lambda t: t):
        differentiable_solve(quadratic(w, y), GradientDescent(0.01), how=JacobianFree(), **TIGHT)
    few = len(saved)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t) or t, lambda t: t):
        differentiable_solve(quadratic(w, y), GradientDescent(0.3), how=JacobianFree(), **TIGHT)
    assert len(saved) == 2 * few < 40


class KeepsItsGradient(GradientDescent):
    """Steps along the gradient that the step before computed."""

    def init(self, problem: SmoothProblem, x0: Tensor | None) -> GradientDescentState:
        state = super().init(problem, x0)
        return replace(state, gradient=problem.smooth.gradient(state.x), reference=torch.ones(len(state.x)))

    def step(self, problem: SmoothProblem, state: GradientDescentState) -> GradientDescentState:
        x = state.x - 0.3 * state.gradient
        return replace(state, x=x, gradient=problem.smooth.gradient(x))


def test_a_tensor_that_the_steps_do_not_reach_raises() -> None:
    w, y = torch.tensor(0.6, dtype=torch.float64, requires_grad=True), noise((2, 4))
    with pytest.raises(ConfigError, match=r"KeepsItsGradient keeps products.*shape \(\) is not reached"):
        differentiable_solve(quadratic(w, y), KeepsItsGradient(), how=JacobianFree(), **TIGHT)
    x = differentiable_solve(quadratic(w, y), KeepsItsGradient(), how=JacobianFree(2), **TIGHT).x
    assert float(torch.autograd.grad(x.sum(), w)[0].abs()) > 0


def test_it_runs_with_other_solvers_and_without_gradients() -> None:
    w, y = torch.tensor(0.6, dtype=torch.float64, requires_grad=True), noise((2, 4))
    for solver in (FISTA(), PDHG()):
        assert differentiable_solve(quadratic(w, y), solver, how=JacobianFree(2), rtol=1e-6).x.requires_grad
    with torch.no_grad():
        assert not differentiable_solve(quadratic(w, y), FISTA(), how=JacobianFree()).x.requires_grad
    with pytest.raises(ConfigError, match="steps is 0"):
        JacobianFree(0)
