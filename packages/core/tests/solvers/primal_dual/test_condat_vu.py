from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from convex_problems import PROBLEMS, with_tags

from invkit.errors import ConfigError
from invkit.functionals import L1, Box, least_squares, total_variation
from invkit.operators import Dense
from invkit.solvers import CondatVu, solve
from invkit.solvers.primal_dual.condat_vu import as_three_part


@pytest.mark.parametrize("name", with_tags("composite"))
def test_without_blocks_it_reaches_cvxpys_optimum_too(name) -> None:
    problem = PROBLEMS[name]
    for order in (0, 1):
        objective = problem.objective(order)
        assert as_three_part(objective, "x").blocks == ()
        solution = solve(objective, CondatVu(), rtol=1e-10, max_steps=20_000, check_every=50).require_converged()
        value = objective.value(solution.x.clamp_min(0) if name == "nonnegative" else solution.x).numpy()
        assert (value <= problem.minimum() + 1e-6 * (1 + np.abs(problem.minimum()))).all()


def test_a_step_is_the_formula_of_the_page(draw) -> None:
    m, y, weight, tau, sigma = draw((5, 4)), draw((2, 5), seed=1), 0.6, 0.05, 0.3
    k = draw((3, 4), seed=2)
    objective = least_squares(Dense(m), y) + weight * (L1() @ Dense(k)) + Box(0.0)
    got = solve(objective, CondatVu(tau=tau, sigma=sigma), rtol=0.0, max_steps=5).x
    x = before = torch.zeros(2, 4, dtype=torch.float64)
    u = torch.zeros(2, 3, dtype=torch.float64)
    for _ in range(5):
        u = (u + sigma * (2 * x - before) @ k.T).clamp(-weight, weight)
        before, x = x, (x - tau * ((x @ m.T - y) @ m + u @ k)).clamp_min(0)
    torch.testing.assert_close(got, x, rtol=1e-13, atol=1e-13)
    assert not torch.allclose(solve(objective, CondatVu(tau=tau, sigma=sigma), rtol=0.0, max_steps=6).x, x)


def test_the_default_steps_fulfil_their_condition_in_every_unit(draw) -> None:
    for scale in (1e-3, 1.0, 1e3):
        op = Dense(scale * draw((10, 12)), (1, 3, 4))
        problem = CondatVu().prepare(least_squares(op, draw((2, 10))) + 0.4 * total_variation(op.domain))
        tau, sigma = CondatVu().step_sizes(problem)
        left = 1 / tau - sigma[0] * problem.blocks[0][1].norm().upper ** 2
        lipschitz = problem.smooth.smoothness().upper
        assert 0.5 * lipschitz < left < 0.6 * lipschitz


BAD = [
    ({"tau": 1.0}, "tau is 1.0 and sigma is None, expected both or neither"),
    ({"tau": -1.0, "sigma": 1.0}, "tau is -1.0 and sigma is 1.0, expected positive numbers"),
    ({"balance": math.nan}, "balance is nan, expected a positive number"),
    ({"tau": 1.0, "sigma": 1.0}, r"1 / tau - sum sigma_i \|K_i\|\^2 is .*, expected more than L / 2"),
    ({"tau": 1e-3, "sigma": (1.0, 1.0)}, "there are 2 sigmas, expected 1"),
]


@pytest.mark.parametrize(("settings", "message"), BAD, ids=str)
def test_steps_outside_their_range_are_refused(settings, message, draw) -> None:
    op = Dense(draw((10, 12)), (1, 3, 4))
    objective = least_squares(op, draw((2, 10))) + 0.4 * total_variation(op.domain)
    with pytest.raises(ConfigError, match=f"CondatVu: {message}"):
        solve(objective, CondatVu(**settings))


def test_the_limit_of_the_step_itself_is_refused(draw) -> None:
    op = Dense(draw((10, 12)), (1, 3, 4))
    objective = least_squares(op, draw((2, 10))) + 0.4 * total_variation(op.domain)
    problem = CondatVu().prepare(objective)
    bound = problem.smooth.smoothness().upper / 2 + 0.1 * problem.blocks[0][1].norm().upper ** 2
    with pytest.raises(ConfigError, match="expected more than L / 2"):
        CondatVu(tau=1.0000001 / bound, sigma=0.1).step_sizes(problem)
    CondatVu(tau=0.9999999 / bound, sigma=0.1).step_sizes(problem)


def test_an_objective_without_a_gradient_is_refused(draw) -> None:
    op = Dense(draw((10, 12)), (1, 3, 4))
    with pytest.raises(ConfigError, match="CondatVu: no term .* has a gradient.*Use core/pdhg"):
        CondatVu().prepare(L1() + total_variation(op.domain))
