from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from convex_problems import noise
from theorem_runs import failing, node_of

from invkit.claims import ASSUMED, BY_CONSTRUCTION
from invkit.functionals import L1, Ball, Box, Proximable, SquaredL2, least_squares
from invkit.functionals.affine import AffineSet
from invkit.guarantees import Setting
from invkit.guarantees.theorems.splitting.douglas_rachford import (
    DOUGLAS_RACHFORD_CONVERGENCE,
    douglas_rachford_bound,
)
from invkit.operators import Dense, Fourier, Haar
from invkit.solvers import DouglasRachford, solve
from invkit.solvers.splitting.douglas_rachford import TwoProximableProblem

CENTRE = 2 * noise((2, 1, 4, 6), seed=3)
DENOISING = 1.4 * SquaredL2(CENTRE) + 0.9 * L1()


@pytest.mark.parametrize("relaxation", [0.3, 1.0, 1.9])
@pytest.mark.parametrize("step", [None, 0.05, 20.0])
def test_x_and_w_approach_each_other_at_the_stated_rate_and_z_its_limit(relaxation, step) -> None:
    """minimise 0.7 |x - c|^2 + 0.9 |x|_1, whose minimiser is soft thresholding."""
    solver = DouglasRachford(step_size=step, relaxation=relaxation)
    node = node_of(DOUGLAS_RACHFORD_CONVERGENCE, DENOISING, solver)
    assert node.holds
    x_star = CENTRE.sign() * (CENTRE.abs() - 0.9 / 1.4).clamp_min(0)
    problem = solver.prepare(DENOISING)
    state = solver.init(problem, 5 * noise((2, 1, 4, 6), seed=8))
    t = state.step_size
    # f is |.|_1, the one without a gradient: z* = x* + t u with u in df(x*), and -u the gradient of the square.
    z_star = x_star - t * 1.4 * (x_star - CENTRE)
    assert float((problem.f(z_star, t) - x_star).abs().max()) < 1e-12
    distance = (state.z - z_star).flatten(1).norm(dim=1)
    first, closest = distance, math.inf
    for k in range(1, 200):
        state = solver.step(problem, state)
        now = (state.z - z_star).flatten(1).norm(dim=1)
        assert bool((now <= distance * (1 + 1e-12) + 1e-12).all())
        distance = now
        apart = (state.x - state.w).flatten(1).norm(dim=1)
        for image in range(2):
            bound = douglas_rachford_bound(relaxation, float(first[image]), k)
            assert float(apart[image]) <= bound + 1e-12
            closest = min(closest, bound / max(float(apart[image]), 1e-300))
    assert closest < 30
    if step is None:
        assert torch.allclose(solve(DENOISING, solver, x0=0 * x_star, rtol=1e-9, max_steps=5000).x, x_star, atol=1e-7)


def test_the_bound_is_almost_attained_by_a_rotation() -> None:
    """Two lines at a small angle: x and w come together as slowly as averaged maps may."""
    worst = 0.0
    for angle in (0.3, 0.1, 0.05):
        direction = torch.tensor([[math.cos(angle), math.sin(angle)]], dtype=torch.float64)

        def onto(v, t, u=direction):
            return (v * u).sum(1, keepdim=True) * u

        def axis(v, t):
            return v * torch.tensor([1.0, 0.0], dtype=v.dtype)

        problem = TwoProximableProblem(SquaredL2(), axis, onto, None)
        solver = DouglasRachford()
        state = solver.init(problem, torch.tensor([[1.0, 2.0]], dtype=torch.float64))
        start = float(state.z.norm())  # z* = 0
        for k in range(1, 100):
            state = solver.step(problem, state)
            apart, bound = float((state.x - state.w).norm()), douglas_rachford_bound(1.0, start, k)
            assert apart <= bound
            worst = max(worst, apart / bound)
    assert worst > 0.4


def test_a_relaxation_of_two_does_not_converge_and_fails() -> None:
    solver = DouglasRachford(relaxation=1.99)
    object.__setattr__(solver, "relaxation", 2.0)  # the solver itself refuses it
    (premise,) = failing(node_of(DOUGLAS_RACHFORD_CONVERGENCE, DENOISING, solver)).values()
    assert premise.value == premise.bound == 2.0


FULL = Fourier((4, 6), dtype=torch.complex128)
SOME = Fourier((4, 6), torch.ones(4, 6).triu(), dtype=torch.complex128)
DATA = noise((2, 1, 4, 6), torch.complex128)


@pytest.mark.parametrize(
    "term",
    [least_squares(FULL, DATA), least_squares(SOME, DATA), 0.4 * (L1() @ (2.0 * FULL))],
    ids=["unitary", "square", "scaled"],
)
def test_the_map_of_a_composition_is_exact_as_its_premise_says(term) -> None:
    objective = term + 0.3 * L1()
    solver = DouglasRachford(step_size=0.7)
    node = node_of(DOUGLAS_RACHFORD_CONVERGENCE, objective, solver)
    assert node.holds
    problem = solver.prepare(objective)
    state = solver.init(problem, noise((2, 1, 4, 6), torch.complex128, seed=2))
    for _ in range(2000):
        state = solver.step(problem, state)
    best = objective.value(state.x)
    for seed in range(20):
        probe = state.x + 1e-4 * noise((2, 1, 4, 6), torch.complex128, seed)
        assert bool((objective.value(probe) >= best - 1e-9).all())


def test_a_step_that_hides_frequencies_in_rounding_fails_with_its_limit() -> None:
    operator = Fourier((4, 6), torch.ones(4, 6).triu())  # complex64
    objective = least_squares(operator, operator.codomain.zeros(1)) + 0.3 * L1()
    assert node_of(DOUGLAS_RACHFORD_CONVERGENCE, objective, DouglasRachford()).holds
    (premise,) = failing(node_of(DOUGLAS_RACHFORD_CONVERGENCE, objective, DouglasRachford(step_size=1e9))).values()
    assert premise.value > premise.bound > 1e6
    assert premise.remedy == "lower step_size, or leave it out"


def test_an_operator_that_is_zero_has_no_map_in_closed_form() -> None:
    objective = 0.4 * (L1() @ (0.0 * Haar((4, 6), dtype=torch.float64))) + SquaredL2(CENTRE)
    wrong = failing(node_of(DOUGLAS_RACHFORD_CONVERGENCE, objective, DouglasRachford()))
    (premise,) = wrong.values()
    assert premise.remedy == "drop the term whose operator is zero"


def test_sets_that_may_not_meet_are_assumed_to() -> None:
    """Two balls and an affine set: nothing says that they meet."""
    a = Dense(noise((3, 24)), (1, 4, 6))
    data = AffineSet(a, noise((1, 3), seed=1))
    assert node_of(DOUGLAS_RACHFORD_CONVERGENCE, data + L1(), DouglasRachford()).basis is ASSUMED
    apart = node_of(DOUGLAS_RACHFORD_CONVERGENCE, Box(1.0, 2.0) + Box(3.0, 4.0), DouglasRachford())
    assert apart.basis is ASSUMED
    meet = node_of(DOUGLAS_RACHFORD_CONVERGENCE, Box(-1.0, 2.0) + Ball(1.0), DouglasRachford())
    assert meet.basis is BY_CONSTRUCTION


@dataclass(frozen=True, eq=False, repr=False)
class Bent(Proximable):
    """A functional of someone else, which says nothing."""

    def _value(self, x):
        return -0.1 * x.square().flatten(1).sum(1)

    def _prox(self, v, tau):
        return v / (1 - 0.2 * tau)

    @property
    def conjugate(self):
        return self


def test_what_is_not_convex_fails_by_name() -> None:
    wrong = failing(node_of(DOUGLAS_RACHFORD_CONVERGENCE, Bent() + L1(), DouglasRachford()))
    assert list(wrong) == ["f_1 = Bent() is convex"]


@dataclass(frozen=True)
class Later(DouglasRachford):
    """A subclass, which may step otherwise."""


def test_a_subclass_is_not_spoken_of() -> None:
    problem = Later().prepare(DENOISING)
    assert not DOUGLAS_RACHFORD_CONVERGENCE.about(Setting(subject=DENOISING, solver=Later(), problem=problem))
