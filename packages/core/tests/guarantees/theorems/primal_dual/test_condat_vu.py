from __future__ import annotations

import itertools
from dataclasses import dataclass

import pytest
import torch
from convex_problems import PROBLEMS, noise
from theorem_runs import failing, node_of, pairing, speaks_of, squared

from invkit.claims import ASSUMED, CERTIFIED
from invkit.functionals import L1, Box, Differentiable, least_squares, total_variation
from invkit.guarantees import Setting
from invkit.guarantees.theorems.primal_dual.condat_vu import CONDAT_VU_CONVERGENCE
from invkit.operators import Dense
from invkit.operators.norm import Interval
from invkit.solvers import CondatVu, solve
from invkit.solvers.primal_dual.condat_vu import ThreePartProblem

A, Y = Dense(noise((14, 12), seed=4), (1, 4, 3)), noise((1, 14), seed=5)
H = 0.8 * least_squares(A, Y)
TV = H + 1.7 * total_variation(A.domain) + Box(0.0)


@pytest.mark.parametrize("solver", [CondatVu(), CondatVu(balance=2.0)], ids=["default", "balance"])
@pytest.mark.parametrize("name", ["tv-nonnegative", "tv-complex", "lasso"])
def test_no_step_goes_away_from_a_saddle_point_in_the_metric_of_the_proof(solver, name) -> None:
    """(x_k, y_k+1) in |x|^2 / tau + sum_i |y_i|^2 / sigma_i - 2 sum_i Re <K_i x, y_i>, Condat's equation for P."""
    objective = PROBLEMS[name].objective()
    assert node_of(CONDAT_VU_CONVERGENCE, objective, solver).holds
    problem = solver.prepare(objective)
    x_star = torch.from_numpy(PROBLEMS[name].minimiser())
    y_star = solve(problem, solver, rtol=1e-11, max_steps=40_000, check_every=200).state.y
    ascent = problem.smooth.gradient(x_star) + sum(
        k.adjoint(y) for (_, k), y in zip(problem.blocks, y_star, strict=True)
    )
    assert float((problem.proximable.prox(x_star - ascent, 1.0) - x_star).abs().max()) < 1e-5
    for (_, k), conjugate, y in zip(problem.blocks, problem.conjugates, y_star, strict=True):
        assert float((conjugate.prox(y + k.forward(x_star), 1.0) - y).abs().max()) < 1e-5

    def length(x, ys, state):
        value = squared(x - x_star, 1 / state.tau)
        for (_, k), y, star, s in zip(problem.blocks, ys, y_star, state.sigma, strict=True):
            value = value + squared(y - star, 1 / s) - 2 * pairing(k.forward(x - x_star), y - star)
        return value

    state = solver.init(problem, 3 * noise(tuple(x_star.shape), x_star.dtype, seed=6))
    lengths = []
    for _ in range(300):
        x = state.x
        state = solver.step(problem, state)
        lengths.append(length(x, state.y, state))
    for before, after in itertools.pairwise(lengths):
        assert bool((after <= before * (1 + 1e-12) + 1e-9).all())
    assert bool((lengths[-1] < 0.1 * lengths[0]).all())


def test_exactly_half_of_l_is_not_more_than_it() -> None:
    half = H.smoothness().upper / 2
    objective = H + 1.7 * L1()
    assert node_of(CONDAT_VU_CONVERGENCE, objective, CondatVu(tau=1 / half * (1 - 1e-9), sigma=1.0)).holds
    (step,) = failing(
        node_of(CONDAT_VU_CONVERGENCE, objective, CondatVu(tau=1 / half * (1 + 1e-6), sigma=1.0))
    ).values()
    assert step.value < step.bound == half
    assert "expected more than L / 2" in step.remedy


def test_steps_at_twice_the_limit_diverge() -> None:
    """Without blocks it is the proximal gradient method, and on a square nothing stops a step beyond 2 / L."""
    objective = least_squares(A, Y)
    limit = 2 / (float(torch.linalg.svdvals(A.matrix)[0]) ** 2)
    for factor, converges in ((0.99, True), (1.01, False)):
        problem = CondatVu().prepare(objective)
        state = CondatVu(tau=limit * 0.5, sigma=1.0).init(problem, None)
        object.__setattr__(state, "tau", factor * limit)
        first = float(squared(problem.smooth.gradient(state.x)))
        for _ in range(600):
            state = CondatVu().step(problem, state)
        assert (float(squared(problem.smooth.gradient(state.x))) < first) == converges


def test_sigmas_of_the_wrong_number_fail_with_the_error() -> None:
    (step,) = failing(node_of(CONDAT_VU_CONVERGENCE, TV, CondatVu(tau=0.01, sigma=(0.1, 0.1, 0.1)))).values()
    assert step.value is None
    assert "there are 3 sigmas, expected 1" in step.remedy


@dataclass(frozen=True, eq=False, repr=False)
class Bent(Differentiable):
    """A functional of someone else, with neither convexity nor a constant."""

    interval: Interval | None = None

    def _value(self, x):
        return torch.cos(x).flatten(1).sum(1)

    def _gradient(self, x):
        return -torch.sin(x)

    def _hessian_vector(self, x, v):
        return -torch.cos(x) * v

    def smoothness(self):
        return self.interval


@pytest.mark.parametrize(("interval", "missing"), [(Interval.exact(1.0), 1), (None, 3)])
def test_an_h_that_is_not_convex_or_has_no_constant_fails_by_name(interval, missing) -> None:
    problem = CondatVu().prepare(TV)
    bent = ThreePartProblem(TV, Bent(interval), problem.blocks, problem.proximable, problem.conjugates)
    wrong = failing(CONDAT_VU_CONVERGENCE.apply(Setting(subject=bent, solver=CondatVu(), problem=bent)))
    assert next(iter(wrong)) == "h = Bent() is convex"
    assert len(wrong) == missing


def test_the_basis_is_that_of_the_norms_and_of_what_others_state() -> None:
    assert node_of(CONDAT_VU_CONVERGENCE, TV, CondatVu()).basis is CERTIFIED
    problem = CondatVu().prepare(TV)

    @dataclass(frozen=True, eq=False, repr=False)
    class Convex(Bent):
        def convexity(self):
            return 0.0

    other = ThreePartProblem(TV, Convex(Interval.exact(1.0)), problem.blocks, problem.proximable, problem.conjugates)
    node = CONDAT_VU_CONVERGENCE.apply(Setting(subject=other, solver=CondatVu(), problem=other))
    assert node.holds
    assert node.basis is ASSUMED


def test_an_h_with_constant_zero_needs_a_positive_difference_only() -> None:
    objective = 0.0 * least_squares(A, Y) + 1.7 * L1()
    node = node_of(CONDAT_VU_CONVERGENCE, objective, CondatVu())
    assert node.holds
    assert node.value > 0


@dataclass(frozen=True)
class Later(CondatVu):
    """A subclass, which may step otherwise."""


def test_a_subclass_is_not_spoken_of() -> None:
    assert not speaks_of(CONDAT_VU_CONVERGENCE, TV, Later())
