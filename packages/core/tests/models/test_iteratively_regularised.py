"""Early stopping against the filter factors of Landweber's iteration."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from convex_problems import noise

from invkit.errors import ConfigError, DataError
from invkit.models import IterativelyRegularised
from invkit.operators import Dense
from invkit.solvers import CGLS, Landweber, Status

NOISE = 0.02


@pytest.fixture(scope="module")
def problem():
    u = torch.linalg.qr(noise((24, 24), seed=1))[0][:, :16]
    v = torch.linalg.qr(noise((16, 16), seed=2))[0]
    s = torch.logspace(0, -3, 16, dtype=torch.float64)
    operator = Dense(u * s @ v.T, (1, 4, 4))
    truth = ((s * noise((2, 16), seed=3)) @ v.T).reshape(2, 1, 4, 4)
    y = operator.forward(truth) + NOISE * torch.tensor([[1.0], [3.0]]) * noise((2, 24), seed=4)
    return operator, truth, y, u, v, s


def test_it_stops_each_image_where_its_misfit_meets_the_noise(problem) -> None:
    operator, _, y, u, v, s = problem
    model = IterativelyRegularised(noise_std=NOISE, max_steps=20_000)
    solution = model.solve(y, operator)
    level = 1.01 * NOISE * math.sqrt(24)
    assert solution.status[0] is Status.DISCREPANCY
    k = int(solution.steps[0])
    tau = 1 / operator.norm().upper ** 2
    # Landweber from zero has the filter factors 1 - (1 - tau s^2)^k.
    factors = 1 - (1 - tau * s**2) ** k
    want = (factors / s * (y[0] @ u)) @ v.T
    torch.testing.assert_close(solution.x[0].flatten(), want, rtol=1e-9, atol=1e-11)

    def misfit(steps: int) -> float:
        kept = (1 - tau * s**2) ** steps * (y[0] @ u)
        outside = y[0] - u @ (u.T @ y[0])
        return float((kept.square().sum() + outside.square().sum()).sqrt())

    assert misfit(k) <= level < misfit(k - 1)


def test_going_on_makes_it_worse(problem) -> None:
    operator, truth, y, *_ = problem
    stopped = IterativelyRegularised(noise_std=NOISE, max_steps=20_000)(y[:1], operator)
    later = IterativelyRegularised(max_steps=20_000)(y[:1], operator)
    error = [float(torch.linalg.vector_norm(x - truth[:1])) for x in (stopped, later)]
    assert error[0] < 0.6 * error[1]


@pytest.mark.parametrize("solver", [Landweber(), CGLS()], ids=["landweber", "cgls"])
def test_each_image_is_reconstructed_alone(problem, solver) -> None:
    operator, _, y, *_ = problem
    model = IterativelyRegularised(solver=solver, noise_std=4 * NOISE, max_steps=5000)
    together = model.solve(y, operator)
    for i in range(2):
        alone = model.solve(y[i : i + 1], operator)
        torch.testing.assert_close(alone.x[0], together.x[i], rtol=1e-9, atol=1e-11)
        assert alone.status[0] is together.status[i]
        assert int(alone.steps[0]) == int(together.steps[i])


def test_cgls_needs_far_fewer_steps(problem) -> None:
    operator, truth, y, *_ = problem
    slow = IterativelyRegularised(noise_std=NOISE, max_steps=20_000).solve(y[:1], operator)
    fast = IterativelyRegularised(solver=CGLS(), noise_std=NOISE).solve(y[:1], operator)
    assert fast.status == (Status.DISCREPANCY,)
    assert int(fast.steps[0]) * 5 < int(slow.steps[0])
    gap = np.linalg.norm(fast.x - truth[:1]) / np.linalg.norm(slow.x - truth[:1])
    assert gap < 1.3


def test_bad_settings_and_measurements_are_refused(problem) -> None:
    operator, _, y, *_ = problem
    with pytest.raises(ConfigError, match="noise_std is 0, expected a positive number"):
        IterativelyRegularised(noise_std=0)
    with pytest.raises(ConfigError, match="factor is 1.0, expected more than 1"):
        IterativelyRegularised(factor=1.0)
    bad = y.clone()
    bad[1, 2] = torch.inf
    with pytest.raises(DataError, match="NaN or inf"):
        IterativelyRegularised()(bad, operator)
