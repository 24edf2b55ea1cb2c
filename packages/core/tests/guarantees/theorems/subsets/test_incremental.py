"""Incremental gradients with falling steps: the inequality of every pass, and the limit."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from rule_applications import apply, failing, iterates, noise

from invkit.functionals import L1, Ball, Box, Functional, SquaredL2, least_squares
from invkit.guarantees import Setting
from invkit.guarantees.theorems.subsets.incremental import INCREMENTAL_GRADIENT, is_bounded_set
from invkit.operators import Dense, Identity
from invkit.solvers import OrderedSubsets, ProximalGradient, StochasticGradient, solve
from invkit.solvers.subsets.stochastic_gradient import incremental_pass

BLOCKS = [Dense(noise(3, 4, seed=seed)) for seed in range(4)]
TERMS = [least_squares(block, noise(1, 3, seed=9 + seed)) for seed, block in enumerate(BLOCKS)]
F = TERMS[0] + TERMS[1] + TERMS[2] + TERMS[3]


@pytest.mark.parametrize(
    "solver", [OrderedSubsets(), StochasticGradient(seed=1), StochasticGradient(batch_size=2, decay=0.3)]
)
@pytest.mark.parametrize("g", [Box(-0.2, 0.3), 2.0 * Ball(0.2, None)], ids=["box", "ball"])
def test_every_pass_obeys_the_inequality_and_the_limit_is_a_minimiser(solver, g: Functional) -> None:
    objective = F + g
    assert apply(INCREMENTAL_GRADIENT, objective, solver).holds
    minimiser = solve(objective, ProximalGradient(), rtol=1e-12, max_steps=5000).x
    images = iterates(objective, solver, torch.zeros(1, 4, dtype=torch.float64), 700)
    batches = len(TERMS) // getattr(solver, "batch_size", 1)
    step = 1 / (len(TERMS) * max(term.smoothness().upper for term in TERMS)) * batches
    # Both sets lie in the ball of radius 0.6, where |gradient f_i| <= |gradient f_i(0)| + 0.6 L_i.
    zero = torch.zeros(1, 4, dtype=torch.float64)
    constant = sum(float(term.gradient(zero).norm()) + 0.6 * term.smoothness().upper for term in TERMS)
    for k, (x, after) in enumerate(itertools.pairwise(images)):
        a = step / (1 + solver.decay * k)
        for z in (minimiser, zero):
            fall = float((x - z).norm() ** 2 - (after - z).norm() ** 2)
            assert fall >= 2 * a * float(F.value(x) - F.value(z)) - a**2 * constant**2 - 1e-12
    assert float((images[-1] - minimiser).norm()) < 5e-3 < 0.05 * float((images[0] - minimiser).norm())


def test_each_premise_that_is_missing_is_named() -> None:
    (premise,) = failing(apply(INCREMENTAL_GRADIENT, F + 0.1 * L1(), OrderedSubsets()))
    assert premise.statement == "g is the indicator of a bounded set"
    (premise,) = failing(apply(INCREMENTAL_GRADIENT, F + Box(0.0), OrderedSubsets()))
    assert premise.statement == "g is the indicator of a bounded set"
    (premise,) = failing(apply(INCREMENTAL_GRADIENT, F + Box(0.0, 1.0), OrderedSubsets(decay=0.0)))
    assert (premise.value, premise.bound) == (0.0, 0.0)
    (premise,) = failing(apply(INCREMENTAL_GRADIENT, F + Box(0.0, 1.0), StochasticGradient(batch_size=3)))
    assert premise.value == 1.0
    long = OrderedSubsets(step_size=2 / (4 * max(term.smoothness().upper for term in TERMS)))
    (premise,) = failing(apply(INCREMENTAL_GRADIENT, F + Box(0.0, 1.0), long))
    assert premise.value >= premise.bound
    assert apply(INCREMENTAL_GRADIENT, F + Box(0.0, 1.0), StochasticGradient(batch_size=9)).holds


def test_uneven_batches_do_end_elsewhere_which_is_why_they_are_excluded() -> None:
    """Three terms (x - c_i)^2 / 2 in batches of two: in the one order there is, the last counts twice as much."""
    centres = torch.tensor([0.0, 0.0, 0.9], dtype=torch.float64)
    identity = Identity((1,), 1, torch.float64, torch.device("cpu"))
    terms = [least_squares(identity, c.reshape(1, 1, 1)) for c in centres]
    objective = terms[0] + terms[1] + terms[2] + Box(-1.0, 1.0)
    problem = StochasticGradient(batch_size=2).prepare(objective)
    x = torch.zeros(1, 1, 1, dtype=torch.float64)
    for k in range(3000):
        x = incremental_pass(problem, x, [[0, 1], [2]], 0.1 / (1 + 0.1 * k))
    assert float(x) == pytest.approx(0.45, abs=0.01)  # the mean is 0.3


def test_bounded_sets_are_told_by_their_bounds() -> None:
    assert is_bounded_set(Box(torch.zeros(4), torch.ones(4)))
    assert not is_bounded_set(Box(torch.zeros(4), torch.tensor([1.0, math.inf, 1.0, 1.0])))
    assert is_bounded_set(3.0 * Ball(2.0))
    assert not is_bounded_set(SquaredL2())

    class Wide(Box):
        """It may project elsewhere."""

    assert not is_bounded_set(Wide(0.0, 1.0))


def test_a_subclass_is_not_covered() -> None:
    class Other(OrderedSubsets):
        """Not this one."""

    objective = F + Box(0.0, 1.0)
    setting = Setting(subject=objective, solver=Other(), problem=Other().prepare(objective))
    assert not INCREMENTAL_GRADIENT.about(setting)
