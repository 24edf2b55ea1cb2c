"""Landweber: limits against the pseudo-inverse, what noise can do in k steps, and the stop by the discrepancy."""

from __future__ import annotations

import math

import pytest
import torch
from convex_problems import PROBLEMS
from rule_applications import apply, failing, iterates, noise
from torch import Tensor

from invkit import explain
from invkit.claims import ASSUMED, CERTIFIED
from invkit.functionals import Box, least_squares
from invkit.guarantees import Node
from invkit.guarantees.theorems.gradient.discrepancy import error_falls_above
from invkit.guarantees.theorems.gradient.landweber import LANDWEBER, landweber_noise_bound
from invkit.models import IterativelyRegularised
from invkit.operators import Dense, FromFunction
from invkit.solvers import CGLS, GradientDescent, Kaczmarz, Landweber, Misfit, solve

WIDE = Dense(noise(4, 6))
FLAT = Dense(noise(6, 2, seed=1) @ noise(2, 5, seed=2))  # of rank 2
BLUR = Dense(torch.exp(-0.5 * (torch.arange(24.0)[:, None] - torch.arange(24.0)) ** 2 / 4).double() / 5)


@pytest.mark.parametrize("operator", [WIDE, FLAT], ids=["wide", "rank 2"])
@pytest.mark.parametrize("relative_step", [0.5, 1.0, 1.9])
@pytest.mark.parametrize("weight", [1.0, 3.7])
def test_landweber_converges_to_the_nearest_least_squares_solution(
    operator: Dense, relative_step: float, weight: float
) -> None:
    y = noise(2, operator.codomain.size, seed=3)
    start = noise(2, operator.domain.size, seed=4)
    solver = Landweber(step_size=relative_step / (weight * operator.norm().upper ** 2))
    objective = weight * least_squares(operator, y)
    node = apply(LANDWEBER, objective, solver)
    assert node.holds
    assert node.basis is CERTIFIED
    assert node.claim.params["to"] == "the least-squares solution nearest to the start"
    nearest = start + (y - start @ operator.matrix.mT) @ torch.linalg.pinv(operator.matrix, rtol=1e-10).mT
    assert torch.allclose(iterates(objective, solver, start, 4000)[-1], nearest, atol=1e-6)


def test_projected_landweber_converges_to_a_minimiser_over_the_set() -> None:
    problem = PROBLEMS["nonnegative"]
    node = apply(LANDWEBER, problem.objective(), Landweber())
    assert node.claim.params["to"] == "a minimiser over the set"
    found = solve(problem.objective(), Landweber(), rtol=0.0, max_steps=3000).x
    assert torch.allclose(found, torch.from_numpy(problem.minimiser()), atol=1e-5)


def test_landweber_fails_for_what_it_does_not_cover() -> None:
    y = noise(1, 4, seed=3)
    limit = 2 / WIDE.norm().upper ** 2
    (premise,) = failing(apply(LANDWEBER, least_squares(WIDE, y), Landweber(step_size=limit * (1 + 1e-6))))
    assert premise.value > premise.bound
    bent = FromFunction(lambda x: WIDE.forward(x).tanh(), WIDE.domain, WIDE.codomain)
    (premise,) = failing(apply(LANDWEBER, Misfit(bent, y), Landweber(step_size=0.01)))
    assert premise.statement == "F is linear and its adjoint is exact"
    (premise,) = failing(apply(LANDWEBER, 0.0 * least_squares(WIDE, y), Landweber()))
    assert premise.statement == "the weight c of the misfit is positive"
    assert premise.value == 0.0
    assert apply(LANDWEBER, Misfit(WIDE, y), Landweber()).holds


def steps_matrix(operator: Dense, step: float, k: int) -> Tensor:
    """R_k, which takes y to the k-th iterate from zero."""
    normal = torch.eye(operator.domain.size, dtype=torch.float64) - step * operator.matrix.mT @ operator.matrix
    total = sum(torch.linalg.matrix_power(normal, j) for j in range(k))
    return step * total @ operator.matrix.mT


@pytest.mark.parametrize("relative_step", [0.3, 1.0, 1.9])
@pytest.mark.parametrize("k", [1, 2, 7, 50])
@pytest.mark.parametrize("solver", [Landweber, GradientDescent])
def test_k_steps_amplify_noise_at_most_as_stated(relative_step: float, k: int, solver: type) -> None:
    step = relative_step / BLUR.norm().upper ** 2
    model = IterativelyRegularised(solver=solver(step_size=step), max_steps=k)
    node = explain(model, BLUR).theorem("landweber-steps")
    assert node.holds
    assert node.claim.property == "lipschitz"
    matrix = steps_matrix(BLUR, step, k)
    size = float(torch.linalg.matrix_norm(matrix, 2))
    assert size <= node.claim.params["constant"] <= 3 * size
    y = noise(1, 24, seed=5)
    assert torch.allclose(model(y, BLUR), y @ matrix.mT, atol=1e-10)


def test_one_step_of_length_one_over_l_attains_its_bound() -> None:
    operator = Dense(2 * torch.eye(3, dtype=torch.float64))
    model = IterativelyRegularised(max_steps=1)
    constant = explain(model, operator).theorem("landweber-steps").value
    assert constant == pytest.approx(0.5)
    assert constant >= 0.5 * (1 - 1e-10)
    assert landweber_noise_bound(0.25, 4.0, 1) == 0.5


def test_a_number_of_steps_that_the_measurement_decides_is_no_fixed_one() -> None:
    node = explain(IterativelyRegularised(noise_std=0.1), BLUR).theorem("landweber-steps")
    assert failing(node)[0].statement == "the number of steps is fixed, whatever the measurement"


def stopped(solver, noise_std: float, **settings) -> Node:
    model = IterativelyRegularised(solver=solver, noise_std=noise_std, **settings)
    return explain(model, BLUR).theorem("landweber-discrepancy")


def test_the_discrepancy_principle_regularises_and_rests_on_the_noise_level() -> None:
    node = stopped(Landweber(), 0.1)
    assert node.holds
    assert node.further
    assert node.basis is ASSUMED
    assert node.claim.params["by"] == "the discrepancy principle"
    level = next(child for child in node.children if child.statement.startswith("|y - A x*|"))
    assert level.value == pytest.approx(0.1 * math.sqrt(24))
    assert level.basis is ASSUMED


@pytest.mark.parametrize("relative_step", [0.5, 1.0, 1.6])
def test_the_error_falls_while_the_discrepancy_is_above_the_stated_multiple(relative_step: float) -> None:
    step = relative_step / BLUR.norm().upper ** 2
    limit = stopped(Landweber(step_size=step), 0.1).value
    assert limit == pytest.approx(error_falls_above(step, BLUR.norm().upper ** 2))
    assert limit == pytest.approx(2 / (2 - relative_step))
    truth = torch.zeros(1, 24, dtype=torch.float64)
    truth[:, 6:15] = 1.0
    for seed in range(5):
        error = 0.05 * noise(1, 24, seed=seed)
        y, delta = BLUR.forward(truth) + error, float(error.norm())
        images = iterates(least_squares(BLUR, y), Landweber(step_size=step), None, 300)
        above = [float((BLUR.forward(x) - y).norm()) > limit * delta for x in images]
        distances = [float((x - truth).norm()) for x in images]
        assert sum(above) > 1
        for before, after, strict in zip(distances, distances[1:], above, strict=False):
            assert not strict or after < before


@pytest.mark.parametrize("solver", [Landweber(), GradientDescent(), CGLS()], ids=lambda s: type(s).__name__)
def test_the_error_tends_to_zero_with_the_noise(solver) -> None:
    """On an operator of rank 2, whose null space keeps the part that is not seen: the limit is A^+ A x."""
    truth = noise(1, 5, seed=7)
    seen = (torch.linalg.pinv(FLAT.matrix, rtol=1e-10) @ FLAT.matrix @ truth[0])[None]
    errors = []
    for level in (1e-1, 1e-3, 1e-5, 1e-7):
        error = noise(1, 6, seed=8)
        error = level * error / error.norm()
        model = IterativelyRegularised(solver=solver, noise_std=level / math.sqrt(6), max_steps=200_000)
        y = FLAT.forward(truth) + error
        assert model.solve(y, FLAT).converged
        errors.append(float((model(y, FLAT) - seen).norm()))
    smallest = float(torch.linalg.svdvals(FLAT.matrix)[1])
    assert all(e <= (1.01 + 3) * level / smallest for e, level in zip(errors, (1e-1, 1e-3, 1e-5, 1e-7), strict=True))


def test_early_stopping_without_a_noise_level_does_not_regularise() -> None:
    node = explain(IterativelyRegularised(max_steps=10), BLUR).theorem("landweber-discrepancy")
    assert failing(node)[0].remedy == "give noise_std, and a factor larger than 1"
    model = IterativelyRegularised(noise_std=0.1)
    model.factor = 1.0
    (premise,) = failing(explain(model, BLUR).theorem("landweber-discrepancy"))
    assert (premise.value, premise.bound) == (1.0, 1.0)


def test_other_solvers_and_models_have_no_such_theorem() -> None:
    class Other(IterativelyRegularised):
        """Not this one."""

    for model in (Other(noise_std=0.1), IterativelyRegularised(solver=Kaczmarz(), noise_std=0.1)):
        tree = explain(model, BLUR)
        assert not [node for node in tree.walk() if node.concludes in ("regularising", "lipschitz")]
    node = explain(IterativelyRegularised(solver=CGLS(), noise_std=0.1), BLUR).theorem("cgls-discrepancy")
    assert node.basis is ASSUMED
    assert failing(explain(IterativelyRegularised(solver=CGLS()), BLUR).theorem("cgls-discrepancy"))


def test_a_constraint_does_not_spoil_what_is_said_of_the_limit() -> None:
    node = apply(LANDWEBER, least_squares(WIDE, noise(1, 4)) + Box(1.0, 2.0), Landweber())
    assert node.holds
    assert "set" in node.statement


def test_a_misfit_of_somebody_else_is_no_more_than_assumed() -> None:
    class Mine(Misfit):
        """It may have another value."""

    node = apply(LANDWEBER, Mine(WIDE, noise(1, 4)), Landweber())
    assert node.holds
    assert node.basis is ASSUMED
    assert all(
        n.basis is ASSUMED for n in explain(Mine(WIDE, noise(1, 4)), solver=Landweber()).children if n.rule and n.holds
    )
