"""SVRG: the expectation over every sequence of draws, computed by going through all of them."""

from __future__ import annotations

import itertools
import math

import pytest
from rule_applications import apply, failing, noise

from invkit.claims import ASSUMED
from invkit.functionals import L1, Box, Huber, SquaredL2, least_squares
from invkit.guarantees import Setting
from invkit.guarantees.theorems.subsets.svrg import SVRG_RATE, longest_step, svrg_factor
from invkit.operators import Dense
from invkit.solvers import SVRG, ProximalGradient, solve
from invkit.solvers.subsets import svrg as module

A, B = Dense(noise(3, 4)), Dense(0.6 * noise(5, 4, seed=1))
F = least_squares(A, noise(1, 3, seed=2)) + least_squares(B, noise(1, 5, seed=3)) + 9.0 * SquaredL2()


@pytest.mark.parametrize("g", [0.8 * L1(), Box(0.0, 0.2)], ids=["l1", "box"])
@pytest.mark.parametrize("relative_step", [0.1, 0.5, 0.99])
@pytest.mark.parametrize("inner", [1, 4])
def test_the_mean_over_all_draws_meets_the_factor(g, relative_step: float, inner: int, monkeypatch) -> None:
    objective = F + g
    problem = SVRG().prepare(objective)
    lipschitz = sum(problem.smoothness)
    solver = SVRG(step_size=relative_step * longest_step(9.0, lipschitz), inner_steps=inner)
    node = apply(SVRG_RATE, objective, solver)
    assert node.holds
    assert node.basis is ASSUMED
    assert 0 < node.value < 1
    assert node.value == pytest.approx(svrg_factor(solver.step_size, 9.0, lipschitz, inner))
    minimiser = solve(objective, ProximalGradient(), rtol=1e-14, max_steps=5000).x
    for seed in range(4):
        start = minimiser + noise(1, 4, seed=seed + 10)
        mean = 0.0
        for draws in itertools.product(range(len(problem.terms)), repeat=inner):
            monkeypatch.setattr(module, "drawn_terms", lambda *_, draws=draws: list(draws))
            x = solver.step(problem, solver.init(problem, start)).x
            probability = math.prod(problem.smoothness[i] / lipschitz for i in draws)
            mean += probability * float((x - minimiser).norm()) ** 2
        assert mean <= node.value * float((start - minimiser).norm()) ** 2


def test_the_limit_of_the_step_is_where_the_factor_reaches_one() -> None:
    for modulus, lipschitz in ((1.0, 3.0), (0.1, 20.0)):
        limit = longest_step(modulus, lipschitz)
        assert svrg_factor(limit, modulus, lipschitz, 50) == pytest.approx(1.0)
        assert svrg_factor(limit * (1 - 1e-6), modulus, lipschitz, 50) < 1
        assert svrg_factor(limit * (1 + 1e-6), modulus, lipschitz, 50) > 1


def test_what_is_missing_is_named() -> None:
    limit = longest_step(9.0, sum(SVRG().prepare(F).smoothness))
    (premise,) = failing(apply(SVRG_RATE, F, SVRG(step_size=limit * (1 + 1e-6))))
    assert premise.value > premise.bound
    weak = least_squares(A, noise(1, 3)) + 0.1 * SquaredL2()
    usual = failing(apply(SVRG_RATE, weak, SVRG()))[0]
    assert usual.value == pytest.approx(0.2 / sum(SVRG().prepare(weak).smoothness))
    flat = least_squares(A, noise(1, 3)) + Huber(0.1)
    statements = [premise.statement for premise in failing(apply(SVRG_RATE, flat, SVRG(step_size=1e-6)))]
    assert statements[0] == "f = f_1 + ... + f_m is strongly convex"


def test_a_subclass_is_not_covered() -> None:
    class Other(SVRG):
        """Not this one."""

    assert not SVRG_RATE.about(Setting(subject=F, solver=Other(), problem=Other().prepare(F)))
