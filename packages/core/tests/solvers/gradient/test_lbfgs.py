from __future__ import annotations

import numpy as np
import pytest
import torch
from convex_problems import PROBLEMS, noise, with_tags
from scipy import optimize

from invkit.errors import ConfigError, DataError
from invkit.functionals import L1, Box, SquaredL2, least_squares
from invkit.operators import Dense
from invkit.solvers import Status, minimise_with_scipy


@pytest.mark.parametrize("name", [*with_tags("smooth"), "nonnegative"])
@pytest.mark.parametrize("order", [0, 1])
def test_the_optimum_is_cvxpys_in_either_order_of_the_terms(name: str, order: int) -> None:
    problem = PROBLEMS[name]
    objective = problem.objective(order)
    solution = minimise_with_scipy(objective, rtol=1e-7).require_converged()
    assert (objective.value(solution.x).numpy() <= problem.minimum() + 1e-6 * (1 + np.abs(problem.minimum()))).all()
    np.testing.assert_allclose(solution.x.numpy(), problem.minimiser(), atol=1e-6)
    wrong = minimise_with_scipy(objective + 0.05 * SquaredL2(), rtol=1e-7)
    assert not np.allclose(wrong.x.numpy(), problem.minimiser(), atol=1e-6)


def test_bounds_on_both_sides_are_kept_and_met() -> None:
    m, y = noise((7, 5)), 3 * noise((2, 7), seed=1)
    solution = minimise_with_scipy(least_squares(Dense(m), y) + Box(-0.3, 0.2), rtol=1e-7).require_converged()
    x, gradient = solution.x, (solution.x @ m.mT - y) @ m
    assert (x.min() == -0.3) & (x.max() == 0.2)
    assert (gradient[x == -0.3] >= -1e-6).all()
    assert (gradient[x == 0.2] <= 1e-6).all()
    assert (gradient[(x > -0.3) & (x < 0.2)].abs() < 1e-5).all()


@pytest.mark.parametrize("shape", [(1, 1, 5), (1, 1, 1)])
def test_bounds_may_differ_from_pixel_to_pixel(shape: tuple[int, ...]) -> None:
    m, y = noise((7, 5)), 3 * noise((2, 7), seed=1)
    low = -noise(shape, seed=2).abs() / 5
    objective = least_squares(Dense(m, (1, 1, 5)), y) + Box(low, 0.2)
    x = minimise_with_scipy(objective, rtol=1e-7).require_converged().x.reshape(2, 5)
    bounds = low.expand(1, 1, 5).flatten().numpy(), 0.2 * np.ones(5)
    expected = [optimize.lsq_linear(m.numpy(), row, bounds, tol=1e-14).x for row in y.numpy()]
    np.testing.assert_allclose(x.numpy(), np.stack(expected), atol=1e-6)


def test_an_image_is_solved_as_if_it_were_alone() -> None:
    m, y = noise((8, 6)), torch.stack([noise((8,), seed=1), 100 * noise((8,), seed=2), torch.zeros(8).double()])
    together = minimise_with_scipy(least_squares(Dense(m), y) + 0.01 * SquaredL2(), rtol=1e-6)
    assert together.converged
    assert together.steps[2] == 0
    for i in range(3):
        alone = minimise_with_scipy(least_squares(Dense(m), y[i : i + 1]) + 0.01 * SquaredL2(), rtol=1e-6)
        torch.testing.assert_close(alone.x[0], together.x[i], rtol=1e-8, atol=1e-12)


def test_the_status_is_that_of_the_residual_and_not_of_scipy() -> None:
    m, y = torch.diag(torch.logspace(0, -3, 9, dtype=torch.float64)), noise((2, 9))
    objective = least_squares(Dense(m), y)
    early = minimise_with_scipy(objective, rtol=1e-10, max_steps=3)
    assert early.status == (Status.MAX_STEPS,) * 2
    assert (early.steps <= 3).all()
    gradient = objective.gradient(early.x)
    want = gradient.norm(dim=1) / (y @ m).norm(dim=1)
    torch.testing.assert_close(early.optimality, want, rtol=1e-9, atol=0)
    unreachable = minimise_with_scipy(objective, rtol=0.0, atol=1e-300)
    assert not unreachable.converged


def test_single_precision_complex_a_start_and_an_empty_batch() -> None:
    m, y = noise((7, 5), torch.complex64), noise((2, 7), torch.complex64, seed=1)
    x0 = 5 * noise((2, 5), torch.complex64, seed=2)
    kept = x0.clone()
    solution = minimise_with_scipy(least_squares(Dense(m), y), x0, rtol=1e-5).require_converged()
    want = np.linalg.lstsq(m.numpy().astype(complex), y.numpy().astype(complex).T, rcond=None)[0].T
    assert solution.x.dtype is torch.complex64
    np.testing.assert_allclose(solution.x.numpy(), want, atol=1e-4)
    assert torch.equal(x0, kept)
    empty = minimise_with_scipy(least_squares(Dense(torch.eye(3)), torch.zeros(0, 3)))
    assert empty.x.shape == (0, 3)
    assert empty.status == ()


def test_what_it_does_not_take_is_refused() -> None:
    data = least_squares(Dense(torch.eye(2)), torch.ones(1, 2))
    with pytest.raises(ConfigError, match=r"minimise_with_scipy: term L1\(\) has no gradient"):
        minimise_with_scipy(data + L1())
    with pytest.raises(ConfigError, match="history is 0, expected a whole number >= 1"):
        minimise_with_scipy(data, history=0)
    with pytest.raises(ConfigError, match="rtol is -1"):
        minimise_with_scipy(data, rtol=-1)
    with pytest.raises(DataError, match="NaN or inf"):
        minimise_with_scipy(data, torch.full((1, 2), torch.nan))
