from __future__ import annotations

import dataclasses
import math
from itertools import pairwise

import pytest
import torch

from invkit.errors import ConfigError
from invkit.functionals import least_squares, total_variation
from invkit.operators import Dense, Fourier
from invkit.operators.sampling import variable_density
from invkit.solvers import PDHG, AdaptivePDHG, solve


def mri(weight: float = 3e-3):
    n = 24
    generator = torch.Generator().manual_seed(0)
    pattern = variable_density((n, n), 0.3, generator=generator).double()
    operator = Fourier((n, n), pattern, dtype=torch.complex128)
    x = torch.zeros(1, 1, n, n, dtype=torch.complex128)
    x[..., 5:18, 7:15] = 1.0
    x[..., 9:12, 9:20] = 0.4
    y = operator(x) + 0.01 * pattern * torch.randn(x.shape, dtype=x.dtype, generator=generator)
    return least_squares(operator, y) + weight * total_variation(operator.domain)


def dense(draw):
    operator = Dense(draw((60, 64)), (1, 8, 8))
    x = torch.zeros(1, 1, 8, 8, dtype=torch.float64)
    x[..., 2:6, 3:7] = 1.0
    return least_squares(operator, operator(x) + 0.1 * draw((1, 60), seed=1)) + 0.5 * total_variation(operator.domain)


def steps_of(objective, solver) -> int:
    solution = solve(objective, solver, rtol=1e-3, max_steps=4000, check_every=10)
    return int(solution.require_converged().steps[0])


def test_it_takes_not_many_more_steps_than_the_best_fixed_balance_of_each_problem(draw) -> None:
    best_of_each = set()
    for objective in (mri(), mri(1e-4), dense(draw)):
        fixed = {}
        for balance in (0.003, 0.01, 0.03, 0.1, 0.3, 1.0):
            solution = solve(objective, PDHG(balance=balance), rtol=1e-3, max_steps=4000, check_every=10)
            fixed[balance] = int(solution.steps[0])
        best = min(fixed, key=lambda balance: fixed[balance])
        best_of_each.add(best)
        assert max(fixed.values()) > 2.5 * fixed[best]  # there is something to lose
        for start in (0.01, 0.1, 1.0):
            assert steps_of(objective, AdaptivePDHG(balance=start)) <= 2 * fixed[best] + 30
    assert len(best_of_each) > 1


def test_the_steps_keep_their_condition_and_settle() -> None:
    problem = AdaptivePDHG().prepare(mri())
    state = AdaptivePDHG(balance=10.0).init(problem, None)
    taus = []
    for _ in range(3000):
        state = AdaptivePDHG().step(problem, state)
        norms = [operator.norm().upper for _, operator in problem.blocks]
        product = state.tau * sum(s * n**2 for s, n in zip(state.sigma, norms, strict=True))
        assert bool(((product > 0.99) & (product < 1)).all())
        taus.append(float(state.tau))
    assert max(taus) > 2 * min(taus)
    assert len(set(taus[:100])) > 4
    assert len(set(taus)) < 20  # changes at 15, 22, 33, ... only


def test_an_image_of_another_size_has_the_same_iterates_in_its_own_unit(draw) -> None:
    """x -> c x with y -> c y and weight -> c weight: the balance of each image does not see c."""
    operator = Dense(draw((10, 12)), (1, 3, 4))
    found = []
    for c in (1.0, 2.0**14):
        objective = least_squares(operator, c * draw((2, 10), seed=1)) + (0.4 * c) * total_variation(operator.domain)
        found.append(solve(objective, AdaptivePDHG(), rtol=0.0, max_steps=60).x / c)
    torch.testing.assert_close(*found, rtol=1e-9, atol=1e-9)


def test_images_that_differ_in_scale_have_steps_of_their_own(draw) -> None:
    operator = Dense(draw((10, 12)), (1, 3, 4))
    y = torch.cat([draw((1, 10), seed=1), 1000 * draw((1, 10), seed=2)])
    objective = least_squares(operator, y) + 0.4 * total_variation(operator.domain)
    state = solve(objective, AdaptivePDHG(), rtol=0.0, max_steps=60).state
    assert float(state.tau[1] / state.tau[0]) > 2 or float(state.tau[0] / state.tau[1]) > 2


def test_what_does_not_move_leaves_the_steps_as_they_are(draw) -> None:
    operator = Dense(draw((10, 12)), (1, 3, 4))
    objective = least_squares(operator, torch.zeros(1, 10, dtype=torch.float64)) + 0.4 * total_variation(
        operator.domain
    )
    solution = solve(objective, AdaptivePDHG(), rtol=1e-6, max_steps=100)
    assert solution.converged
    assert not solution.x.any()


def test_gradients_reach_the_data_through_the_steps(draw) -> None:
    operator = Dense(draw((10, 12)), (1, 3, 4))
    y = draw((1, 10), seed=1).requires_grad_()
    objective = least_squares(operator, y) + 0.4 * total_variation(operator.domain)
    x = solve(objective, AdaptivePDHG(), rtol=0.0, max_steps=40).x
    (gradient,) = torch.autograd.grad(x.sum(), y)
    assert bool(torch.isfinite(gradient).all())
    assert bool(gradient.any())


@pytest.mark.parametrize("balance", [0.0, -1.0, math.inf, math.nan])
def test_a_balance_that_is_not_positive_is_refused(balance) -> None:
    with pytest.raises(ConfigError, match=f"AdaptivePDHG: balance is {balance}, expected a positive number"):
        AdaptivePDHG(balance=balance)


def test_later_updates_move_the_steps_less_so_that_all_changes_together_are_finite(draw) -> None:
    solver, objective = AdaptivePDHG(), dense(draw)
    problem = solver.prepare(objective)
    state = solver.init(problem, None)
    while state.num_updates < 1:
        state = solver.step(problem, state)
    for _ in range(3):
        state = solver.step(problem, state)

    def change(num_updates: int) -> float:
        """Of log tau, by the same measurement, if it is made at that update."""
        due = dataclasses.replace(state, next_update=state.num_steps, num_updates=num_updates)
        return abs(math.log(float(solver.step(problem, due).tau) / float(due.tau)))

    changes = [change(k) for k in range(0, 200, 10)]
    assert changes[0] > 1e-3
    assert all(later < 0.6 * earlier for earlier, later in pairwise(changes))  # a geometric series
