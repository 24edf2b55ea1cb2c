from __future__ import annotations

import math

import pytest
import torch

from invkit.errors import ConfigError
from invkit.functionals import L1, Box, least_squares, total_variation
from invkit.operators import Dense, Identity
from invkit.solvers import PDHG, Status, solve


def tv_problem(draw, scale: float = 1.0):
    op = Dense(scale * draw((10, 12)), (1, 3, 4))
    return least_squares(op, draw((2, 10), seed=1)) + 0.4 * total_variation(op.domain)


def test_the_default_steps_fulfil_their_condition_and_ignore_units(draw) -> None:
    for scale in (1e-3, 1.0, 1e3):
        problem = PDHG().prepare(tv_problem(draw, scale))
        tau, sigma = PDHG().step_sizes(problem)
        norms = [operator.norm().upper for _, operator in problem.blocks]
        product = tau * sum(s * n**2 for s, n in zip(sigma, norms, strict=True))
        assert 0.999 < product <= 1.0
        assert tau * norms[0] ** 2 == pytest.approx(1 / (2 * PDHG().balance))


def test_the_iteration_does_not_depend_on_the_unit_of_the_image(draw) -> None:
    """x -> x / c with A -> c A and weight -> c weight is the same problem; so are the iterates."""
    base = Dense(draw((10, 12)), (1, 3, 4))
    y = draw((2, 10), seed=1)
    found = []
    for c in (1.0, 2.0**12):
        op = Dense(c * base.matrix, (1, 3, 4))
        objective = least_squares(op, y) + (0.4 * c) * total_variation(op.domain)
        found.append(c * solve(objective, PDHG(), rtol=0.0, max_steps=60).x)
    torch.testing.assert_close(*found, rtol=1e-9, atol=1e-9)


def test_a_step_is_the_formula_of_the_page(draw) -> None:
    m, y, weight = draw((5, 4)), draw((2, 5), seed=1), 0.6
    tau, sigma = 0.05, (0.3, 0.2)
    k2 = draw((3, 4), seed=2)
    objective = least_squares(Dense(m), y) + weight * (L1() @ Dense(k2)) + Box(0.0)
    got = solve(objective, PDHG(tau=tau, sigma=sigma), rtol=0.0, max_steps=5).x
    x = before = torch.zeros(2, 4, dtype=torch.float64)
    u, w = torch.zeros(2, 5, dtype=torch.float64), torch.zeros(2, 3, dtype=torch.float64)
    for _ in range(5):
        z = 2 * x - before
        u = (u + sigma[0] * (z @ m.T - y)) / (1 + sigma[0])
        w = (w + sigma[1] * z @ k2.T).clamp(-weight, weight)
        before, x = x, (x - tau * (u @ m + w @ k2)).clamp_min(0)
    torch.testing.assert_close(got, x, rtol=1e-13, atol=1e-13)
    # One step more is another image: the comparison can fail.
    assert not torch.allclose(solve(objective, PDHG(tau=tau, sigma=sigma), rtol=0.0, max_steps=6).x, x)


@pytest.mark.parametrize("weight", [1e3, 1e6])
def test_a_minimiser_that_is_zero_is_found_and_said_to_be(weight: float, draw) -> None:
    op = Dense(draw((6, 4)))
    for objective in (
        least_squares(op, draw((2, 6), seed=1)) + weight * L1(),
        weight * (L1() @ Identity((), 4, torch.float64)) + least_squares(op, draw((2, 6), seed=1)),
    ):
        solution = solve(objective, PDHG(), max_steps=5000)
        assert solution.x.abs().max() < 1e-3
        assert solution.status == (Status.CONVERGED,) * 2


def test_an_image_without_edges_is_found(draw) -> None:
    op = Dense(torch.eye(12, dtype=torch.float64), (1, 3, 4), (1, 3, 4))
    y = draw((2, 1, 3, 4))
    solution = solve(least_squares(op, y) + 100.0 * total_variation(op.domain), PDHG(), rtol=1e-6, max_steps=20_000)
    torch.testing.assert_close(
        solution.require_converged().x, y.mean((-2, -1), keepdim=True).expand_as(y), atol=1e-4, rtol=0
    )


BAD = [
    ({"tau": 0.1}, "tau is 0.1 and sigma is None, expected both or neither"),
    ({"sigma": 0.1}, "tau is None and sigma is 0.1, expected both or neither"),
    ({"balance": 0.0}, "balance is 0.0, expected a positive number"),
    ({"balance": math.nan}, "balance is nan"),
    ({"tau": 1.0, "sigma": 1.0}, r"tau \* sum sigma_i \|K_i\|\^2 is .*expected positive"),
    ({"tau": -1.0, "sigma": 1e-3}, ".*expected positive"),
    ({"tau": 1e-3, "sigma": (1e-3, 0.0)}, ".*expected positive"),
    ({"tau": 1e-3, "sigma": math.nan}, ".*expected positive"),
    ({"tau": 1e-3, "sigma": (1e-3,) * 3}, "there are 3 sigmas, expected 2"),
]


@pytest.mark.parametrize(("settings", "message"), BAD, ids=str)
def test_steps_outside_their_range_are_refused(settings, message, draw) -> None:
    with pytest.raises(ConfigError, match=f"PDHG: {message}"):
        solve(tv_problem(draw), PDHG(**settings))
