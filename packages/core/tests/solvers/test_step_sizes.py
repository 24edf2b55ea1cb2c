"""The range of the single step of gradient descent, proximal gradient and FISTA."""

from __future__ import annotations

import dataclasses
import math
from itertools import pairwise

import pytest
import torch

from invkit.errors import ConfigError
from invkit.functionals import Differentiable, SquaredL2, least_squares
from invkit.operators import Dense
from invkit.solvers import FISTA, BarzilaiBorwein, GradientDescent, ProximalGradient, solve

OBJECTIVE = least_squares(Dense(torch.diag(torch.tensor([2.0, 1.0]))), torch.tensor([[2.0, 1.0]]))  # L = 4
LIMITS = [(GradientDescent, 0.5), (ProximalGradient, 0.5), (FISTA, 0.25)]


@pytest.mark.parametrize(("kind", "limit"), LIMITS)
def test_steps_up_to_the_limit_converge(kind, limit: float) -> None:
    for step_size in (0.02, 0.5 * limit, 0.99 * limit, None):
        objective = OBJECTIVE.to(dtype=torch.float64)  # near the limit single precision stalls while it oscillates
        solution = solve(objective, kind(step_size=step_size), rtol=1e-5, max_steps=20_000)
        torch.testing.assert_close(solution.require_converged().x.float(), torch.ones(1, 2), atol=1e-3, rtol=0)


@pytest.mark.parametrize(("kind", "limit"), LIMITS)
def test_steps_outside_the_range_are_refused_with_both_values(kind, limit: float) -> None:
    for step_size in (1.001 * limit, 10.0, 0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ConfigError, match=rf"{kind.__name__}: step_size is .*, expected one in \(0, {limit:g}"):
            solve(OBJECTIVE, kind(step_size=step_size))


def test_the_limit_itself_is_excluded_where_the_method_may_oscillate() -> None:
    limit = 2 / OBJECTIVE.smoothness().upper  # type: ignore[union-attr]
    for kind in (GradientDescent, ProximalGradient):
        with pytest.raises(ConfigError, match=r"\(0, 0.5\) = \(0, 2/L\)"):
            solve(OBJECTIVE, kind(step_size=limit))


def test_a_gradient_without_a_known_constant_needs_a_step() -> None:
    @dataclasses.dataclass(frozen=True, eq=False, repr=False)
    class Quartic(Differentiable):
        def _value(self, x):
            return x.pow(4).sum(1) / 4

        def _gradient(self, x):
            return x**3

        def _hessian_vector(self, x, v):
            return 3 * x**2 * v

        def smoothness(self):
            return None

    x0 = torch.ones(1, 2)
    for kind in (GradientDescent, ProximalGradient, FISTA):
        with pytest.raises(ConfigError, match="the gradient has no known Lipschitz constant"):
            solve(Quartic(), kind(), x0)
        assert solve(Quartic(), kind(step_size=0.1), x0, max_steps=50).x.abs().max() < 0.5


def test_a_constant_objective_stands_still() -> None:
    flat = least_squares(Dense(torch.zeros(2, 2)), torch.ones(1, 2))
    for kind in (GradientDescent, ProximalGradient, FISTA):
        solution = solve(flat, kind(), torch.ones(1, 2), max_steps=20)
        assert torch.equal(solution.x, torch.ones(1, 2))
        assert solution.converged


def test_fista_is_the_sequence_of_beck_and_teboulle(draw) -> None:
    m, y = draw((6, 4)), draw((2, 6), seed=1)
    got = solve(least_squares(Dense(m), y) + 0.3 * SquaredL2(), FISTA(step_size=0.02), rtol=0.0, max_steps=7).x
    x, z, t = torch.zeros(2, 4, dtype=torch.float64), torch.zeros(2, 4, dtype=torch.float64), 1.0
    for _ in range(7):
        before, x = x, z - 0.02 * ((z @ m.T - y) @ m + 0.3 * z)
        t_next = (1 + math.sqrt(1 + 4 * t * t)) / 2
        z = x + (t - 1) / t_next * (x - before)
        t = t_next
    torch.testing.assert_close(got, x, rtol=1e-13, atol=1e-14)
    plain = solve(
        least_squares(Dense(m), y) + 0.3 * SquaredL2(), ProximalGradient(step_size=0.02), rtol=0.0, max_steps=7
    )
    assert not torch.allclose(plain.x, x)


def accepted_values(memory: int, matrix: torch.Tensor, y: torch.Tensor) -> list[float]:
    solver = BarzilaiBorwein(memory=memory)
    objective = least_squares(Dense(matrix), y)
    problem = solver.prepare(objective)
    state, values = solver.init(problem, None), []
    for _ in range(60):
        value = float(objective.value(state.x))
        if not values or value != values[-1]:
            values.append(value)
        state = solver.step(problem, state)
    return values


def test_the_memory_of_barzilai_and_borwein_lets_the_value_rise_and_not_beyond_the_last_ten(draw) -> None:
    matrix, y = draw((20, 12)) * torch.logspace(0, -2, 12, dtype=torch.float64), draw((1, 20), seed=1)
    values = accepted_values(10, matrix, y)
    assert any(later > earlier * (1 + 1e-4) for earlier, later in pairwise(values))
    assert all(values[k] <= max(values[max(0, k - 10) : k]) * (1 + 1e-7) for k in range(1, len(values)))
    monotone = accepted_values(1, matrix, y)
    assert all(later <= earlier * (1 + 1e-7) for earlier, later in pairwise(monotone))
