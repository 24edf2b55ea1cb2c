from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest
from convex_problems import PROBLEMS, noise
from theorem_runs import failing, node_of, saddle_point, speaks_of, squared

from invkit.claims import ASSUMED, CERTIFIED
from invkit.functionals import L1, least_squares
from invkit.guarantees.theorems.primal_dual.stochastic_pdhg import STOCHASTIC_PDHG_CONVERGENCE
from invkit.operators import Dense
from invkit.solvers import PDHG, StochasticPDHG

A, B, Y = Dense(noise((8, 6))), Dense(noise((3, 6), seed=2)), noise((1, 8), seed=1)
LASSO = least_squares(A, Y) + 0.3 * L1()
SEVERAL = least_squares(A, Y) + 0.5 * (L1() @ B) + 0.2 * (L1() @ A)


def test_draws_of_a_seed_are_assumed_to_be_independent() -> None:
    node = node_of(STOCHASTIC_PDHG_CONVERGENCE, SEVERAL, StochasticPDHG())
    assert node.holds
    assert node.basis is ASSUMED
    assert "almost surely" in node.statement
    (draws,) = [child for child in node.children if child.basis is ASSUMED]
    assert draws.statement == "the blocks are drawn independently and uniformly"


def test_one_block_needs_no_chance() -> None:
    assert node_of(STOCHASTIC_PDHG_CONVERGENCE, LASSO, StochasticPDHG()).basis is CERTIFIED


def test_blocks_are_drawn_about_equally_often() -> None:
    counts = Counter(StochasticPDHG(seed=7).block(3, k) for k in range(3000))
    assert all(abs(counts[i] - 1000) < 130 for i in range(3))  # five standard deviations


@pytest.mark.parametrize("balance", [0.01, 0.1, 5.0])
def test_the_steps_of_the_rule_are_those_of_the_solver_and_below_their_limit(balance) -> None:
    solver = StochasticPDHG(balance=balance)
    problem = solver.prepare(SEVERAL)
    state = solver.init(problem, None)
    assert solver.step_sizes(problem) == (state.tau, state.sigma)
    node = node_of(STOCHASTIC_PDHG_CONVERGENCE, SEVERAL, solver)
    (step,) = [child for child in node.children if child.bound is not None]
    assert step.value < step.bound == 1 / 3
    assert step.value == pytest.approx(1 / 3, rel=1e-5)


def test_steps_that_underflow_fail() -> None:
    (step,) = failing(node_of(STOCHASTIC_PDHG_CONVERGENCE, SEVERAL, StochasticPDHG(balance=1e308))).values()
    assert step.value is None or step.value > step.bound


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_approaches_the_saddle_point_it_is_said_to(seed) -> None:
    solver = StochasticPDHG(seed=seed, balance=0.5)
    objective = PROBLEMS["tv"].objective()
    problem = solver.prepare(objective)
    assert node_of(STOCHASTIC_PDHG_CONVERGENCE, objective, solver).holds
    x_star, y_star = saddle_point("tv", PDHG().prepare(objective))
    state = solver.init(problem, None)
    for _ in range(2500):
        state = solver.step(problem, state)
    assert float(squared(state.x - x_star).max()) < 1e-10
    assert float(squared(state.y[0] - y_star[0]).max()) < 1e-8


def test_with_one_block_no_step_raises_the_energy() -> None:
    """Then nothing is drawn, and the energy of PDHG whose dual is extrapolated must fall at every step."""
    solver = StochasticPDHG(balance=0.5)
    problem = solver.prepare(PROBLEMS["rof"].objective())
    x_star, y_star = saddle_point("rof", PDHG().prepare(PROBLEMS["rof"].objective()))
    state = solver.init(problem, 3 * noise((2, 1, 4, 3), seed=4))
    (_, k), s = problem.blocks[0], state.sigma[0]

    def energy(x, y, before):
        # With the dual extrapolated, the roles of x and y are exchanged against PDHG.
        cross = (k.adjoint(y - before) * (x - x_star)).flatten(1).sum(1)
        return (
            squared(x - x_star, 0.5 / state.tau)
            + squared(y - y_star[0], 0.5 / s)
            + squared(y - before, 0.5 / s)
            - cross
        )

    value = energy(state.x, state.y[0], state.y[0])
    for _ in range(200):
        before = state.y[0]
        state = solver.step(problem, state)
        now = energy(state.x, state.y[0], before)
        assert bool((now <= value * (1 + 1e-12) + 1e-9).all())
        value = now


@dataclass(frozen=True)
class Later(StochasticPDHG):
    """A subclass, which may step otherwise."""


def test_a_subclass_is_not_spoken_of() -> None:
    assert not speaks_of(STOCHASTIC_PDHG_CONVERGENCE, SEVERAL, Later())
