"""Each theorem holds where its premises do, fails where one does not, and its bound is met step by step."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from invkit.claims import ASSUMED, BY_CONSTRUCTION, CERTIFIED, Basis
from invkit.functionals import L1, Ball, Box, Differentiable, Functional, Proximable, SquaredL2, least_squares
from invkit.guarantees import Node, Setting
from invkit.guarantees.theorems import core_rules
from invkit.guarantees.theorems.gradient.fista import FISTA_RATE, fista_bound
from invkit.guarantees.theorems.gradient.gradient_descent import GRADIENT_DESCENT, gradient_descent_bound
from invkit.guarantees.theorems.gradient.proximal_gradient import PROXIMAL_GRADIENT
from invkit.guarantees.theorems.linear.conjugate_gradient import CONJUGATE_GRADIENT_RATE, conjugate_gradient_factor
from invkit.guarantees.theorems.primal_dual.pdhg import PDHG_CONVERGENCE
from invkit.operators import Dense, Interval, LinearOperator, Space
from invkit.solvers import FISTA, PDHG, ConjugateGradient, GradientDescent, ProximalGradient, Solver
from invkit.testing.examples import solvers as examples


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


A = Dense(noise(8, 6))
Y = noise(1, 8, seed=1)
SQUARES = least_squares(A, Y) + 0.5 * SquaredL2()
LASSO = least_squares(A, Y) + 0.3 * L1()


def apply(rule, objective: Functional, solver: Solver) -> Node:
    setting = Setting(subject=objective, solver=solver, problem=solver.prepare(objective))
    assert rule in [one for one in core_rules() if one.about(setting)]
    return rule.apply(setting)


def failing(node: Node) -> list[str]:
    assert not node.holds
    assert node.claim is None
    assert node.basis is None
    return [child.statement for child in node.children if not child.holds]


@dataclass(frozen=True, eq=False, repr=False)
class Unknown(Differentiable, Proximable):
    """0.5 |x|^2 of which neither convexity nor smoothness is known."""

    modulus: float | None = None
    interval: Interval | None = None

    def _value(self, x: Tensor) -> Tensor:
        return 0.5 * x.square().flatten(1).sum(1)

    def convexity(self) -> float | None:
        return self.modulus

    def _gradient(self, x: Tensor) -> Tensor:
        return x

    def _hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        return v

    def smoothness(self) -> Interval | None:
        return self.interval

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        return v / (1 + tau)

    @property
    def conjugate(self) -> Proximable:
        return self


HOLDS = [
    (GRADIENT_DESCENT, SQUARES, GradientDescent(), "the minimal objective value"),
    (PROXIMAL_GRADIENT, LASSO, ProximalGradient(), "a minimiser"),
    (FISTA_RATE, LASSO, FISTA(), "the minimal objective value"),
    (PDHG_CONVERGENCE, least_squares(A, Y) + 0.3 * (L1() @ A) + Box(0.0), PDHG(), "a minimiser"),
    (CONJUGATE_GRADIENT_RATE, SQUARES, ConjugateGradient(), "the minimiser"),
]


@pytest.mark.parametrize(("rule", "objective", "solver", "to"), HOLDS, ids=[rule.name for rule, *_ in HOLDS])
def test_a_theorem_holds_where_its_premises_do(rule, objective, solver, to) -> None:
    node = apply(rule, objective, solver)
    assert node.holds
    assert all(child.holds for child in node.children)
    assert node.basis == min(child.basis for child in node.children) == CERTIFIED  # the norm of A is computed
    assert node.claim.property == "convergent"
    assert node.claim.params["to"] == to
    assert node.source
    assert node.formula


def test_gradient_descent_beyond_two_over_l_fails_with_both_numbers() -> None:
    node = apply(GRADIENT_DESCENT, SQUARES, GradientDescent(step_size=10.0))
    (step,) = [child for child in node.children if not child.holds]
    assert step.statement == "the step size lies in (0, 2/L)"
    assert step.value == 10.0
    assert math.isclose(step.bound, 2 / SQUARES.smoothness().upper)
    assert step.remedy == "leave step_size out, or lower it"


def test_exactly_two_over_l_is_not_below_it() -> None:
    limit = 2 / SQUARES.smoothness().upper
    assert failing(apply(GRADIENT_DESCENT, SQUARES, GradientDescent(step_size=limit)))
    assert apply(GRADIENT_DESCENT, SQUARES, GradientDescent(step_size=limit * (1 - 1e-9))).holds


def test_fista_allows_one_over_l_and_no_more() -> None:
    limit = 1 / least_squares(A, Y).smoothness().upper
    assert apply(FISTA_RATE, LASSO, FISTA(step_size=limit)).holds
    assert failing(apply(FISTA_RATE, LASSO, FISTA(step_size=1.5 * limit))) == ["the step size lies in (0, 1/L]"]
    assert apply(PROXIMAL_GRADIENT, LASSO, ProximalGradient(step_size=1.5 * limit)).holds


@pytest.mark.parametrize(
    ("rule", "solver"),
    [
        (GRADIENT_DESCENT, GradientDescent(step_size=0.1)),
        (PROXIMAL_GRADIENT, ProximalGradient(step_size=0.1)),
        (FISTA_RATE, FISTA(step_size=0.1)),
    ],
)
def test_an_unknown_smoothness_or_convexity_fails_and_is_named(rule, solver) -> None:
    unknown = failing(apply(rule, SQUARES + Unknown(modulus=0.0), solver))
    assert unknown[0] == "the gradient of f is Lipschitz with a known constant L"
    assert unknown[1].startswith("the step size lies in (0, ")  # nothing to compare it with
    nonconvex = apply(rule, SQUARES + Unknown(interval=Interval.exact(1.0)), solver)
    assert failing(nonconvex)[0].endswith("is convex")


def test_pdhg_with_a_nonconvex_block_fails() -> None:
    objective = least_squares(A, Y) + Unknown() @ A
    assert "f_2 = Unknown() is convex" in failing(apply(PDHG_CONVERGENCE, objective, PDHG()))


def test_pdhg_with_steps_too_long_fails_with_the_product() -> None:
    node = apply(PDHG_CONVERGENCE, least_squares(A, Y) + 0.3 * (L1() @ A), PDHG(tau=1.0, sigma=(0.5, 0.25)))
    (step,) = [child for child in node.children if not child.holds]
    assert math.isclose(step.value, 0.75 * A.norm().upper ** 2)
    assert step.bound == 1.0
    assert "lower a step" in step.remedy


def test_pdhg_says_which_theorem_covers_equality() -> None:
    squared = A.norm().upper ** 2
    objective = least_squares(A, Y) + 0.3 * L1()
    # Steps whose product is 1 in floating point as well; a division alone may be rounded to either side.
    tau, sigma = next(
        (tau, sigma)
        for sigma in (1.0, 1.25, 1.5, 1.75, 2.5, 3.0)
        for tau in (1 / (sigma * squared), math.nextafter(1 / (sigma * squared), 0.0))
        if tau * (sigma * squared) == 1
    )
    equal = apply(PDHG_CONVERGENCE, objective, PDHG(tau=tau, sigma=sigma))
    below = apply(PDHG_CONVERGENCE, objective, PDHG(tau=0.9 * tau, sigma=sigma))
    assert equal.holds
    assert equal.value == 1
    assert "Condat (2013), Theorem 3.3" in equal.source
    assert below.holds
    assert below.value < 1
    assert "Chambolle, Pock (2011)" in below.source


def test_conjugate_gradients_have_a_rate_only_if_the_condition_number_is_known() -> None:
    strongly = apply(CONJUGATE_GRADIENT_RATE, SQUARES, ConjugateGradient())
    kappa = (A.norm().upper ** 2 + 0.5) / 0.5
    assert math.isclose(strongly.value, conjugate_gradient_factor(kappa), rel_tol=1e-9)
    without = apply(CONJUGATE_GRADIENT_RATE, least_squares(A, Y), ConjugateGradient())
    assert without.holds
    assert without.value == 6
    assert "no rate" in without.statement
    assert without.claim.params["to"] == "the minimiser of smallest norm, from zero"


def test_preconditioned_conjugate_gradients_have_another_rate_and_another_limit() -> None:
    assert not apply(CONJUGATE_GRADIENT_RATE, SQUARES, ConjugateGradient("jacobi")).holds


def test_the_basis_of_a_conclusion_is_that_of_its_weakest_premise() -> None:
    @dataclass(frozen=True, eq=False, repr=False)
    class Guessed(LinearOperator):
        """An operator whose norm the user has given."""

        @property
        def domain(self) -> Space:
            return A.domain

        @property
        def codomain(self) -> Space:
            return A.codomain

        def _forward(self, x: Tensor) -> Tensor:
            return A.forward(x)

        def _adjoint(self, y: Tensor) -> Tensor:
            return A.adjoint(y)

        def _norm(self) -> Interval:
            return Interval(0.0, 100.0, "given by the user", ASSUMED)

    node = apply(GRADIENT_DESCENT, least_squares(Guessed(), Y), GradientDescent())
    assert node.holds
    assert node.basis is Basis.ASSUMED


@pytest.mark.parametrize(
    ("term", "basis"),
    [
        (Box(0.0), BY_CONSTRUCTION),
        (Box(1.0, 2.0), BY_CONSTRUCTION),
        (Ball(1.0), BY_CONSTRUCTION),
        (Unknown(0.0), ASSUMED),
    ],
)
def test_a_minimiser_is_assumed_of_what_is_not_known(term: Proximable, basis: Basis) -> None:
    node = apply(PDHG_CONVERGENCE, least_squares(A, Y) + 0.3 * (L1() @ A) + term, PDHG())
    assert node.children[-1].statement == "a saddle point exists"
    assert node.children[-1].basis is basis


def test_two_indicators_that_may_not_meet_are_not_known_to_have_a_minimiser() -> None:
    node = apply(PDHG_CONVERGENCE, least_squares(A, Y) + Box(1.0, 2.0) + Box(3.0, 4.0), PDHG())
    assert node.children[-1].basis is ASSUMED
    both = apply(PDHG_CONVERGENCE, least_squares(A, Y) + Box(-1.0, 2.0) + Box(0.0, 4.0), PDHG())
    assert both.children[-1].basis is BY_CONSTRUCTION


@pytest.mark.parametrize("relative_step", [0.3, 1.0, 1.9])
def test_gradient_descent_meets_its_bound_at_every_step(relative_step: float) -> None:
    solver = GradientDescent(step_size=relative_step / SQUARES.smoothness().upper)
    matrix = A.matrix.mT @ A.matrix + 0.5 * torch.eye(6, dtype=torch.float64)
    minimiser = torch.linalg.solve(matrix, A.matrix.mT @ Y[0]).reshape(1, 6)
    lipschitz = float(torch.linalg.eigvalsh(matrix)[-1])
    least = float(SQUARES.value(minimiser))
    start = 5 * noise(1, 6, seed=3)
    gap, distance = float(SQUARES.value(start)) - least, float((start - minimiser).norm())
    problem = solver.prepare(SQUARES)
    state = solver.init(problem, start)
    for k in range(1, 200):
        state = solver.step(problem, state)
        reached = float(SQUARES.value(state.x)) - least
        assert reached <= gradient_descent_bound(solver.step_size, lipschitz, gap, distance, k) + 1e-12
        if relative_step == 1.0:
            assert reached <= 2 * SQUARES.smoothness().upper * distance**2 / (k + 4) + 1e-12


def test_fista_meets_its_bound_at_every_step() -> None:
    example = examples.fista("cpu", torch.float64)
    objective = example.objective(example.y[:1])
    minimiser = example.expected[:1]
    solver = FISTA()
    problem = solver.prepare(objective)
    start = minimiser + 3 * noise(1, 1, 4, 3, seed=4)
    state = solver.init(problem, start)
    least, distance = float(objective.value(minimiser)), float((start - minimiser).norm())
    closest = math.inf
    for k in range(1, 300):
        state = solver.step(problem, state)
        reached, bound = float(objective.value(state.x)) - least, fista_bound(state.step_size, distance, k)
        assert reached <= bound + 1e-12
        closest = min(closest, bound / max(reached, 1e-300))
    assert closest < 100  # the bound is not met by being vacuous


def test_conjugate_gradients_meet_their_bound_at_every_step() -> None:
    matrix = A.matrix.mT @ A.matrix + 0.5 * torch.eye(6, dtype=torch.float64)
    minimiser = torch.linalg.solve(matrix, A.matrix.mT @ Y[0])
    solver = ConjugateGradient()
    problem = solver.prepare(SQUARES)
    factor = apply(CONJUGATE_GRADIENT_RATE, SQUARES, solver).value

    def energy(x: Tensor) -> float:
        error = x.flatten() - minimiser
        return float((error @ matrix @ error).clamp_min(0).sqrt())

    state = solver.init(problem, None)
    first = energy(solver.solution(state))
    for k in range(1, 12):
        state = solver.step(problem, state)
        assert energy(solver.solution(state)) <= 2 * factor**k * first + 1e-12
        if k == 6:
            assert energy(solver.solution(state)) <= 1e-9 * first


def test_pdhg_approaches_the_saddle_point_it_is_said_to() -> None:
    example = examples.pdhg("cpu", torch.float64)
    objective = example.objective(example.y[:1])
    solver = PDHG()
    assert apply(PDHG_CONVERGENCE, objective, solver).holds
    problem = solver.prepare(objective)
    state = solver.init(problem, torch.zeros_like(example.expected[:1]))
    for _ in range(2000):
        state = solver.step(problem, state)
    assert torch.allclose(state.x, example.expected[:1], atol=1e-8)
