"""FISTA with backtracking and gradient descent with Armijo's test: their bounds step by step."""

from __future__ import annotations

import math

import pytest
import torch
from convex_problems import PROBLEMS
from rule_applications import apply, failing, noise

from invkit import explain
from invkit.functionals import L1, Functional, Huber, SquaredL2, kullback_leibler, least_squares, weighted_least_squares
from invkit.guarantees import Setting
from invkit.guarantees.theorems.gradient.armijo import ARMIJO_QUADRATIC
from invkit.guarantees.theorems.gradient.backtracking_fista import (
    BACKTRACKING_FISTA_RATE,
    backtracking_fista_bound,
    most_rejected,
    smallest_step,
)
from invkit.operators import Dense
from invkit.solvers import ArmijoGradientDescent, BacktrackingFISTA, BarzilaiBorwein, RestartedFISTA

WIDE = Dense(noise(4, 6, seed=2))
YW = noise(2, 4, seed=3)


@pytest.mark.parametrize("name", ["lasso", "lasso-complex", "nonnegative", "ridge"])
@pytest.mark.parametrize("first", [None, 8.0, 1e-3])
def test_backtracking_fista_meets_its_bound_in_the_accepted_steps(name: str, first: float | None) -> None:
    problem = PROBLEMS[name]
    objective = problem.objective()
    solver = BacktrackingFISTA(step_size=first)
    node = apply(BACKTRACKING_FISTA_RATE, objective, solver)
    minimiser, least = torch.from_numpy(problem.minimiser()), torch.from_numpy(problem.minimum())
    start = minimiser + 3 * noise(*minimiser.shape, seed=4, dtype=problem.dtype)
    distances = (start - minimiser).flatten(1).norm(dim=1).tolist()
    prepared = solver.prepare(objective)
    lipschitz = prepared.smooth.smoothness().upper
    shortest = smallest_step(solver.first_trial(prepared), lipschitz)
    allowed = most_rejected(solver.first_trial(prepared), lipschitz)
    state = solver.init(prepared, start)
    accepted, closest = torch.zeros(len(start)), math.inf
    for k in range(1, 80):
        before = state
        state = solver.step(prepared, state)
        accepted += state.t != before.t
        assert bool((k - accepted <= allowed).all())
        assert bool((state.step_size >= shortest * (1 - 1e-12)).all())
        gaps = (objective.value(state.x) - least).tolist()
        for gap, distance, steps in zip(gaps, distances, accepted.int().tolist(), strict=True):
            if steps:
                bound = backtracking_fista_bound(shortest, distance, steps)
                assert gap <= bound + 1e-8
                closest = min(closest, bound / max(gap, 1e-300))
    assert node.value <= shortest
    assert closest < 1e3


def test_rejections_are_counted_for_the_worst_case() -> None:
    """Of the trials 1, 1/2, 1/4, .. those above 1/(2L) may fail."""
    for lipschitz in (0.1, 0.26, 1.0, 7.0, 100.0):
        worst = sum(2.0**-j > 1 / (2 * lipschitz) for j in range(60))
        assert worst <= most_rejected(1.0, lipschitz) <= worst + 1
    assert most_rejected(1.0, 0.0) == 0


def test_backtracking_without_a_lipschitz_constant_has_no_number() -> None:
    counts = kullback_leibler(Dense(WIDE.matrix.abs()), YW.abs(), 1.0) + 0.3 * L1()
    (premise,) = failing(apply(BACKTRACKING_FISTA_RATE, counts, BacktrackingFISTA(step_size=1.0)))
    assert premise.statement == "the gradient of f is Lipschitz with a known constant L"


def test_solvers_without_a_theorem_have_none() -> None:
    objective = least_squares(WIDE, YW) + 0.5 * SquaredL2()
    for solver in (RestartedFISTA(), BarzilaiBorwein()):
        tree = explain(objective, solver=solver)
        assert not tree.holds
        assert tree.children[0].statement == f"no theorem is registered for {type(solver).__name__}"


WEIGHTS = torch.tensor([0.5, 2.0, 0.0, 1.0], dtype=torch.float64)


@pytest.mark.parametrize(
    "objective",
    [
        least_squares(WIDE, YW),
        0.3 * least_squares(WIDE, YW) + 0.2 * SquaredL2(),
        weighted_least_squares(WIDE, YW, WEIGHTS),
    ],
    ids=["least squares", "ridge", "weighted"],
)
@pytest.mark.parametrize("first", [None, 50.0, 1e-4])
def test_armijo_descends_as_stated_towards_the_nearest_minimiser(objective: Functional, first: float | None) -> None:
    solver = ArmijoGradientDescent(step_size=first)
    node = apply(ARMIJO_QUADRATIC, objective, solver)
    assert node.holds
    start = 2 * noise(2, 6, seed=5)
    prepared = solver.prepare(objective)
    state = solver.init(prepared, start)
    for _ in range(800):
        before, state = state, solver.step(prepared, state)
        moved = (state.x != before.x).any(1)
        fall = objective.value(before.x) - objective.value(state.x)
        wanted = solver.decrease * before.step_size * before.gradient.norm(dim=1) ** 2
        assert bool((~moved | (fall >= wanted - 1e-13)).all())
        seen = before.gradient.norm(dim=1) > 1e-7  # below, both tests are decided by rounding
        assert bool((~moved | ~seen | (before.step_size >= node.value)).all())
    hessian = torch.cat([objective.hessian_vector(start[:1], e[None]) for e in torch.eye(6, dtype=torch.float64)])
    nearest = start - objective.gradient(start) @ torch.linalg.pinv(hessian, rtol=1e-10)
    assert torch.allclose(state.x, nearest, atol=1e-6)


def test_armijo_of_another_functional_or_of_negative_weights_is_not_covered() -> None:
    (premise,) = failing(apply(ARMIJO_QUADRATIC, least_squares(WIDE, YW) + 0.1 * Huber(0.1), ArmijoGradientDescent()))
    assert premise.statement.startswith("f is quadratic")
    learned = WEIGHTS.clone()
    objective = weighted_least_squares(WIDE, YW, learned)
    learned[2] = -1.0
    assert "is convex" in failing(apply(ARMIJO_QUADRATIC, objective, ArmijoGradientDescent(step_size=0.1)))[0].statement


def test_a_subclass_is_not_covered() -> None:
    class Other(ArmijoGradientDescent):
        """Not this one."""

    objective = least_squares(WIDE, YW)
    assert not ARMIJO_QUADRATIC.about(Setting(subject=objective, solver=Other(), problem=Other().prepare(objective)))
