"""Gradient steps: rates, descent and Fejer monotonicity, step by step and at the limits of the step size."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import pytest
import torch
from convex_problems import PROBLEMS
from rule_applications import apply, failing, iterates, noise
from torch import Tensor

from invkit.claims import BY_CONSTRUCTION, CERTIFIED
from invkit.functionals import L1, Box, Differentiable, Proximable, SquaredL2, least_squares
from invkit.guarantees import Setting
from invkit.guarantees.theorems.gradient.linear_rate import GRADIENT_LINEAR_RATE, gradient_step_factor
from invkit.guarantees.theorems.gradient.monotone import GRADIENT_STEPS_DESCEND, GRADIENT_STEPS_FEJER
from invkit.guarantees.theorems.gradient.proximal_gradient_rate import PROXIMAL_GRADIENT_RATE, proximal_gradient_bound
from invkit.operators import Dense, Interval
from invkit.solvers import GradientDescent, Landweber, ProximalGradient, solve

A = Dense(noise(8, 6))
Y = noise(1, 8, seed=1)
WIDE = Dense(noise(4, 6, seed=2))
YW = noise(1, 4, seed=3)
RIDGE = least_squares(A, Y) + 0.5 * SquaredL2()
LASSO = least_squares(A, Y) + 0.3 * L1()


@dataclass(frozen=True, eq=False, repr=False)
class Wave(Differentiable):
    """sum cos(x_i): smooth with constant 1, not convex."""

    def _value(self, x: Tensor) -> Tensor:
        return x.cos().flatten(1).sum(1)

    def _gradient(self, x: Tensor) -> Tensor:
        return -x.sin()

    def _hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        return -x.cos() * v

    def smoothness(self) -> Interval:
        return Interval.exact(1.0)


@dataclass(frozen=True, eq=False, repr=False)
class Elastic(Proximable):
    """|x|_1 + 0.35 |x|^2, which has no gradient and the modulus 0.7."""

    basis = BY_CONSTRUCTION

    def _value(self, x: Tensor) -> Tensor:
        return (x.abs() + 0.35 * x**2).flatten(1).sum(1)

    def convexity(self) -> float:
        return 0.7

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        return (v.abs() - tau).clamp_min(0) * v.sign() / (1 + 0.7 * tau)

    @property
    def conjugate(self) -> Proximable:
        raise NotImplementedError


@pytest.mark.parametrize("relative_step", [0.3, 1.0, 1.9])
def test_gradient_descent_contracts_by_the_factor_at_every_step(relative_step: float) -> None:
    hessian = A.matrix.mT @ A.matrix + 0.5 * torch.eye(6, dtype=torch.float64)
    objective = RIDGE
    solver = GradientDescent(step_size=relative_step / objective.smoothness().upper)
    node = apply(GRADIENT_LINEAR_RATE, objective, solver)
    assert node.holds
    assert node.further
    assert node.basis is CERTIFIED
    minimiser = torch.linalg.solve(hessian, A.matrix.mT @ Y[0]).reshape(1, 6)
    distances = [float((x - minimiser).norm()) for x in iterates(objective, solver, 5 * noise(1, 6, seed=4), 80)]
    for before, after in itertools.pairwise(distances):
        assert after <= node.value * before + 1e-13


@pytest.mark.parametrize("relative_step", [0.4, 1.0, 1.7])
def test_the_factor_is_attained_along_the_extreme_eigenvectors(relative_step: float) -> None:
    diagonal = torch.tensor([[0.0, 2.0]], dtype=torch.float64)  # Hessian 0.5 and 4.5
    objective = least_squares(Dense(torch.diag(diagonal[0])), torch.zeros(1, 2, dtype=torch.float64))
    objective = objective + 0.5 * SquaredL2()
    solver = GradientDescent(step_size=relative_step / objective.smoothness().upper)
    node = apply(GRADIENT_LINEAR_RATE, objective, solver)
    worst = max(
        float(iterates(objective, solver, start, 1)[1].norm() / start.norm())
        for start in (torch.tensor([[1.0, 0.0]]).double(), torch.tensor([[0.0, 1.0]]).double())
    )
    assert worst <= node.value <= worst * (1 + 1e-9)


def test_a_strongly_convex_g_gives_a_linear_rate_where_f_has_none() -> None:
    objective = least_squares(WIDE, YW) + Elastic()
    solver = ProximalGradient()
    node = apply(GRADIENT_LINEAR_RATE, objective, solver)
    tau = solver.step_size_for(solver.prepare(objective))
    assert math.isclose(node.value, 1 / (1 + 0.7 * tau), rel_tol=1e-9)
    minimiser = iterates(objective, solver, torch.zeros(1, 6, dtype=torch.float64), 4000)[-1]
    distances = [float((x - minimiser).norm()) for x in iterates(objective, solver, 3 * noise(1, 6, seed=5), 60)]
    assert all(b <= node.value * a + 1e-12 for a, b in itertools.pairwise(distances))


@pytest.mark.parametrize("name", ["ridge-complex"])
def test_the_linear_rate_holds_for_complex_images_and_each_of_a_batch(name: str) -> None:
    problem = PROBLEMS[name]
    objective, solver = problem.objective(), ProximalGradient()
    node = apply(GRADIENT_LINEAR_RATE, objective, solver)
    minimiser = torch.from_numpy(problem.minimiser())
    distances = [(x - minimiser).norm(dim=1) for x in iterates(objective, solver, torch.zeros_like(minimiser), 60)]
    assert all(bool((b <= node.value * a + 1e-6).all()) for a, b in itertools.pairwise(distances))


def test_without_a_modulus_there_is_no_linear_rate() -> None:
    (premise,) = failing(apply(GRADIENT_LINEAR_RATE, LASSO, ProximalGradient()))
    assert premise.statement == "f or g is strongly convex"
    assert premise.value == 0.0
    (premise,) = failing(apply(GRADIENT_LINEAR_RATE, least_squares(A, Y) + 0.0 * SquaredL2(), GradientDescent()))
    assert premise.statement == "f or g is strongly convex"


def test_the_factor_is_one_at_two_over_l() -> None:
    assert gradient_step_factor(2 / 5.0, 0.1, 5.0) == pytest.approx(1.0)
    limit = 2 / RIDGE.smoothness().upper
    assert apply(GRADIENT_LINEAR_RATE, RIDGE, GradientDescent(step_size=limit * (1 - 1e-9))).holds
    (premise,) = failing(apply(GRADIENT_LINEAR_RATE, RIDGE, GradientDescent(step_size=limit)))
    assert premise.value == limit
    assert premise.bound == limit


@pytest.mark.parametrize("name", ["lasso", "lasso-complex", "nonnegative", "group-lasso"])
@pytest.mark.parametrize("relative_step", [0.4, 1.0])
def test_proximal_gradient_meets_its_rate_at_every_step(name: str, relative_step: float) -> None:
    problem = PROBLEMS[name]
    objective = problem.objective()
    lipschitz = objective.terms[0].smoothness().upper
    solver = ProximalGradient(step_size=relative_step / lipschitz)
    assert apply(PROXIMAL_GRADIENT_RATE, objective, solver).holds
    minimiser, least = torch.from_numpy(problem.minimiser()), torch.from_numpy(problem.minimum())
    start = minimiser + 3 * noise(*minimiser.shape, seed=6, dtype=problem.dtype)
    distances = (start - minimiser).flatten(1).norm(dim=1)
    closest = math.inf
    for k, x in enumerate(iterates(objective, solver, start, 60)[1:], 1):
        reached = objective.value(x) - least
        for gap, distance in zip(reached.tolist(), distances.tolist(), strict=True):
            bound = proximal_gradient_bound(relative_step / lipschitz, distance, k)
            assert gap <= bound + 1e-8
            closest = min(closest, bound / max(gap, 1e-300))
    assert closest < 20


def test_proximal_gradient_has_this_rate_up_to_one_over_l_and_no_further() -> None:
    limit = 1 / least_squares(A, Y).smoothness().upper
    assert apply(PROXIMAL_GRADIENT_RATE, LASSO, ProximalGradient(step_size=limit)).holds
    assert apply(PROXIMAL_GRADIENT_RATE, LASSO, ProximalGradient()).holds
    assert apply(PROXIMAL_GRADIENT_RATE, 2.7 * least_squares(A, Y), Landweber()).holds
    (premise,) = failing(apply(PROXIMAL_GRADIENT_RATE, LASSO, ProximalGradient(step_size=limit * (1 + 1e-6))))
    assert premise.value > premise.bound


@pytest.mark.parametrize("objective", [RIDGE, Wave() + 0.0 * SquaredL2(), 0.7 * Wave()], ids=["ridge", "wave", "c f"])
def test_gradient_descent_descends_by_what_the_theorem_says_convex_or_not(objective: Differentiable) -> None:
    lipschitz = objective.smoothness().upper
    solver = GradientDescent(step_size=1.99 / lipschitz)
    assert apply(GRADIENT_STEPS_DESCEND, objective, solver).holds
    images = iterates(objective, solver, 3 * noise(1, 6, seed=7), 100)
    share = 1 / solver.step_size - lipschitz / 2
    for x, after in itertools.pairwise(images):
        fall = float(objective.value(x) - objective.value(after))
        assert fall >= share * float((after - x).norm()) ** 2 - 1e-12


def test_beyond_two_over_l_the_objective_may_rise_and_the_distance_too() -> None:
    objective = least_squares(Dense(2 * torch.eye(2, dtype=torch.float64)), torch.zeros(1, 2, dtype=torch.float64))
    step = 2 / objective.smoothness().upper * (1 + 1e-6)
    for rule in (GRADIENT_STEPS_DESCEND, GRADIENT_STEPS_FEJER):
        (premise,) = failing(apply(rule, objective, GradientDescent(step_size=step)))
        assert premise.value == step
        assert premise.bound < step
    x = torch.ones(1, 2, dtype=torch.float64)
    after = x - step * objective.gradient(x)
    assert float(objective.value(after)) > float(objective.value(x))
    assert float(after.norm()) > float(x.norm())


def test_a_nonconvex_f_descends_but_goes_away_from_minimisers() -> None:
    solver = GradientDescent(step_size=1.0)
    (premise,) = failing(apply(GRADIENT_STEPS_FEJER, Wave(), solver))
    assert premise.statement == "f = Wave() is convex"
    x, after = iterates(Wave(), solver, torch.full((1, 1), -0.1, dtype=torch.float64), 1)
    assert float((after - math.pi).abs()) > float((x - math.pi).abs())  # a minimiser, on the other side of a maximum


@pytest.mark.parametrize("relative_step", [0.5, 1.0, 1.999])
@pytest.mark.parametrize("kind", ["descent", "proximal", "landweber"])
def test_no_step_goes_away_from_any_minimiser(relative_step: float, kind: str) -> None:
    """The minimisers of a misfit with a wide matrix are an affine space; of the constrained one, where x > 0."""
    plain = 1.3 * least_squares(WIDE, WIDE.forward(noise(1, 6, seed=8).abs() + 1))
    constrained = plain + Box(0.0)
    step = relative_step / plain.smoothness().upper
    objective, solver = {
        "descent": (plain, GradientDescent(step_size=step)),
        "proximal": (constrained, ProximalGradient(step_size=step)),
        "landweber": (constrained, Landweber(step_size=step)),
    }[kind]
    assert apply(GRADIENT_STEPS_FEJER, objective, solver).holds
    null = torch.linalg.svd(WIDE.matrix).Vh[4:]
    first = noise(1, 6, seed=8).abs() + 1
    minimisers = [first, *(first + 0.3 * t * null[i % 2] for i, t in enumerate((-1.0, 0.5, 1.0)))]
    assert all(float(objective.value(m)) < 1e-20 for m in minimisers)
    images = iterates(objective, solver, 4 * noise(1, 6, seed=9), 60)
    for minimiser in minimisers:
        distances = [float((x - minimiser).norm()) for x in images]
        assert all(b <= a + 1e-13 for a, b in itertools.pairwise(distances))


def test_a_subclass_may_step_otherwise_and_is_not_covered() -> None:
    class Other(ProximalGradient):
        """Not this one."""

    setting = Setting(subject=LASSO, solver=Other(), problem=Other().prepare(LASSO))
    for rule in (GRADIENT_LINEAR_RATE, PROXIMAL_GRADIENT_RATE, GRADIENT_STEPS_DESCEND, GRADIENT_STEPS_FEJER):
        assert not rule.about(setting)


def test_a_misfit_of_weight_zero_leaves_every_statement_true() -> None:
    objective = 0.0 * least_squares(A, Y) + 0.3 * L1()
    solver = ProximalGradient()
    assert apply(PROXIMAL_GRADIENT_RATE, objective, solver).holds
    start = noise(1, 6, seed=10)
    tau = solver.step_size_for(solver.prepare(objective))
    for k, x in enumerate(iterates(objective, solver, start, 5)[1:], 1):
        assert float(objective.value(x)) <= proximal_gradient_bound(tau, float(start.norm()), k)
    assert solve(objective, solver, start, rtol=0.0, max_steps=30).x.abs().max() == 0
