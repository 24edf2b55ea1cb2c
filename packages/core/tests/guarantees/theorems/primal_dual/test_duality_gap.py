from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from convex_problems import PROBLEMS, noise
from theorem_runs import failing, node_of, speaks_of, squared

from invkit.claims import ASSUMED, BY_CONSTRUCTION
from invkit.functionals import L1, Ball, Box, Proximable, SquaredL2, least_squares
from invkit.guarantees.theorems.primal_dual.duality_gap import DUALITY_GAP_BOUND
from invkit.operators import Dense
from invkit.solvers import PDHG, AcceleratedPDHG, AdaptivePDHG, CondatVu, LinearRatePDHG, PreconditionedPDHG
from invkit.solvers.primal_dual.duality_gap import duality_gap

A, Y = Dense(noise((8, 6))), noise((1, 8), seed=1)
FIT = least_squares(A, Y)


@pytest.mark.parametrize(
    ("name", "solver"),
    [
        ("rof", PDHG()),
        ("rof", AcceleratedPDHG()),
        ("denoise-two-norms", AdaptivePDHG()),
        ("denoise-two-norms", PreconditionedPDHG()),
        ("ridge-complex", LinearRatePDHG()),
    ],
)
def test_the_gap_bounds_the_objective_and_the_distance_at_every_step(name, solver) -> None:
    objective = PROBLEMS[name].objective()
    node = node_of(DUALITY_GAP_BOUND, objective, solver)
    assert node.holds
    assert node.claim.property == "error_bounded"
    minimum, x_star = torch.from_numpy(PROBLEMS[name].minimum()), torch.from_numpy(PROBLEMS[name].minimiser())
    problem = solver.prepare(objective)
    state, closest, nearest = solver.init(problem, None), math.inf, math.inf
    for _ in range(100):
        state = solver.step(problem, state)
        gap, above, distance = (
            duality_gap(problem, state),
            objective.value(state.x) - minimum,
            squared(state.x - x_star),
        )
        assert bool((above <= gap + 1e-8).all())
        assert bool((distance <= node.value * gap + 1e-8).all())
        if bool((gap > 1e-5).all()):
            closest, nearest = min(closest, float((gap / above).min())), min(nearest, float((gap / distance).min()))
    assert closest < 5
    assert nearest * node.value < 50


def test_without_a_modulus_or_a_bounded_set_the_gap_is_infinite_and_the_node_says_so() -> None:
    for g in (0.3 * L1(), Box(0.0)):
        wrong = failing(node_of(DUALITY_GAP_BOUND, FIT + g, PDHG()))
        assert list(wrong) == ["g* is finite everywhere"]
        assert wrong["g* is finite everywhere"].value == 0.0
    problem = PDHG().prepare(FIT + 0.3 * (L1() @ A))
    state = PDHG().init(problem, None)
    for _ in range(20):
        state = PDHG().step(problem, state)
    assert bool(duality_gap(problem, state).isinf().all())


@pytest.mark.parametrize("g", [Box(-1.0, 2.0), Ball(1.5)])
def test_a_bounded_set_bounds_the_objective_but_not_the_distance(g) -> None:
    node = node_of(DUALITY_GAP_BOUND, FIT + g, PDHG())
    assert node.holds
    assert node.basis is BY_CONSTRUCTION
    assert node.value is None
    problem = PDHG().prepare(FIT + g)
    state = PDHG().init(problem, None)
    for _ in range(2000):
        state = PDHG().step(problem, state)
    assert 0 <= float(duality_gap(problem, state)) + 1e-9 < 1e-6


@dataclass(frozen=True, eq=False, repr=False)
class Wrong(Proximable):
    """A square of someone else, with a conjugate that is too small by a factor."""

    def _value(self, x):
        return 0.5 * squared(x)

    def convexity(self):
        return 1.0

    def _prox(self, v, tau):
        return v / (1 + tau)

    @property
    def conjugate(self):
        return 4.0 * SquaredL2()


def test_a_conjugate_of_someone_else_is_assumed_to_be_exact() -> None:
    node = node_of(DUALITY_GAP_BOUND, FIT + 1.0 * Wrong(), PDHG())
    assert node.holds
    assert node.basis is ASSUMED
    (conjugates,) = [child for child in node.children if child.statement == "every conjugate is exact"]
    assert "Wrong" in conjugates.how


@dataclass(frozen=True)
class Later(PDHG):
    """A subclass, whose state may be another."""


def test_other_solvers_and_subclasses_are_not_spoken_of() -> None:
    assert not speaks_of(DUALITY_GAP_BOUND, FIT + Box(0.0, 1.0), Later())
    assert not speaks_of(DUALITY_GAP_BOUND, FIT + Box(0.0, 1.0), CondatVu())
