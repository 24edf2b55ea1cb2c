"""The fits beyond least squares through the solvers, against cvxpy and dense linear algebra."""

from __future__ import annotations

import cvxpy as cp
import numpy as np
import pytest
import torch

from invkit import solve
from invkit.errors import ShapeError
from invkit.functionals import (
    SquaredL2,
    huber_fit,
    kullback_leibler,
    l1_fit,
    nonnegativity,
    smooth_kullback_leibler,
    translate,
    weighted_least_squares,
)
from invkit.operators import Dense
from invkit.solvers import FISTA, PDHG, ConjugateGradient
from invkit.solvers.problems import batch_of

G = torch.Generator().manual_seed(4)
M = torch.rand(9, 4, dtype=torch.float64, generator=G)
Y = torch.tensor([[3.0, 0, 1, 5, 2, 0, 7, 1, 30], [1.0, 1, 0, 0, 4, 2, 2, 0, 9]], dtype=torch.float64)
W = torch.tensor([1.0, 0.0, 0.3, 2.0, 1.0, 0.5, 0.0, 1.0, 0.1], dtype=torch.float64)
OP = Dense(M)


def minima(cost) -> np.ndarray:
    """cvxpy's minimum for each of the two measurements; x >= 0 where the cost wants it."""
    found = []
    for y in Y.numpy():
        x = cp.Variable(4)
        problem = cp.Problem(cp.Minimize(cost(x, y)), [x >= 0])
        problem.solve(solver=cp.CLARABEL)
        found.append(problem.value)
    return np.array(found)


def check(objective, want: np.ndarray, solver) -> None:
    solution = solve(objective, solver, rtol=1e-9, max_steps=60_000)
    got = objective.value(solution.x.clamp_min(0)).numpy()
    assert (np.abs(got - want) <= 1e-6 * (1 + np.abs(want))).all(), (got, want)


@pytest.mark.parametrize("reverse", [False, True])
def test_pdhg_fits_counts_as_cvxpy_does(reverse: bool) -> None:
    terms = (kullback_leibler(OP, Y, 0.2), nonnegativity())
    objective = terms[1] + terms[0] if reverse else terms[0] + terms[1]
    check(objective, minima(lambda x, y: cp.sum(cp.kl_div(y, M.numpy() @ x + 0.2))), PDHG())


def test_fista_fits_counts_as_cvxpy_does_where_the_divergence_is_smooth() -> None:
    objective = smooth_kullback_leibler(OP, Y, 3.0) + nonnegativity()
    want = minima(lambda x, y: cp.sum(cp.kl_div(y, M.numpy() @ x + 3.0)))
    check(objective, want, FISTA())
    check(objective, want, PDHG())


@pytest.mark.parametrize("reverse", [False, True])
def test_pdhg_fits_outliers_as_cvxpy_does(reverse: bool) -> None:
    terms = (2.0 * l1_fit(OP, Y), nonnegativity())
    objective = terms[1] + terms[0] if reverse else terms[0] + terms[1]
    check(objective, minima(lambda x, y: 2.0 * cp.norm1(M.numpy() @ x - y)), PDHG())


def test_huber_fits_are_cvxpys() -> None:
    objective = huber_fit(OP, Y, 0.7) + nonnegativity()
    want = minima(lambda x, y: 0.5 * cp.sum(cp.huber(M.numpy() @ x - y, 0.7)))
    check(objective, want, FISTA())
    check(objective, want, PDHG())


def test_weighted_squares_are_the_normal_equations_of_each_solver() -> None:
    objective = 0.7 * weighted_least_squares(OP, Y, W) + 0.05 * SquaredL2()
    m, w = M.numpy(), np.diag(W.numpy())
    want = np.linalg.solve(0.7 * m.T @ w @ m + 0.05 * np.eye(4), 0.7 * m.T @ w @ Y.numpy().T).T
    for solver in (ConjugateGradient(), FISTA(), PDHG()):
        x = solve(objective, solver, rtol=1e-10, max_steps=50_000).x
        np.testing.assert_allclose(x.numpy(), want, rtol=1e-5, atol=1e-6)
    unweighted = np.linalg.solve(0.7 * m.T @ m + 0.05 * np.eye(4), 0.7 * m.T @ Y.numpy().T).T
    assert not np.allclose(x.numpy(), unweighted, rtol=1e-3)


def test_the_batch_is_that_of_the_data_behind_every_fit() -> None:
    fits = (
        kullback_leibler(OP, Y),
        smooth_kullback_leibler(OP, Y, 1.0),
        l1_fit(OP, Y),
        huber_fit(OP, Y, 1.0),
        weighted_least_squares(OP, Y, W),
    )
    for fit in fits:
        assert batch_of(0.3 * fit + nonnegativity()) == 2
        with pytest.raises(ShapeError, match="x0 has 3 images, expected 2"):
            FISTA().prepare(huber_fit(OP, Y, 1.0)).start(torch.zeros(3, 4, dtype=torch.float64), "test")
    assert batch_of(translate(nonnegativity(), Y)) == 2
