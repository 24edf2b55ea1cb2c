"""MLEM: the bound of the objective, descent, and the divergence that falls, against cvxpy."""

from __future__ import annotations

import itertools
import math

import cvxpy as cp
import pytest
import torch
from rule_applications import apply, failing, iterates, noise
from torch import Tensor

from invkit import explain
from invkit.claims import ASSUMED, CERTIFIED
from invkit.functionals import Box, Functional, kullback_leibler
from invkit.guarantees import Setting
from invkit.guarantees.theorems.subsets.mlem import (
    MLEM_CONVERGENCE,
    MLEM_DESCENT,
    mlem_bound,
    weighted_divergence,
)
from invkit.models import Variational
from invkit.operators import Dense
from invkit.solvers import MLEM, OSEM

MATRIX = noise(9, 5).abs() * (noise(9, 5, seed=1) > -0.5)
A, B = Dense(MATRIX), Dense(noise(4, 5, seed=2).abs())
Y, YB = torch.poisson(4 * noise(2, 9, seed=3).abs()), torch.poisson(4 * noise(2, 4, seed=4).abs())
WEIGHTS = (1.3, 0.6)


def objective_with(background: float) -> Functional:
    parts = WEIGHTS[0] * kullback_leibler(A, Y, background) + WEIGHTS[1] * kullback_leibler(B, YB, background)
    return parts + Box(0.0)


def minimisers(background: float) -> Tensor:
    found = []
    for i in range(2):
        x = cp.Variable(5, nonneg=True)
        value = 0
        for c, matrix, y in ((WEIGHTS[0], A.matrix, Y[i]), (WEIGHTS[1], B.matrix, YB[i])):
            z = matrix.numpy() @ x + background
            value = value + c * (cp.sum(z) - cp.sum(cp.multiply(y.numpy(), cp.log(z))))
        cp.Problem(cp.Minimize(value)).solve(solver=cp.CLARABEL, tol_gap_abs=1e-9, tol_gap_rel=1e-9, tol_feas=1e-9)
        found.append(torch.from_numpy(x.value).clamp_min(0))
    return torch.stack(found)


@pytest.mark.parametrize("background", [0.0, 0.7])
def test_mlem_meets_its_bound_descends_and_approaches_in_divergence(background: float) -> None:
    objective = objective_with(background)
    assert apply(MLEM_CONVERGENCE, objective, MLEM()).basis is CERTIFIED
    assert apply(MLEM_DESCENT, objective, MLEM()).further
    best = minimisers(background)
    sensitivity = WEIGHTS[0] * A.matrix.sum(0) + WEIGHTS[1] * B.matrix.sum(0)
    images = iterates(objective, MLEM(), torch.rand(2, 5, dtype=torch.float64) + 0.1, 300)
    first = weighted_divergence(sensitivity, best, images[0])
    gaps = [objective.value(x) - objective.value(best) for x in images]
    divergences = [weighted_divergence(sensitivity, best, x) for x in images]
    closest = math.inf
    for k, gap in enumerate(gaps):
        bound = torch.tensor([mlem_bound(float(d), k) for d in first])
        assert bool((gap <= bound + 1e-8).all())
        closest = min(closest, float((bound / gap.clamp_min(1e-300)).min()))
    assert closest < 30
    assert all(bool((b <= a + 1e-12).all()) for a, b in itertools.pairwise(gaps))
    for k, (before, after) in enumerate(itertools.pairwise(divergences)):
        assert bool((before - after >= gaps[k] - 1e-7).all())  # the inequality that the proof rests on


def test_a_negative_entry_fails_and_a_large_matrix_is_assumed() -> None:
    negative = MATRIX.clone()
    negative[2, 3] = -0.01
    for rule in (MLEM_CONVERGENCE, MLEM_DESCENT):
        (premise,) = failing(apply(rule, kullback_leibler(Dense(negative), Y), MLEM()))
        assert (premise.value, premise.bound) == (-0.01, 0.0)
    large = Dense(torch.rand(2048, 1024))
    assert apply(MLEM_DESCENT, kullback_leibler(large, torch.ones(1, 2048)), MLEM()).basis is ASSUMED


def test_counts_that_nothing_explains_have_no_likelihood() -> None:
    dark = MATRIX.clone()
    dark[4] = 0.0
    counts = Y + 1
    (premise,) = failing(apply(MLEM_CONVERGENCE, kullback_leibler(Dense(dark), counts), MLEM()))
    assert premise.value == 2  # one in each image
    assert apply(MLEM_CONVERGENCE, kullback_leibler(Dense(dark), counts, 0.1), MLEM()).holds
    model = Variational(None, data_fidelity="kullback-leibler", nonnegative=True, solver=MLEM())
    blind = explain(model, Dense(dark)).theorem("mlem-convergence")  # before there is a measurement
    assert blind.holds
    assert blind.basis is ASSUMED
    assert explain(model, A).theorem("mlem-convergence").basis is CERTIFIED
    failing(explain(model, Dense(dark), counts).theorem("mlem-convergence"))


def test_osem_and_a_subclass_have_no_theorem() -> None:
    class Other(MLEM):
        """Not this one."""

    objective = objective_with(0.0)
    assert not MLEM_CONVERGENCE.about(Setting(subject=objective, solver=Other(), problem=Other().prepare(objective)))
    assert not explain(objective, solver=OSEM()).holds
