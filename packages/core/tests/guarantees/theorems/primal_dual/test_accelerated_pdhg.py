from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pytest
import torch
from convex_problems import PROBLEMS, noise
from theorem_runs import failing, node_of, saddle_point, speaks_of, squared

from invkit.claims import ASSUMED, BY_CONSTRUCTION, CERTIFIED
from invkit.functionals import L1, Huber, SquaredL2, least_squares
from invkit.functionals.base import Proximable
from invkit.guarantees import Setting
from invkit.guarantees.theorems.primal_dual.accelerated_pdhg import (
    PDHG_ACCELERATED_RATE,
    accelerated_bound,
    growth_of,
    last_bounded,
)
from invkit.guarantees.theorems.primal_dual.linear_rate_pdhg import PDHG_LINEAR_RATE
from invkit.operators import Dense, Stack
from invkit.solvers import PDHG, AcceleratedPDHG, LinearRatePDHG, solve


@pytest.mark.parametrize("name", ["rof", "denoise-two-norms"])
@pytest.mark.parametrize(("tau", "floor"), [(None, 0.01), (None, 0.0), (0.02, 0.001), (30.0, 0.05)])
def test_accelerated_steps_meet_their_bound_as_long_as_it_is_stated(name, tau, floor) -> None:
    objective = PROBLEMS[name].objective()
    solver = AcceleratedPDHG(tau=tau, floor=floor)
    node = node_of(PDHG_ACCELERATED_RATE, objective, solver)
    assert node.holds
    assert node.claim.params["to"] == "the minimiser"
    problem = solver.prepare(objective)
    x_star, y_star = saddle_point(name, problem)
    gamma = problem.proximable.convexity()
    state = solver.init(problem, None)
    tau_0, sigma_0 = float(state.tau[0]), [float(s[0]) for s in state.sigma]
    assert node.value == growth_of(gamma, tau_0)
    start = squared(x_star)
    duals = sum(squared(y) / s for y, s in zip(y_star, sigma_0, strict=True))
    last, closest = last_bounded(gamma, tau_0, floor), math.inf
    for k in range(1, int(min(last, 300)) + 1):
        state = solver.step(problem, state)
        reached = squared(state.x - x_star)
        for image in range(2):
            bound = accelerated_bound(tau_0, node.value, float(start[image]), float(duals[image]), k)
            assert float(reached[image]) <= bound + 1e-12
            closest = min(closest, bound / max(float(reached[image]), 1e-300))
    assert closest < 50
    text = "for every k" if floor == 0 else f"for k <= {last:g}; then"
    assert text in node.statement


@pytest.mark.parametrize(("tau", "floor"), [(None, 0.01), (0.05, 0.003), (30.0, 0.3)])
def test_the_bound_is_stated_for_no_step_after_the_steps_stay(tau, floor) -> None:
    solver = AcceleratedPDHG(tau=tau, floor=floor)
    problem = solver.prepare(PROBLEMS["rof"].objective())
    gamma = problem.proximable.convexity()
    state = solver.init(problem, None)
    first, num = float(state.tau[0]), 0
    slowest = growth_of(gamma, first)
    for _ in range(5000):
        before = float(state.tau[0])
        state = solver.step(problem, state)
        if num and float(state.tau[0]) == before:
            break
        num += 1
        assert float(state.tau[0]) <= first / (1 + slowest * (num - 1)) * (1 + 1e-12)
    assert 1 <= last_bounded(gamma, first, floor) <= num + 1
    assert num <= 3 * last_bounded(gamma, first, floor) + 3


def test_a_floor_above_the_first_step_states_the_bound_for_one_step() -> None:
    node = node_of(PDHG_ACCELERATED_RATE, PROBLEMS["rof"].objective(), AcceleratedPDHG(tau=1e-3, floor=0.5))
    assert "for k <= 1; then" in node.statement


def test_steps_that_underflow_fail() -> None:
    accelerated = failing(node_of(PDHG_ACCELERATED_RATE, PROBLEMS["rof"].objective(), AcceleratedPDHG(tau=1e308)))
    assert list(accelerated) == ["the first steps are positive and tau * sum_i sigma_i |K_i|^2 <= 1"]


def test_the_first_steps_of_the_rule_are_those_of_the_solver() -> None:
    solver = AcceleratedPDHG(tau=0.3)
    problem = solver.prepare(PROBLEMS["denoise-two-norms"].objective())
    state = solver.init(problem, None)
    tau, sigma = solver.step_sizes(problem)
    assert float(state.tau[0]) == tau
    assert tuple(float(s[0]) for s in state.sigma) == sigma


def test_a_g_that_is_not_strongly_convex_fails_by_name() -> None:
    solver = AcceleratedPDHG()
    problem = PDHG().prepare(PROBLEMS["tv"].objective())
    setting = Setting(subject=problem, solver=solver, problem=problem)
    wrong = failing(PDHG_ACCELERATED_RATE.apply(setting))
    assert next(iter(wrong)) == "g = Zero() is strongly convex"
    assert next(iter(wrong.values())).value == 0.0
    linear = failing(PDHG_LINEAR_RATE.apply(replace(setting, solver=LinearRatePDHG())))
    assert "g = Zero() is strongly convex" in linear
    assert "f_2 = 1.7 * GroupL1(axes=(1,)) is smooth, so that f_2* is strongly convex" in linear
    assert "g is Zero() with modulus" in linear["mu <= 2 sqrt(gamma) / L with L^2 = sum_i |K_i|^2 / delta_i"].remedy


@pytest.mark.parametrize(("length", "meets"), [(1.0, True), (4.0, False)])
def test_steps_beyond_the_limit_break_the_bound_of_the_accelerated_method(length, meets) -> None:
    """minimise 100 |K x|_1 + 0.005 |x|^2, whose saddle point is zero."""
    solver = AcceleratedPDHG(tau=1.0, floor=0.0)
    problem = solver.prepare(100 * (L1() @ Dense(noise((6, 6)))) + 0.01 * SquaredL2())
    x0 = noise((1, 6), seed=5)
    state = solver.init(problem, x0)
    state = replace(state, sigma=tuple(length * s for s in state.sigma))
    growth = growth_of(0.01, 1.0)
    met = True
    for k in range(1, 100):
        state = solver.step(problem, state)
        met &= float(squared(state.x)) <= accelerated_bound(1.0, growth, float(squared(x0)), 0.0, k)
    assert met == meets


# The linear rate.

M, Y = noise((7, 5)), noise((2, 7), seed=1)
RIDGE = 2.5 * least_squares(Dense(M), Y) + 0.3 * SquaredL2()


def distances(objective, x_star, y_star, start, num_steps):
    """gamma |x - x*|^2 + (1 - theta) sum delta |y - y*|^2 along a run, and its bound."""
    solver = LinearRatePDHG()
    node = node_of(PDHG_LINEAR_RATE, objective, solver)
    assert node.holds
    problem = solver.prepare(objective)
    gamma, theta = problem.proximable.convexity(), node.value
    deltas = [f.conjugate.convexity() or 1 / f.smoothness().upper for f, _ in problem.blocks]
    state = solver.init(problem, start)

    def parts(state):
        dual = sum(d * squared(y - s) for d, y, s in zip(deltas, state.y, y_star, strict=True))
        return gamma * squared(state.x - x_star), dual

    primal, dual = parts(state)
    bound = primal + dual
    for _ in range(num_steps):
        state, bound = solver.step(problem, state), theta * bound
        primal, dual = parts(state)
        yield primal + (1 - theta) * dual, bound


def test_the_linear_rate_is_met_at_every_step() -> None:
    m = M.numpy()
    x_star = torch.linalg.solve(2.5 * M.mT @ M + 0.3 * torch.eye(5, dtype=M.dtype), 2.5 * (Y @ M).mT).mT
    y_star = (2.5 * (x_star @ M.mT - Y),)
    assert m.shape == (7, 5)
    closest = math.inf
    for reached, bound in distances(RIDGE, x_star, y_star, 4 * noise((2, 5), seed=3), 150):
        assert bool((reached <= bound * (1 + 1e-9) + 1e-24).all())
        closest = min(closest, float((bound / reached).min()))
    assert closest < 20


def test_the_linear_rate_is_met_for_huber_of_k_x_too() -> None:
    """A smooth f that is no square; the reference is a long run of plain PDHG."""
    objective = 1.4 * SquaredL2(noise((2, 5), seed=5)) + 0.8 * (Huber(0.1) @ Dense(M))
    problem = LinearRatePDHG().prepare(objective)
    found = solve(problem, PDHG(balance=1.0), rtol=1e-12, max_steps=20_000, check_every=100)
    x_star, y_star = found.x, found.state.y
    assert float((problem.blocks[0][0].gradient(problem.blocks[0][1].forward(x_star)) - y_star[0]).abs().max()) < 1e-9
    for reached, bound in distances(objective, x_star, y_star, None, 60):
        assert bool((reached <= bound * (1 + 1e-9) + 1e-18).all())


def test_the_rate_is_that_of_the_dissertation_for_one_common_constant() -> None:
    """mu = 2 sqrt(eps / ((1 + L^2) eta)), theta = 1 / (1 + mu) for K = (id, A) (section 1.C.2)."""
    eps, eta = 0.3, 2.5
    a, identity = Dense(M), Dense(torch.eye(5, dtype=M.dtype))
    y = noise((2, 5), seed=2)
    objective = eta * (SquaredL2(y) @ identity) + eta * (SquaredL2() @ a) + eps * SquaredL2()
    node = node_of(PDHG_LINEAR_RATE, objective, LinearRatePDHG())
    mu = 2 * math.sqrt(eps / ((1 + a.norm().upper ** 2) * eta))
    assert node.value == pytest.approx(1 / (1 + mu), rel=1e-6)
    assert node.value >= 1 / (1 + mu * (1 + 1e-10))


def test_the_stated_rate_is_no_smaller_than_the_one_that_is_run() -> None:
    solver = LinearRatePDHG()
    problem = solver.prepare(RIDGE)
    state = solver.step(problem, solver.init(problem, None))
    theta = 1 / (1 + 2 * 0.3 * float(state.tau[0]))
    node = node_of(PDHG_LINEAR_RATE, RIDGE, solver)
    assert theta <= node.value <= theta * (1 + 1e-12)
    assert theta <= float(node.statement.rpartition("theta <= ")[2])


@dataclass(frozen=True, eq=False, repr=False)
class Guess(Proximable):
    """A square of someone else, with a modulus that nobody has checked."""

    def _value(self, x):
        return 0.5 * squared(x)

    def convexity(self):
        return 1.0

    def _prox(self, v, tau):
        return v / (1 + tau)

    @property
    def conjugate(self):
        return self


def test_a_modulus_of_someone_else_is_assumed() -> None:
    objective = RIDGE.terms[0] + 7.0 * Guess()
    accelerated = node_of(PDHG_ACCELERATED_RATE, objective, AcceleratedPDHG())
    linear = node_of(PDHG_LINEAR_RATE, objective, LinearRatePDHG())
    assert accelerated.basis is linear.basis is ASSUMED
    assert node_of(PDHG_LINEAR_RATE, RIDGE, LinearRatePDHG()).basis is CERTIFIED
    stated = {child.statement: child.basis for child in linear.children}
    assert stated["g = 7 * Guess() is strongly convex"] is ASSUMED
    assert stated["f_1 = 2.5 * SquaredL2() is convex"] is BY_CONSTRUCTION


@dataclass(frozen=True)
class Later(LinearRatePDHG):
    """A subclass, which may step otherwise."""


@dataclass(frozen=True)
class LaterAccelerated(AcceleratedPDHG):
    """A subclass, which may step otherwise."""


def test_subclasses_are_not_spoken_of() -> None:
    for rule, solver in ((PDHG_LINEAR_RATE, Later()), (PDHG_ACCELERATED_RATE, LaterAccelerated())):
        assert not speaks_of(rule, RIDGE, solver)


def test_several_blocks_and_their_stack_have_rates_that_agree_with_the_sum_of_squares() -> None:
    a, b = Dense(M), Dense(noise((4, 5), seed=7))
    apart = 2.0 * (SquaredL2() @ a) + 2.0 * (SquaredL2() @ b) + 0.5 * SquaredL2(noise((2, 5)))
    together = 2.0 * (SquaredL2() @ Stack((a, b))) + 0.5 * SquaredL2(noise((2, 5)))
    found = [node_of(PDHG_LINEAR_RATE, one, LinearRatePDHG()).value for one in (apart, together)]
    assert found[0] == pytest.approx(found[1], rel=1e-6)
