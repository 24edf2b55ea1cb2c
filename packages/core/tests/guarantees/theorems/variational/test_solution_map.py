"""Which minimisers are differentiable in their data, and of which hypergradients the error has a bound."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

import invkit
from invkit.claims import ASSUMED, BY_CONSTRUCTION, CERTIFIED, Basis
from invkit.functionals import (
    L1,
    Differentiable,
    Huber,
    SmoothedNorm,
    SmoothKullbackLeibler,
    SquaredL2,
    least_squares,
    smoothed_tv,
    total_variation,
    translate,
)
from invkit.guarantees import Node, Setting
from invkit.guarantees.theorems.variational.hypergradient import A_POSTERIORI_HYPERGRADIENT_BOUND
from invkit.guarantees.theorems.variational.solution_map import DIFFERENTIABLE_SOLUTION_MAP
from invkit.models import Variational
from invkit.operators import Dense, FiniteDifference
from invkit.operators.norm import Interval
from invkit.solvers import FISTA, PDHG, ConjugateGradient, GradientDescent, NewtonCG, solve


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


A, Y = Dense(noise(8, 6)), noise(1, 8, seed=1)
SMOOTH = least_squares(A, Y) + 0.2 * SmoothedNorm(0.3) + 0.1 * SquaredL2()


def apply(rule, subject, solver) -> Node:
    setting = Setting(subject=subject, solver=solver, problem=solver.prepare(subject))
    assert rule.about(setting)
    return rule.apply(setting)


def failing(node: Node) -> list[str]:
    assert not node.holds
    assert not node.error
    assert all(child.remedy for child in node.children if not child.holds)
    return [child.statement for child in node.children if not child.holds]


@dataclass(frozen=True, eq=False, repr=False)
class Quartic(Differentiable):
    """|x|_4^4 / 4 + |x|^2 / 2 of an author who says what is known: no constant of the Hessian is."""

    def _value(self, x: Tensor) -> Tensor:
        return (x**4 / 4 + x.square() / 2).flatten(1).sum(1)

    def _gradient(self, x: Tensor) -> Tensor:
        return x**3 + x

    def _hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        return (3 * x.square() + 1) * v

    def smoothness(self) -> Interval | None:
        return None

    def convexity(self) -> float:
        return 1.0

    def is_twice_differentiable(self) -> bool:
        return True


@pytest.mark.parametrize("rule", [DIFFERENTIABLE_SOLUTION_MAP, A_POSTERIORI_HYPERGRADIENT_BOUND])
def test_smooth_and_strongly_convex_is_enough(rule) -> None:
    node = apply(rule, SMOOTH, NewtonCG())
    assert node.holds
    assert node.further
    assert node.part
    assert node.basis is BY_CONSTRUCTION


def test_the_numbers_are_the_modulus_and_the_constant_of_the_hessian() -> None:
    assert apply(DIFFERENTIABLE_SOLUTION_MAP, SMOOTH, NewtonCG()).value == pytest.approx(0.1)
    assert apply(A_POSTERIORI_HYPERGRADIENT_BOUND, SMOOTH, NewtonCG()).value == pytest.approx(0.2 * 2 / 0.09)
    quadratic = least_squares(A, Y) + 0.1 * SquaredL2()
    assert apply(A_POSTERIORI_HYPERGRADIENT_BOUND, quadratic, ConjugateGradient()).value == 0


STRONG, C2 = "f is strongly convex with a known modulus", "f is twice continuously differentiable"
HESSIAN = "the Hessian of f is Lipschitz with a known constant L_H"


@pytest.mark.parametrize(
    ("objective", "solver", "missing"),
    [
        (least_squares(A, Y) + 0.2 * SmoothedNorm(0.3), GradientDescent(), [STRONG]),
        (least_squares(A, Y) + 0.2 * Huber(0.3) + 0.1 * SquaredL2(), GradientDescent(), [C2]),
        (least_squares(A, Y) + 0.2 * L1() + 0.1 * SquaredL2(), FISTA(), [C2]),
        (least_squares(A, Y) + 0.0 * SquaredL2(), ConjugateGradient(), [STRONG]),
    ],
)
def test_what_is_missing_is_named(objective, solver, missing: list[str]) -> None:
    assert failing(apply(DIFFERENTIABLE_SOLUTION_MAP, objective, solver)) == missing
    expected = [*missing, HESSIAN] if missing == [C2] else missing
    assert failing(apply(A_POSTERIORI_HYPERGRADIENT_BOUND, objective, solver)) == expected


def test_a_continuous_hessian_of_unknown_constant_has_a_map_and_no_bound() -> None:
    objective = least_squares(A, Y) + Quartic()
    node = apply(DIFFERENTIABLE_SOLUTION_MAP, objective, NewtonCG())
    assert node.holds
    assert node.basis is ASSUMED  # Quartic states no basis
    assert failing(apply(A_POSTERIORI_HYPERGRADIENT_BOUND, objective, NewtonCG())) == [HESSIAN]


class Renamed(SquaredL2):
    """A class outside the core that inherits what its parent was right about."""


def test_a_subclass_outside_the_core_is_assumed() -> None:
    objective = least_squares(A, Y) + Renamed()
    assert apply(DIFFERENTIABLE_SOLUTION_MAP, objective, NewtonCG()).basis is ASSUMED


def slope(penalty, y: float) -> float:
    """du*/dy of 0.5 (u - y)^2 + f(u) by a difference of proximal maps."""
    step = 1e-6
    ends = torch.tensor([[y - step], [y + step]], dtype=torch.float64)
    low, high = penalty.prox(ends, 1.0).flatten().tolist()
    return (high - low) / (2 * step)


def test_the_derivative_is_continuous_where_the_theorem_says_so_and_jumps_for_huber() -> None:
    """At the end of the curved part: u = gamma is reached for y = gamma + rho'(gamma) = gamma + 1."""
    smooth, kinked = SmoothedNorm(0.3), Huber(0.3)
    assert slope(smooth, 1.3 + 1e-4) == pytest.approx(slope(smooth, 1.3 - 1e-4), abs=5e-3)
    assert slope(kinked, 1.3 + 1e-4) - slope(kinked, 1.3 - 1e-4) > 0.7


def test_the_derivative_is_the_formula_of_the_theorem() -> None:
    """-H^(-1) d/dy gradient f = H^(-1) A*, against differences of minimisers."""
    with torch.no_grad():
        u = solve(SMOOTH, NewtonCG(), rtol=1e-13, check_every=1).x
        h = torch.cat([SMOOTH.hessian_vector(u, e[None]) for e in torch.eye(6).double()]).T
        direction = noise(1, 8, seed=5)
        moved = []
        for sign in (1, -1):
            f = least_squares(A, Y + sign * 1e-5 * direction) + 0.2 * SmoothedNorm(0.3) + 0.1 * SquaredL2()
            moved.append(solve(f, NewtonCG(), rtol=1e-13, check_every=1).x)
    found = (moved[0] - moved[1]) / 2e-5
    torch.testing.assert_close(found, torch.linalg.solve(h, A.adjoint(direction).T).T, rtol=1e-5, atol=1e-6)


def test_models_say_how_their_data_enter() -> None:
    def node(fit) -> Node:
        model = Variational(
            lambda space: smoothed_tv(space) + SquaredL2(), 0.1, data_fidelity=fit, solver=GradientDescent()
        )
        operator = FiniteDifference((4, 3), dtype=torch.float64)
        return invkit.explain(model, operator).theorem("differentiable-solution-map")

    assert node("least-squares").basis is BY_CONSTRUCTION
    own = node(lambda operator, y: least_squares(operator, y.abs()))
    assert own.basis is ASSUMED  # and rightly: it has kinks in y
    assert any("assumed of <lambda>" in child.how for child in own.children)


def test_counts_and_translations_are_known_to_enter_smoothly() -> None:
    counts = SmoothKullbackLeibler(noise(1, 8).abs(), 0.5) @ A + SquaredL2()
    moved = least_squares(A, Y) + translate(SmoothedNorm(0.2), noise(1, 6)) + SquaredL2()
    for objective in (counts, moved):
        node = apply(DIFFERENTIABLE_SOLUTION_MAP, objective, GradientDescent())
        assert node.basis is BY_CONSTRUCTION


def test_a_constraint_or_a_norm_is_one_line_in_the_tree() -> None:
    model = Variational(total_variation, 0.1, nonnegative=True, solver=PDHG())
    tree = invkit.explain(model, FiniteDifference((4, 3), dtype=torch.float64))
    assert tree.holds
    node = tree.theorem("differentiable-solution-map")
    assert STRONG in failing(node)
    assert C2 in failing(node)


def test_the_basis_is_that_of_a_class_that_states_one() -> None:
    @dataclass(frozen=True, eq=False, repr=False)
    class Stated(Quartic):
        basis = BY_CONSTRUCTION

    assert isinstance(Stated.basis, Basis)
    node = apply(DIFFERENTIABLE_SOLUTION_MAP, least_squares(A, Y) + Stated(), NewtonCG())
    assert node.basis is ASSUMED  # of its gradient in theta nothing is known


def test_the_constant_of_a_hessian_behind_an_operator_is_known_no_better_than_its_norm() -> None:
    def basis(objective: Differentiable) -> Basis | None:
        node = invkit.explain(objective, solver=NewtonCG()).theorem(A_POSTERIORI_HYPERGRADIENT_BOUND.name)
        assert node.holds
        return node.basis

    assert A.norm().basis is CERTIFIED
    assert basis(least_squares(A, Y) + SquaredL2()) is BY_CONSTRUCTION  # a quadratic: L_H = 0 whatever |A| is
    assert basis(SmoothedNorm(0.1) @ A + SquaredL2()) is CERTIFIED
