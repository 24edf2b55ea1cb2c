from __future__ import annotations

import pytest
import torch
from convex_problems import PROBLEMS

from invkit.errors import ConfigError
from invkit.functionals import L1, SquaredL2, least_squares
from invkit.operators import Dense
from invkit.solvers import DualityGap, StochasticPDHG, solve


def test_a_step_is_the_formula_of_the_page(draw) -> None:
    m, k, y, weight = draw((5, 4)), draw((3, 4), seed=2), draw((2, 5), seed=1), 0.6
    objective = least_squares(Dense(m), y) + weight * (L1() @ Dense(k)) + 0.2 * SquaredL2()
    solver = StochasticPDHG(seed=5)
    got = solve(objective, solver, rtol=0.0, max_steps=9)
    tau, (s1, s2) = got.state.tau, got.state.sigma
    x = torch.zeros(2, 4, dtype=torch.float64)
    u, w, s = torch.zeros(2, 5, dtype=torch.float64), torch.zeros(2, 3, dtype=torch.float64), torch.zeros_like(x)
    drawn = [solver.block(2, step) for step in range(9)]
    for block in drawn:
        x = (x - tau * s) / (1 + 0.2 * tau)
        if block == 0:
            new = (u + s1 * (x @ m.T - y)) / (1 + s1)
            change, u = (new - u) @ m, new
        else:
            new = (w + s2 * x @ k.T).clamp(-weight, weight)
            change, w = (new - w) @ k, new
        s = u @ m + w @ k + 2 * change
    assert set(drawn) == {0, 1}
    torch.testing.assert_close(got.x, x, rtol=1e-13, atol=1e-13)


def test_the_draws_depend_on_the_seed_and_the_step_alone() -> None:
    draws = [[StochasticPDHG(seed=seed).block(5, step) for step in range(2000)] for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]
    counts = [draws[0].count(i) for i in range(5)]
    assert min(counts) > 320  # 400 each on average, with a standard deviation of 18
    assert max(counts) < 480


def test_one_block_is_applied_in_each_step(counting, draw) -> None:
    parts = [counting((6, 4)) for _ in range(3)]
    objective = sum((least_squares(p, draw((2, 1, 6), seed=i)) for i, p in enumerate(parts)), start=0.1 * SquaredL2())
    solver = StochasticPDHG(seed=1)
    solve(objective, solver, rtol=0.0, max_steps=50)
    drawn = [solver.block(3, step) for step in range(50)]
    for i, part in enumerate(parts):
        assert part.calls == {"forward": drawn.count(i), "adjoint": drawn.count(i)}


@pytest.mark.parametrize("name", ["denoise-two-norms", "tv-nonnegative"])
def test_the_residual_is_never_smaller_than_that_of_the_pair(name) -> None:
    """Computed with every operator applied, |d_j| of the blocks is at most what the solver says without."""
    solver, objective = StochasticPDHG(seed=2), PROBLEMS[name].objective()
    problem = solver.prepare(objective)
    state = solver.init(problem, None)
    held: dict[int, torch.Tensor] = {}
    for step in range(60):
        before, state = state, solver.step(problem, state)
        if step == 0:
            assert bool((solver.optimality(problem, state).relative >= 1).all())
        i = solver.block(len(state.y), step)
        for j, (_, operator) in enumerate(problem.blocks):
            if not bool((state.seen_residuals[j] < torch.inf).all()):
                continue
            if j == i:
                held[j] = (before.y[j] - state.y[j]) / state.sigma[j] + operator.forward(state.x)
            d = held[j] - operator.forward(state.x)
            moved = operator.norm().upper * (state.x - state.seen[j]).flatten(1).norm(dim=1)
            assert bool((d.flatten(1).norm(dim=1) <= state.seen_residuals[j] + moved + 1e-12).all())


def test_settings_out_of_range_and_a_gap_without_kx_are_refused() -> None:
    with pytest.raises(ConfigError, match="StochasticPDHG: seed is -1, expected a whole number >= 0"):
        StochasticPDHG(seed=-1)
    with pytest.raises(ConfigError, match="StochasticPDHG: balance is 0.0, expected a positive number"):
        StochasticPDHG(balance=0.0)
    with pytest.raises(ConfigError, match="DualityGap: solver is StochasticPDHG"):
        solve(PROBLEMS["rof"].objective(), StochasticPDHG(), stop_when=(DualityGap(),))
