"""The linearised Bregman iteration against cvxpy: the minimiser of J + (mu/2) |x|^2 subject to A*A x = A*y."""

from __future__ import annotations

import cvxpy as cp
import pytest
import torch
from rule_applications import apply, failing, noise

from invkit.claims import ASSUMED, CERTIFIED
from invkit.functionals import L1, Box, least_squares
from invkit.guarantees.theorems.gradient.linearised_bregman import LINEARISED_BREGMAN
from invkit.operators import Dense
from invkit.solvers import LinearisedBregman, solve

WIDE = Dense(noise(3, 6))
FLAT = Dense(noise(6, 2, seed=1) @ noise(2, 5, seed=2))


@pytest.mark.parametrize("operator", [WIDE, FLAT], ids=["consistent", "inconsistent"])
@pytest.mark.parametrize("relative_step", [1.0, 1.9])
@pytest.mark.parametrize("from_zero", [True, False])
def test_the_limit_is_that_of_the_constrained_problem(operator: Dense, relative_step: float, from_zero: bool) -> None:
    mu, weight, y = 0.6, 1.5, noise(1, operator.codomain.size, seed=3)
    solver = LinearisedBregman(quadratic_weight=mu, step_size=relative_step * mu / operator.norm().upper ** 2)
    objective = 0.2 * least_squares(operator, y) + weight * L1()
    node = apply(LINEARISED_BREGMAN, objective, solver)
    assert node.holds
    assert node.basis is CERTIFIED
    x = cp.Variable(operator.domain.size)
    a = operator.matrix.numpy()
    fitted = a @ torch.linalg.lstsq(operator.matrix, y[0], driver="gelsd").solution.numpy()
    rank = torch.linalg.svd(operator.matrix).U[:, : int(torch.linalg.matrix_rank(operator.matrix))].numpy()
    problem = cp.Problem(
        cp.Minimize(weight * cp.norm1(x) + mu / 2 * cp.sum_squares(x)), [rank.T @ (a @ x - fitted) == 0]
    )
    problem.solve(solver=cp.CLARABEL)
    start = None if from_zero else noise(1, operator.domain.size, seed=4)
    found = solve(objective, solver, start, rtol=1e-12, max_steps=60_000, check_every=500).x
    assert torch.allclose(found[0], torch.from_numpy(x.value), atol=1e-4)


def test_a_step_beyond_the_limit_and_a_constraint_are_told_apart() -> None:
    y = noise(1, 3, seed=3)
    limit = 2 * 0.6 / WIDE.norm().upper ** 2
    objective = least_squares(WIDE, y) + L1()
    assert apply(LINEARISED_BREGMAN, objective, LinearisedBregman(0.6, step_size=limit * (1 - 1e-9))).holds
    (premise,) = failing(apply(LINEARISED_BREGMAN, objective, LinearisedBregman(0.6, step_size=limit * (1 + 1e-6))))
    assert premise.value > premise.bound
    assert apply(LINEARISED_BREGMAN, least_squares(WIDE, y) + Box(0.0), LinearisedBregman()).basis is ASSUMED
    assert apply(LINEARISED_BREGMAN, least_squares(WIDE, y), LinearisedBregman()).basis is CERTIFIED
