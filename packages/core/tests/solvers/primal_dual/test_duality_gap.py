from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from convex_problems import PROBLEMS, with_tags

from invkit.errors import ConfigError
from invkit.functionals import L1, Box, least_squares, total_variation
from invkit.operators import Dense
from invkit.solvers import FISTA, PDHG, AcceleratedPDHG, AdaptivePDHG, DualityGap, Status, duality_gap, solve

STRONG = with_tags("saddle", "strongly-convex")


@pytest.mark.parametrize("name", [*STRONG, "ridge", "ridge-complex"])
@pytest.mark.parametrize("solver", [PDHG(), AcceleratedPDHG()], ids=["pdhg", "accelerated"])
def test_the_gap_is_never_smaller_than_what_is_left_above_cvxpys_minimum(name, solver) -> None:
    objective, minimum = PROBLEMS[name].objective(), PROBLEMS[name].minimum()
    problem = solver.prepare(objective)
    state = solver.init(problem, None)
    excess_seen = gap_seen = 0.0
    for _ in range(200):
        state = solver.step(problem, state)
        gap = duality_gap(problem, state).numpy()
        excess = objective.value(solver.solution(state)).numpy() - minimum
        assert (gap >= excess - 1e-7).all()
        excess_seen, gap_seen = max(excess_seen, excess.max()), max(gap_seen, gap.max())
    assert excess_seen > 1e-3  # there was something to be seen
    assert gap_seen > 1e-3


@pytest.mark.parametrize("name", STRONG)
def test_it_closes_and_says_so(name) -> None:
    objective, minimum = PROBLEMS[name].objective(), PROBLEMS[name].minimum()
    rule = DualityGap(rtol=0.0, atol=1e-8)
    solution = solve(objective, PDHG(balance=0.5), rtol=0.0, max_steps=20_000, stop_when=(rule,))
    assert solution.status == (Status.DUALITY_GAP,) * 2
    assert (objective.value(solution.x).numpy() <= minimum + 1.1e-8).all()


def test_each_image_stops_by_its_own_gap() -> None:
    problem, rule = PROBLEMS["rof"], DualityGap(rtol=1e-5)
    together = solve(problem.objective(), PDHG(), rtol=0.0, stop_when=(rule,), check_every=1)
    for i in range(2):
        alone = solve(problem.objective(images=slice(i, i + 1)), PDHG(), rtol=0.0, stop_when=(rule,), check_every=1)
        assert alone.steps[0] == together.steps[i] > 5
        assert alone.status == (Status.DUALITY_GAP,)


def test_a_bounded_set_has_a_finite_gap_that_closes(draw) -> None:
    op = Dense(draw((10, 12)), (1, 3, 4))
    objective = least_squares(op, draw((2, 10), seed=1)) + 0.4 * total_variation(op.domain) + Box(0.0, 1.0)
    solution = solve(objective, PDHG(), rtol=0.0, max_steps=50_000, check_every=50, stop_when=(DualityGap(1e-7),))
    assert solution.converged
    long = solve(objective, PDHG(), rtol=1e-12, max_steps=50_000, check_every=50).x
    np.testing.assert_allclose(objective.value(solution.x), objective.value(long), rtol=1e-6)


def test_without_a_term_of_its_own_for_the_image_the_gap_is_infinite(draw) -> None:
    op = Dense(draw((10, 12)), (1, 3, 4))
    objective = least_squares(op, draw((1, 10), seed=1)) + 0.4 * total_variation(op.domain)
    problem = PDHG().prepare(objective)
    state = PDHG().step(problem, PDHG().init(problem, None))
    assert math.isinf(float(duality_gap(problem, state)))


def test_single_precision_does_not_claim_a_gap_below_its_rounding() -> None:
    objective = PROBLEMS["rof"].objective().to(dtype=torch.float32)
    solution = solve(objective, PDHG(), rtol=0.0, max_steps=2000, stop_when=(DualityGap(rtol=1e-9),))
    assert solution.status == (Status.MAX_STEPS,) * 2
    assert solve(objective, PDHG(), rtol=0.0, max_steps=2000, stop_when=(DualityGap(rtol=1e-4),)).converged


def test_what_has_no_duals_and_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError, match="DualityGap: solver is FISTA, expected one whose state has the duals"):
        solve(PROBLEMS["lasso"].objective(), FISTA(), stop_when=(DualityGap(),))
    for settings in ({"rtol": -1.0}, {"rtol": math.nan}, {"rtol": 0.0}, {"atol": math.inf}):
        with pytest.raises(ConfigError, match=r"DualityGap: rtol is .*expected finite numbers"):
            DualityGap(**settings)


@pytest.mark.parametrize("solver", [PDHG(), AdaptivePDHG()], ids=lambda s: type(s).__name__)
def test_an_infinite_gap_never_closes(solver, draw) -> None:
    op = Dense(draw((12, 8)))
    for objective in (
        least_squares(op, draw((2, 12), seed=1)) + 0.3 * (L1() @ Dense(draw((7, 8), seed=2))),
        least_squares(op, draw((2, 12), seed=1)) + 0.3 * L1(),
    ):
        solution = solve(objective, solver, rtol=0.0, max_steps=40, check_every=1, stop_when=[DualityGap()])
        assert solution.status == (Status.MAX_STEPS, Status.MAX_STEPS)
