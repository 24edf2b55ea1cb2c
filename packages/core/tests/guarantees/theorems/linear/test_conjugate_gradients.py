"""Conjugate gradients and CGLS: rates in |.|_H, ends, descent and Fejer monotonicity, against dense solutions."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from rule_applications import apply, failing, iterates, noise
from torch import Tensor

from invkit.claims import ASSUMED
from invkit.functionals import Functional, SquaredL2, least_squares, weighted_least_squares
from invkit.guarantees import Setting
from invkit.guarantees.theorems.linear.cgls import CGLS_RATE
from invkit.guarantees.theorems.linear.conjugate_gradient import CONJUGATE_GRADIENT_RATE
from invkit.guarantees.theorems.linear.monotone import CONJUGATE_GRADIENT_DESCENT, CONJUGATE_GRADIENT_FEJER
from invkit.guarantees.theorems.linear.preconditioned import PRECONDITIONED_CONJUGATE_GRADIENT
from invkit.operators import Dense
from invkit.solvers import CGLS, ConjugateGradient, LinearProblem

SCALES = torch.logspace(-0.3, 0.3, 6, dtype=torch.float64)
A = Dense(noise(8, 6) * SCALES)
AC = Dense(noise(8, 6, dtype=torch.complex128))
FLAT = Dense(noise(7, 2, seed=1) @ noise(2, 6, seed=2))
JACOBI = ConjugateGradient("jacobi")
SOLVERS = [
    (CONJUGATE_GRADIENT_RATE, ConjugateGradient()),
    (CGLS_RATE, CGLS()),
    (PRECONDITIONED_CONJUGATE_GRADIENT, JACOBI),
]


def ridge(operator: Dense) -> tuple[Functional, Tensor, Tensor]:
    """2 * least squares + 0.15 |x|^2, its Hessian, and its minimiser for each of two measurements."""
    matrix = operator.matrix
    y = noise(2, operator.codomain.size, seed=3, dtype=matrix.dtype)
    objective = 2.0 * least_squares(operator, y) + 0.3 * SquaredL2()
    hessian = 2 * matrix.mH @ matrix + 0.3 * torch.eye(6, dtype=matrix.dtype)
    return objective, hessian, torch.linalg.solve(hessian, 2 * matrix.mH @ y.mT).mT


def energies(hessian: Tensor, errors: Tensor) -> Tensor:
    return (errors.conj() * (errors @ hessian.mT)).sum(1).real.clamp_min(0).sqrt()


@pytest.mark.parametrize(("rule", "solver"), SOLVERS, ids=["cg", "cgls", "jacobi"])
@pytest.mark.parametrize("operator", [A, AC], ids=["real", "complex"])
def test_the_bound_in_the_energy_norm_is_met_at_every_step(rule, solver, operator: Dense) -> None:
    objective, hessian, minimisers = ridge(operator)
    node = apply(rule, objective, solver)
    assert 0 < node.value < 1
    start = noise(2, 6, seed=4, dtype=operator.matrix.dtype)
    found = [energies(hessian, x - minimisers) for x in iterates(objective, solver, start, 10)]
    for k, energy in enumerate(found):
        assert bool((energy <= 2 * node.value**k * found[0] + 1e-10).all())
    assert float(found[6].max()) < 1e-6 * float(found[0].max())


def test_the_condition_number_is_bounded_from_above_and_not_by_much() -> None:
    for operator in (A, AC):
        objective, hessian, _ = ridge(operator)
        eigenvalues = torch.linalg.eigvalsh(hessian)
        true = float(eigenvalues[-1]) / 0.3  # the modulus that is known, not the smallest eigenvalue
        for rule, solver in SOLVERS[:2]:
            q = apply(rule, objective, solver).value
            kappa = ((1 + q) / (1 - q)) ** 2
            assert true * (1 - 1e-9) <= kappa <= true * (1 + 1e-6)
        q = apply(PRECONDITIONED_CONJUGATE_GRADIENT, objective, JACOBI).value
        scaled = hessian / torch.diag(hessian).real.sqrt()[:, None] / torch.diag(hessian).real.sqrt()
        spectrum = torch.linalg.eigvalsh(scaled)
        assert float(spectrum[-1] / spectrum[0]) <= ((1 + q) / (1 - q)) ** 2


@pytest.mark.parametrize(("rule", "solver"), SOLVERS, ids=["cg", "cgls", "jacobi"])
def test_a_singular_system_is_solved_in_finitely_many_steps_without_a_rate(rule, solver) -> None:
    y = noise(1, 7, seed=5)
    node = apply(rule, least_squares(FLAT, y), solver)
    assert node.value == 6
    assert "no rate" in node.statement
    start = noise(1, 6, seed=6)
    found = iterates(least_squares(FLAT, y), solver, start, 6)[-1]
    gradient = (found @ FLAT.matrix.mT - y) @ FLAT.matrix
    assert float(gradient.norm()) < 1e-8
    if solver is not JACOBI:
        nearest = start + (y - start @ FLAT.matrix.mT) @ torch.linalg.pinv(FLAT.matrix, rtol=1e-10).mT
        assert torch.allclose(found, nearest, atol=1e-8)


def test_jacobi_goes_from_zero_to_the_minimiser_that_is_shortest_in_its_own_norm() -> None:
    y = noise(1, 7, seed=5)
    assert "smallest |D^(1/2) x|" in apply(PRECONDITIONED_CONJUGATE_GRADIENT, least_squares(FLAT, y), JACOBI).statement
    found = iterates(least_squares(FLAT, y), JACOBI, None, 6)[-1]
    root = torch.diag(FLAT.matrix.mT @ FLAT.matrix).sqrt()
    shortest = (y @ torch.linalg.pinv(FLAT.matrix / root, rtol=1e-10).mT) / root
    assert torch.allclose(found, shortest, atol=1e-8)


def test_complex_images_may_need_twice_the_steps_where_the_operator_is_only_real_linear() -> None:
    objective = least_squares(AC, noise(1, 8, seed=3, dtype=torch.complex128))
    assert apply(CGLS_RATE, objective, CGLS()).value == 12


@pytest.mark.parametrize("solver", [ConjugateGradient(), CGLS(), JACOBI], ids=["cg", "cgls", "jacobi"])
@pytest.mark.parametrize("operator", [A, FLAT], ids=["regular", "singular"])
def test_the_objective_never_increases(solver, operator: Dense) -> None:
    y = noise(2, operator.codomain.size, seed=7)
    objective = weighted_least_squares(operator, y, torch.rand(operator.codomain.size, dtype=torch.float64))
    assert apply(CONJUGATE_GRADIENT_DESCENT, objective, solver).holds
    values = [objective.value(x) for x in iterates(objective, solver, 5 * noise(2, 6, seed=8), 12)]
    assert all(bool((b <= a * (1 + 1e-12)).all()) for a, b in itertools.pairwise(values))


@pytest.mark.parametrize("solver", [ConjugateGradient(), CGLS()], ids=["cg", "cgls"])
def test_no_step_goes_away_from_any_minimiser(solver) -> None:
    y = noise(1, 7, seed=9)
    objective = least_squares(FLAT, y)
    assert apply(CONJUGATE_GRADIENT_FEJER, objective, solver).holds
    shortest = y @ torch.linalg.pinv(FLAT.matrix, rtol=1e-10).mT
    null = torch.linalg.svd(FLAT.matrix).Vh[2:]
    images = iterates(objective, solver, 5 * noise(1, 6, seed=10), 8)
    for minimiser in (shortest, shortest + 2 * null[:1], shortest - 0.3 * null[1:2]):
        distances = [float((x - minimiser).norm()) for x in images]
        assert all(b <= a + 1e-11 for a, b in itertools.pairwise(distances))


def test_a_preconditioner_takes_the_distance_away_but_not_the_descent() -> None:
    objective, *_ = ridge(A)
    (premise,) = failing(apply(CONJUGATE_GRADIENT_FEJER, objective, JACOBI))
    assert premise.statement == "the steps are not preconditioned"
    matrix = noise(3, 3) * torch.logspace(-1.5, 1.5, 3, dtype=torch.float64)
    skewed = least_squares(Dense(matrix), torch.zeros(1, 3, dtype=torch.float64))
    rises = [
        b > a + 1e-9
        for seed in range(20)
        for a, b in itertools.pairwise(float(x.norm()) for x in iterates(skewed, JACOBI, noise(1, 3, seed=seed), 3))
    ]
    assert any(rises)


def test_learned_weights_that_became_negative_are_no_sum_of_squares() -> None:
    weights = torch.ones(8, dtype=torch.float64)
    objective = weighted_least_squares(A, noise(1, 8), weights)
    weights[0] = -1.0
    for rule, solver in (*SOLVERS, (CONJUGATE_GRADIENT_DESCENT, CGLS()), (CONJUGATE_GRADIENT_FEJER, CGLS())):
        statements = [premise.statement for premise in failing(apply(rule, objective, solver))]
        assert "the objective is a sum of squares with weights >= 0" in statements


def test_a_problem_given_by_hand_need_not_have_a_solution() -> None:
    objective = least_squares(FLAT, noise(1, 7))
    problem = LinearProblem(objective, FLAT.normal(), noise(1, 6))  # b outside the range of H
    node = CONJUGATE_GRADIENT_RATE.apply(Setting(subject=problem, solver=ConjugateGradient(), problem=problem))
    assert node.holds
    assert node.basis is ASSUMED


def test_a_subclass_is_not_covered() -> None:
    class Other(CGLS):
        """Not this one."""

    objective, *_ = ridge(A)
    setting = Setting(subject=objective, solver=Other(), problem=Other().prepare(objective))
    assert not any(rule.about(setting) for rule in (CGLS_RATE, CONJUGATE_GRADIENT_DESCENT, CONJUGATE_GRADIENT_FEJER))


def test_the_factor_of_a_perfect_condition_number_is_zero_up_to_rounding() -> None:
    identity = Dense(torch.eye(6, dtype=torch.float64))
    node = apply(CGLS_RATE, SquaredL2(noise(1, 6)) + 0.0 * least_squares(identity, noise(1, 6)), CGLS())
    assert node.holds
    assert math.isclose(node.value, 0.0, abs_tol=1e-12)
