from __future__ import annotations

from dataclasses import dataclass

import cvxpy as cp
import numpy as np
import pytest
import torch
from convex_problems import PROBLEMS, with_tags
from scipy import optimize

from invkit.errors import ConfigError
from invkit.functionals import L1, SquaredL2, least_squares
from invkit.functionals.base import Differentiable, sum_per_image
from invkit.functionals.data_fidelity import huber_fit, kullback_leibler
from invkit.functionals.hessian_at import hessian_at
from invkit.functionals.huber import Huber
from invkit.functionals.smoothed_norm import SmoothedNorm
from invkit.operators import Dense, FiniteDifference
from invkit.solvers import NewtonCG, PrimalDualNewton, RestartedFISTA, Status, solve
from invkit.solvers.newton.forcing import LARGEST, next_forcing

GRID = (1, 5, 4)


@pytest.mark.parametrize("name", with_tags("smooth"))
@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("preconditioner", [None, "jacobi"])
def test_it_reaches_the_minimum_of_cvxpy(name, order, preconditioner) -> None:
    problem = PROBLEMS[name]
    objective = problem.objective(order)
    found = solve(objective, NewtonCG(preconditioner), rtol=1e-11, check_every=1).require_converged()
    value, minimum = objective.value(found.x).numpy(), problem.minimum()
    assert (value <= minimum + 1e-6 * (1 + abs(minimum))).all()
    np.testing.assert_allclose(found.x, problem.minimiser(), atol=1e-6)


@dataclass(frozen=True, eq=False, repr=False)
class Logistic(Differentiable):
    """sum log(1 + exp(-b x)), whose curvature changes from point to point."""

    signs: torch.Tensor

    def _value(self, x):
        return sum_per_image(torch.nn.functional.softplus(-self.signs * x))

    def _gradient(self, x):
        return -self.signs * torch.sigmoid(-self.signs * x)

    def _hessian_vector(self, x, v):
        s = torch.sigmoid(self.signs * x)
        return s * (1 - s) * v

    def smoothness(self):
        return None


def logistic(draw, batch: int = 2):
    m, signs = 3 * draw((14, 6)), draw((3, 14), seed=1).sign()[:batch]
    return m, signs, Logistic(signs) @ Dense(m) + 0.05 * SquaredL2()


def test_logistic_regression_is_that_of_scipy(draw) -> None:
    m, signs, objective = logistic(draw)
    found = solve(objective, NewtonCG(), torch.zeros(2, 6, dtype=torch.float64), rtol=1e-12, check_every=1)
    for x, sign in zip(found.require_converged().x.numpy(), signs.numpy(), strict=True):
        a = m.numpy() * sign[:, None]
        want = optimize.minimize(
            lambda u, a=a: np.logaddexp(0, -a @ u).sum() + 0.025 * u @ u,
            np.zeros(6),
            jac=lambda u, a=a: -a.T @ (1 / (1 + np.exp(a @ u))) + 0.05 * u,
            method="L-BFGS-B",
            options={"ftol": 1e-16, "gtol": 1e-11},
        )
        np.testing.assert_allclose(x, want.x, atol=1e-6)


@pytest.mark.parametrize("order", [0, 1])
def test_counts_with_a_background_are_those_of_cvxpy(order, draw) -> None:
    """The curvature y / z^2 changes by orders of magnitude between the start at zero and the minimiser."""
    m = draw((12, 6)).abs()
    y = torch.poisson(8 * draw((2, 6), seed=1).abs() @ m.mT, generator=torch.Generator().manual_seed(0))
    terms = [1.4 * kullback_leibler(Dense(m), y, 0.5), 0.1 * SquaredL2()]
    objective = terms[order] + terms[1 - order]
    found = solve(objective, NewtonCG(), rtol=1e-10, check_every=1).require_converged()
    for x, row in zip(found.x.numpy(), y.numpy(), strict=True):
        u = cp.Variable(6)
        z, counted = m.numpy() @ u + 0.5, row > 0
        fit = cp.sum(z) - cp.sum(cp.multiply(row[counted], cp.log(z[counted])))
        model = cp.Problem(cp.Minimize(1.4 * fit + 0.05 * cp.sum_squares(u)), [z >= 0])
        model.solve(solver=cp.CLARABEL, tol_gap_abs=1e-10, tol_gap_rel=1e-10, tol_feas=1e-10)
        np.testing.assert_allclose(x, u.value, atol=3e-4)  # a gap of 1e-8 and a curvature of 0.1 at least
        best = model.value
        u.value = x
        assert model.objective.value <= best + 1e-9 * abs(best)


def smoothed_tv(draw, dtype=torch.float64, batch=2):
    m, y = draw((14, 20), dtype), 2 * draw((3, 14), dtype, 1)[:batch]
    op = Dense(m, GRID)
    d = FiniteDifference(GRID[1:], 1, dtype=dtype)
    return [0.8 * least_squares(op, y), 0.6 * (SmoothedNorm(0.05, (1,)) @ d), 0.01 * SquaredL2()]


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_smoothed_total_variation_has_no_gradient_at_the_answer_by_autograd(dtype, draw) -> None:
    terms = smoothed_tv(draw, dtype)
    for order in (1, -1):
        a, b, c = terms[::order]
        objective = a + b + c
        x = solve(objective, NewtonCG(), rtol=1e-10, max_steps=200, check_every=1).require_converged().x
        x = x.clone().requires_grad_()
        value = objective.value(x).sum()
        (gradient,) = torch.autograd.grad(value, x)
        assert float(gradient.abs().max()) < 1e-8


def test_convergence_is_superlinear_in_the_end(draw) -> None:
    _, _, objective = logistic(draw, 1)
    solution = solve(
        objective, NewtonCG(), torch.zeros(1, 6, dtype=torch.float64), rtol=1e-13, check_every=1, max_steps=40
    )
    residuals = solution.history.optimality[:, 0].numpy()
    factors = residuals[1:] / residuals[:-1]
    assert factors[-1] < 1e-2
    assert len(residuals) < 15


def test_values_never_rise_even_where_a_full_step_would(draw) -> None:
    """Newton's full step on sqrt(1 + x^2)-like curves overshoots from afar: logistic regression started at 30."""
    _, _, objective = logistic(draw)
    values: list[torch.Tensor] = []
    start = torch.full((2, 6), 30.0, dtype=torch.float64)
    found = solve(
        objective,
        NewtonCG(),
        start,
        rtol=1e-10,
        check_every=1,
        max_steps=100,
        callback=lambda step, state: values.append(state.value),
    )
    assert found.converged
    table = torch.stack(values)
    assert (table[1:] <= table[:-1] * (1 + 1e-14) + 1e-14).all()
    zero = solve(objective, NewtonCG(), torch.zeros_like(start), rtol=1e-12, check_every=1)
    torch.testing.assert_close(found.x, zero.x, rtol=1e-6, atol=1e-7)


@dataclass(frozen=True, eq=False, repr=False)
class DoubleWell(Differentiable):
    """sum (x^2 - 1)^2 / 4, not convex between its minima."""

    def _value(self, x):
        return sum_per_image((x * x - 1) ** 2) / 4

    def _gradient(self, x):
        return x * (x * x - 1)

    def _hessian_vector(self, x, v):
        return (3 * x * x - 1) * v

    def smoothness(self):
        return None


def test_negative_curvature_leads_down_to_a_minimum_and_not_to_the_maximum() -> None:
    start = torch.tensor([[0.1, -0.2], [0.5, 1.7]], dtype=torch.float64)
    found = solve(DoubleWell(), NewtonCG(), start, rtol=1e-10, atol=1e-12, check_every=1, max_steps=100)
    torch.testing.assert_close(found.require_converged().x, start.sign())


@pytest.mark.parametrize("solver", [NewtonCG(), PrimalDualNewton()], ids=["newton", "primal-dual"])
def test_a_start_where_nothing_is_curved_is_left_in_a_few_steps(solver, draw) -> None:
    """Far from the data a Huber fit is linear: only the 1e-6 |x|^2 is curved, and full steps are 1e6 times too long."""
    m, truth = draw((20, 6)), draw((2, 6), seed=1)
    y = truth @ m.mT
    y[:, 3] += 50
    objective = huber_fit(Dense(m), y, 0.1) + 1e-6 * SquaredL2()
    found = solve(objective, solver, rtol=1e-10, check_every=1, max_steps=40).require_converged()
    assert float((found.x - truth).abs().max()) < 0.05  # one outlier pulls by delta, not by its size
    slow = solve(objective, RestartedFISTA(), rtol=1e-9, max_steps=20_000).require_converged()
    torch.testing.assert_close(found.x, slow.x, rtol=1e-6, atol=1e-6)


def test_an_image_alone_gets_what_it_gets_in_a_batch(draw) -> None:
    objective = sum(smoothed_tv(draw)[1:], smoothed_tv(draw)[0])
    together = solve(objective, NewtonCG(), rtol=1e-6, check_every=1, max_steps=200)
    for i in range(2):
        m, y = draw((14, 20)), 2 * draw((3, 14), seed=1)[i : i + 1]
        terms = [0.8 * least_squares(Dense(m, GRID), y), *smoothed_tv(draw)[1:]]
        alone = solve(sum(terms[1:], terms[0]), NewtonCG(), rtol=1e-6, check_every=1, max_steps=200)
        torch.testing.assert_close(together.x[i : i + 1], alone.x, rtol=1e-9, atol=1e-9)
        assert together.steps[i] == alone.steps[0]
    empty = least_squares(Dense(draw((14, 20)), GRID), torch.zeros(0, 14, dtype=torch.float64))
    assert solve(empty, NewtonCG()).x.shape == (0, *GRID)


def test_the_calls_are_those_that_the_docstring_counts(counting, draw) -> None:
    """At the start A for the value and a pair for the gradient; a step has a pair for each inner step (A*A), A for the
    one trial, and a pair for the gradient."""
    op, y = counting(), draw((1, 1, 6), seed=1)
    solver = NewtonCG()
    problem = solver.prepare(least_squares(op, y))
    state = solver.init(problem, None)
    assert op.calls == {"forward": 2, "adjoint": 1}
    state = solver.step(problem, state)
    inner = int(state.inner_steps[0])
    assert inner >= 1
    # An inner loop looks every five steps, so that it may take products that an image no longer needs.
    products = -(-inner // 5) * 5
    assert op.calls["adjoint"] <= 1 + products + 1
    assert op.calls["forward"] <= 2 + products + 3  # the trial, the gradient, and A x for the diagonal


def test_the_hessian_at_a_point_is_that_of_every_term(draw) -> None:
    d = FiniteDifference((5, 4), 1, dtype=torch.float64)
    m, y = draw((14, 20)), draw((2, 14), seed=1)
    f = 0.3 * least_squares(Dense(m, GRID), y) + 0.7 * (Huber(0.4, (1,)) @ d) + 1.1 * SquaredL2()
    x, v = draw((2, *GRID), seed=2), draw((2, *GRID), seed=3)
    h = 1e-6
    differences = (f.gradient(x + h * v) - f.gradient(x - h * v)) / (2 * h)
    torch.testing.assert_close(hessian_at(f, x)(v), differences, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(hessian_at(f, x)(v), f.hessian_vector(x, v))


def test_single_precision_converges_to_its_rounding(draw) -> None:
    terms = smoothed_tv(draw)
    want = solve(sum(terms[1:], terms[0]), NewtonCG(), rtol=1e-9, check_every=1).require_converged().x
    single = smoothed_tv(lambda shape, dtype=None, seed=0: draw(shape, torch.float64, seed).float(), torch.float32)
    found = solve(sum(single[1:], single[0]), NewtonCG(), rtol=1e-4, check_every=1).require_converged()
    assert float((found.x - want).norm() / want.norm()) < 1e-3


def test_forcing_follows_eisenstat_and_walker() -> None:
    one = torch.tensor([1.0], dtype=torch.float64)
    assert float(next_forcing(0.1 * one, one, 0.1 * one)) == pytest.approx(0.009)
    assert float(next_forcing(0.1 * one, one, 0.5 * one)) == pytest.approx(0.9 * 0.25)  # the safeguard
    assert float(next_forcing(2 * one, one, 0.1 * one)) == LARGEST


def test_a_target_out_of_reach_ends_with_the_budget_and_not_with_a_false_claim(draw) -> None:
    _, _, objective = logistic(draw, 1)
    found = solve(objective, NewtonCG(), torch.zeros(1, 6, dtype=torch.float64), rtol=0.0, check_every=1, max_steps=30)
    assert found.status == (Status.MAX_STEPS,)
    assert float(found.optimality) < 1e-13


def test_settings_out_of_range_and_terms_without_a_gradient_are_refused() -> None:
    with pytest.raises(ConfigError, match="NewtonCG: backtracking is 1.0, expected a number in"):
        NewtonCG(backtracking=1.0)
    with pytest.raises(ConfigError, match="NewtonCG: max_inner is 0, expected a whole number >= 1"):
        NewtonCG(max_inner=0)
    with pytest.raises(ConfigError, match="NewtonCG: preconditioner is 'fft'"):
        NewtonCG("fft")
    with pytest.raises(ConfigError, match=r"NewtonCG: term L1\(\) has no gradient"):
        solve(SquaredL2() + L1(), NewtonCG(), torch.ones(1, 2))
