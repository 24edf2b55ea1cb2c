"""Inexact Newton methods: the factor from its parts, each against dense matrices, and met at every step."""

from __future__ import annotations

import itertools

import pytest
import torch
from rule_applications import apply, failing, iterates, noise
from torch import Tensor

from invkit.functionals import Functional, Huber, SmoothedNorm, SquaredL2, kullback_leibler, least_squares
from invkit.functionals.hessian_diagonal import hessian_diagonal
from invkit.guarantees import Setting
from invkit.guarantees.theorems.newton.inexact_newton import (
    NEWTON_CG_RATE,
    PRIMAL_DUAL_NEWTON_RATE,
    Spectrum,
    newton_factor,
    smallest_newton_step,
    trials_needed,
)
from invkit.operators import Dense, FromFunction
from invkit.solvers import NewtonCG, PrimalDualNewton
from invkit.solvers.newton.primal_dual_newton import system
from invkit.solvers.newton.radial_linearisation import RadialLinearisation

A = Dense(noise(8, 6))
K = Dense(noise(10, 6, seed=1), codomain_shape=(2, 5))
Y = 3 * noise(2, 8, seed=2)


def objective_of(norm: Functional) -> Functional:
    return least_squares(A, Y) + 0.4 * SquaredL2() + 1.5 * (norm @ K)


NORMS = [Huber(0.3), SmoothedNorm(0.2, axes=(0,))]
SOLVERS = [(NEWTON_CG_RATE, NewtonCG), (PRIMAL_DUAL_NEWTON_RATE, PrimalDualNewton)]


@pytest.mark.parametrize("norm", NORMS, ids=["huber", "smoothed"])
@pytest.mark.parametrize(("rule", "solver"), SOLVERS, ids=["newton", "primal-dual"])
@pytest.mark.parametrize(
    "settings", [{}, {"preconditioner": None, "max_inner": 1, "armijo": 0.4}], ids=["as is", "crude"]
)
def test_the_factor_is_met_at_every_step(norm, rule, solver, settings) -> None:
    objective = objective_of(norm)
    node = apply(rule, objective, solver(**settings))
    assert node.holds
    assert 0 < node.value < 1
    images = iterates(objective, solver(**settings), 20 * noise(2, 6, seed=3), 25)
    best = iterates(objective, NewtonCG(), images[-1], 60)[-1]
    gaps = [objective.value(x) - objective.value(best) for x in images]
    for before, after in itertools.pairwise(gaps):
        assert bool((after <= node.value * before + 1e-10).all())


@pytest.mark.parametrize("norm", NORMS, ids=["huber", "smoothed"])
def test_the_system_and_its_diagonal_lie_where_the_proof_needs_them(norm) -> None:
    objective, solver = objective_of(norm), PrimalDualNewton()
    problem = solver.prepare(objective)
    lipschitz, units = objective.smoothness().upper, torch.eye(6, dtype=torch.float64)
    for seed in range(20):
        x = 10.0 ** (seed % 4 - 2) * noise(1, 6, seed=seed)
        images = tuple(term.forward(x) for term in problem.terms)
        dual = noise(*images[2].shape, seed=seed + 50)
        dual = dual / dual.norm(dim=1, keepdim=True).clamp_min(1) if norm.axes else dual.clamp(-1, 1)
        parts = [None, None, RadialLinearisation(norm, images[2], dual)]
        product = system(problem, images, parts)
        matrix = torch.cat([product(unit[None]) for unit in units])
        assert torch.allclose(matrix, matrix.mT, atol=1e-10)
        eigenvalues = torch.linalg.eigvalsh(matrix)
        assert float(eigenvalues[0]) >= 0.4 - 1e-10
        assert float(eigenvalues[-1]) <= 2 * lipschitz
        hessian = torch.cat([objective.hessian_vector(x, unit[None]) for unit in units])
        assert 0.4 - 1e-10 <= float(torch.linalg.eigvalsh(hessian)[0])
        assert float(torch.linalg.eigvalsh(hessian)[-1]) <= lipschitz
        for diagonal, most in (
            (hessian_diagonal(objective, x), lipschitz),
            (solver._diagonal(problem, images, parts), 2 * lipschitz),
        ):
            assert isinstance(diagonal, Tensor)
            assert 0.4 - 1e-10 <= float(diagonal.min())
            assert float(diagonal.max()) <= most


def test_the_factor_is_worked_out_as_the_formula_says() -> None:
    spectrum = Spectrum(1.0, 1.0, 1.0, preconditioned=False)
    assert smallest_newton_step(spectrum, 0.25, 0.5) == 0.75
    assert newton_factor(spectrum, 0.25, 0.5) == 1 - 2 * 0.25 * 0.75
    assert newton_factor(Spectrum(1.0, 4.0, 4.0, preconditioned=True), 0.25, 0.5) > newton_factor(
        Spectrum(1.0, 4.0, 4.0, preconditioned=False), 0.25, 0.5
    )


@pytest.mark.parametrize("ratio", [1.0, 3.0, 50.0, 1e5])
@pytest.mark.parametrize(("armijo", "backtracking"), [(1e-3, 0.5), (0.4, 0.9), (0.49, 0.1)])
def test_the_number_of_trials_reaches_a_step_that_is_accepted(ratio: float, armijo: float, backtracking: float) -> None:
    spectrum = Spectrum(1.0, ratio, ratio, preconditioned=False)
    needed = trials_needed(spectrum, armijo, backtracking)
    accepted = 2 * (1 - armijo) / ratio
    assert backtracking ** (needed - 1) <= accepted
    assert needed == 1 or backtracking ** (needed - 2) > accepted * (1 - 1e-9)
    assert smallest_newton_step(spectrum, armijo, backtracking) <= backtracking ** (needed - 1) * (1 + 1e-12)


@pytest.mark.parametrize(("rule", "solver"), SOLVERS, ids=["newton", "primal-dual"])
def test_what_is_missing_is_named(rule, solver) -> None:
    flat = least_squares(A, Y) + 0.2 * Huber(0.1)
    assert [p.value for p in failing(apply(rule, flat, solver()))] == [0.0]
    (premise,) = failing(apply(rule, objective_of(Huber(0.3)), solver(max_trials=2)))
    assert premise.value == 2
    assert premise.bound > 2
    counts = kullback_leibler(Dense(A.matrix.abs()), Y.abs(), 1.0) + 0.4 * SquaredL2()
    (premise,) = failing(apply(rule, counts, solver()))
    assert premise.statement == "the gradient of f is Lipschitz with a known constant L"


@pytest.mark.parametrize("solver", [NewtonCG(), PrimalDualNewton()], ids=lambda s: type(s).__name__)
def test_the_line_search_claims_descent_for_whatever_is_accepted(solver) -> None:
    """A sum that is far from convex: F(x) = 0.5 |tanh(A x) - y|^2."""
    (claim,) = solver.claims()
    assert claim.property == "descent"
    bent = FromFunction(lambda x: A.forward(x).tanh(), A.domain, A.codomain)
    objective = SquaredL2(Y / 5) @ bent + 0.1 * Huber(0.05)
    values = [objective.value(x) for x in iterates(objective, solver, 3 * noise(2, 6, seed=4), 30)]
    assert all(bool((b <= a * (1 + 1e-14)).all()) for a, b in itertools.pairwise(values))


@pytest.mark.parametrize(("rule", "solver"), SOLVERS, ids=["newton", "primal-dual"])
def test_a_subclass_is_not_covered(rule, solver) -> None:
    other = type("Other", (solver,), {})()
    objective = objective_of(Huber(0.3))
    assert not rule.about(Setting(subject=objective, solver=other, problem=other.prepare(objective)))


def test_the_dual_may_double_the_largest_eigenvalue_of_a_norm_and_the_factor_counts_it() -> None:
    norm, u = Huber(0.3), torch.tensor([[0.3 + 1e-9]], dtype=torch.float64)
    against = RadialLinearisation(norm, u, torch.tensor([[-1.0]], dtype=torch.float64))
    assert float(against.apply(torch.ones_like(u))) == pytest.approx(2 / 0.3)
    objective = objective_of(norm)
    lipschitz = objective.smoothness().upper
    wanted = newton_factor(Spectrum(0.4, lipschitz, 2 * lipschitz, preconditioned=True), 1e-4, 0.5)
    assert 1 - apply(PRIMAL_DUAL_NEWTON_RATE, objective, PrimalDualNewton()).value == pytest.approx(
        1 - wanted, rel=1e-3
    )
