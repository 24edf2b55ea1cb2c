"""What functionals say of themselves when a learned parameter has left the range in which it was given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch

from invkit.claims import ASSUMED, BY_CONSTRUCTION, Basis
from invkit.functionals import (
    Ball,
    Box,
    Differentiable,
    Functional,
    Huber,
    KullbackLeibler,
    L1Ball,
    Simplex,
    SmoothedNorm,
    SmoothKullbackLeibler,
    SquaredL2,
    WeightedL1,
    WeightedSquaredL2,
    translate,
)
from invkit.functionals.base import parameters_hold
from invkit.functionals.conjugate import ScaledConjugate
from invkit.guarantees.existence import has_minimiser, has_saddle_point
from invkit.operators import Dense, Identity, Interval, LinearOperator, Restriction, Space

ONE = torch.ones(1, 3, dtype=torch.float64)

#: A functional of a parameter, a value that the parameter may have, and one that it may not.
LEARNED: dict[str, tuple[Callable[[torch.Tensor], Functional], float, float]] = {
    "box": (lambda p: Box(p, 1.0), 0.0, 2.0),
    "box's high": (lambda p: Box(0.0, p), 1.0, -1.0),
    "support of a box": (lambda p: Box(p, 1.0).conjugate, 0.0, 2.0),
    "ball": (Ball, 1.0, -1.0),
    "l1-ball": (L1Ball, 1.0, -1.0),
    "simplex": (Simplex, 1.0, -1.0),
    "support of a simplex": (lambda p: Simplex(p).conjugate, 1.0, -1.0),
    "weighted l1": (WeightedL1, 1.0, -1.0),
    "huber": (Huber, 0.1, -0.1),
    "conjugate of huber": (lambda p: Huber(p).conjugate, 0.1, -0.1),
    "smoothed norm": (SmoothedNorm, 0.1, -0.1),
    "smoothed norm of NaN": (SmoothedNorm, 0.1, torch.nan),
    "kl of a background": (lambda p: KullbackLeibler(ONE, p), 1.0, -1.0),
    "kl of counts": (KullbackLeibler, 1.0, -1.0),
    "conjugate of kl": (lambda p: KullbackLeibler(p, 1.0).conjugate, 1.0, -1.0),
    "smooth kl of a background": (lambda p: SmoothKullbackLeibler(ONE, p), 1.0, -0.5),
    "smooth kl of a background 0": (lambda p: SmoothKullbackLeibler(ONE, p), 1.0, 0.0),
    "smooth kl of counts": (lambda p: SmoothKullbackLeibler(p, 1.0), 1.0, -2.0),
    "conjugate of smooth kl": (lambda p: SmoothKullbackLeibler(p, 1.0).conjugate, 1.0, -2.0),
    "multiple": (lambda p: p * SmoothedNorm(0.1), 1.0, -1.0),
    "multiple of a conjugate": (lambda p: ScaledConjugate(p, Ball(1.0)), 1.0, -1.0),
    "weighted square": (WeightedSquaredL2, 1.0, -1.0),
}


def shaped(value: float, name: str) -> torch.Tensor:
    plain = torch.tensor(value, dtype=torch.float64)
    return plain.expand(1, 3).clone() if "kl" in name or name.startswith("weighted") else plain


@pytest.mark.parametrize("name", LEARNED)
@pytest.mark.parametrize("within", [False, True], ids=["alone", "in a sum behind an operator"])
def test_a_parameter_out_of_range_leaves_nothing_that_a_rule_could_use(name, within):
    build, good, bad = LEARNED[name]
    parameter = shaped(good, name)
    inner = build(parameter)
    f = inner @ Dense(torch.eye(3, dtype=torch.float64)) + SquaredL2() if within else inner
    assert f.convexity() is not None
    assert parameters_hold(f)
    parameter.fill_(bad)
    assert not parameters_hold(f)
    assert f.convexity() is None
    assert not {"convex", "strongly_convex", "prox", "smooth"} & {claim.property for claim in f.claims()}
    smooth = not isinstance(inner, WeightedSquaredL2) and name != "multiple"  # whose constants stay right
    if smooth and isinstance(f, Differentiable):
        assert f.smoothness() is None
        assert f.hessian_lipschitz() is None
        assert not f.is_twice_differentiable()
    for premise in (has_minimiser(f), has_saddle_point(f)):
        assert not premise.holds
        assert "left its range" in premise.how


@dataclass(frozen=True, eq=False, repr=False)
class Concave(Differentiable):
    """-0.5 |x|^2, with its true modulus."""

    basis: ClassVar[Basis] = BY_CONSTRUCTION

    def _value(self, x: torch.Tensor) -> torch.Tensor:
        return -0.5 * x.square().flatten(1).sum(1)

    def _gradient(self, x: torch.Tensor) -> torch.Tensor:
        return -x

    def _hessian_vector(self, x: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        return -v

    def smoothness(self) -> Interval:
        return Interval.exact(1.0)

    def convexity(self) -> float:
        return -1.0

    def hessian_lipschitz(self) -> float:
        return 0.0


def test_weak_convexity_passes_through_the_algebra_with_the_square_of_the_norm() -> None:
    matrix = torch.tensor([[1.5, 0.3, 0.0], [0.0, -1.0, 0.2]], dtype=torch.float64)
    square = float(torch.linalg.matrix_norm(matrix, 2)) ** 2
    behind = (Concave() @ Dense(matrix)).convexity()
    assert behind is not None
    assert -square * (1 + 1e-9) < behind <= -square
    isometric = Concave() @ Identity((3,), 1, torch.float64)
    modulus = isometric.convexity()
    assert modulus is not None
    assert -1 - 1e-9 < modulus <= -1
    for f in (
        Concave() @ Dense(matrix),
        isometric,
        2.0 * isometric,
        translate(Concave(), ONE),
        Concave() + SquaredL2(),
    ):
        assert not {"strongly_convex"} & {claim.property for claim in f.claims()}
    assert not {"convex"} & {claim.property for claim in isometric.claims()}
    assert (Concave() + SquaredL2()).convexity() == 0.0
    assert (Concave() + 0.5 * SquaredL2()).convexity() == -0.5
    assert (0.1 * Concave()).convexity() <= -0.1
    assert (0.0 * Concave()).convexity() == 0.0


def test_weak_convexity_is_no_strong_one_for_the_existence_of_minimisers() -> None:
    premise = has_minimiser(Concave() + 0.5 * SquaredL2())
    assert premise.basis is ASSUMED
    assert "unique" not in premise.statement


def test_a_sum_with_a_concave_term_has_no_lower_bound_of_its_constant() -> None:
    smooth = (Concave() + SquaredL2()).smoothness()  # its gradient is 0
    assert smooth is not None
    assert smooth.lower == 0


@dataclass(frozen=True, eq=False, repr=False)
class Guessed(LinearOperator):
    """100 x, of which a user guesses that its norm is 1."""

    space: Space
    basis: ClassVar[Basis] = BY_CONSTRUCTION

    @property
    def domain(self) -> Space:
        return self.space

    @property
    def codomain(self) -> Space:
        return self.space

    def _forward(self, x: torch.Tensor) -> torch.Tensor:
        return 100 * x

    def _adjoint(self, y: torch.Tensor) -> torch.Tensor:
        return 100 * y

    def _norm(self) -> Interval:
        return Interval(0.0, 1.0, "a guess")


def test_no_number_without_a_basis_rests_on_an_assumed_norm() -> None:
    guessed = Guessed(Space((1, 3), torch.float64))
    assert guessed.norm().basis is ASSUMED
    assert (SmoothedNorm(0.1) @ guessed).hessian_lipschitz() is None
    assert (SmoothedNorm(0.1) @ guessed).is_twice_differentiable()
    assert (SquaredL2() @ guessed).hessian_lipschitz() == 0
    assert (Concave() @ guessed).convexity() is None


@dataclass(frozen=True, eq=False, repr=False)
class Tripled(SquaredL2):
    """Three times the square."""

    def _value(self, x: torch.Tensor) -> torch.Tensor:
        return 3 * super()._value(x)

    def _gradient(self, x: torch.Tensor) -> torch.Tensor:
        return 3 * super()._gradient(x)


def test_a_class_that_derives_from_a_square_keeps_its_values_when_it_is_translated() -> None:
    f, x = Tripled(), torch.zeros(1, 3, dtype=torch.float64)
    assert float(translate(f, ONE).value(x)) == float(f.value(x - ONE)) == 4.5


@pytest.mark.parametrize("weight", [0.0, 1e-320, torch.tensor(0.0, dtype=torch.float64)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(
    "conjugate",
    [
        Huber(0.1).conjugate,
        SmoothedNorm(0.1).conjugate,
        (2.0 * Huber(0.1, (0,))).conjugate,
        SmoothKullbackLeibler(torch.tensor([[0.0, 1.0, 2.0]]), 1.0).conjugate,
        KullbackLeibler(torch.tensor([[0.0, 1.0, 2.0]]), 1.0).conjugate,
        WeightedSquaredL2(torch.tensor([[0.0, 1.0, 2.0]])).conjugate,
        (0.0 * SquaredL2()).conjugate,
        SquaredL2().conjugate,
        Box(0.0, 1.0).conjugate,
        translate(Huber(0.1), ONE).conjugate,
    ],
    ids=lambda f: repr(f)[:30],
)
def test_the_prox_of_a_vanishing_multiple_of_a_conjugate_is_the_nearest_point_of_its_domain(conjugate, weight, dtype):
    f = weight * conjugate
    assert "prox" in {claim.property for claim in f.claims()}
    v = torch.tensor([[-2.0, 0.5, 3.0]], dtype=dtype)
    p = f.prox(v, 1.0)
    torch.testing.assert_close(p, conjugate.prox(v, 1e-12), atol=1e-6, rtol=1e-6)


def test_the_prox_of_a_vanishing_multiple_of_a_conjugate_has_a_derivative() -> None:
    v = torch.tensor([[-2.0, 0.5, 3.0]], dtype=torch.float64, requires_grad=True)
    weight = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
    (weight * Huber(0.1).conjugate).prox(v, 1.0).sum().backward()
    assert v.grad is not None
    assert v.grad.tolist() == [[0, 1, 0]]
    assert weight.grad is None or bool(weight.grad.isfinite())


def test_no_prox_is_claimed_where_its_quotients_overflow() -> None:
    assert "prox" in {claim.property for claim in ScaledConjugate(1e-3, Ball(1.0)).claims()}
    assert "prox" not in {claim.property for claim in ScaledConjugate(1e-320, Ball(1.0)).claims()}


def test_no_prox_is_claimed_of_a_vanishing_multiple_of_what_another_wrote() -> None:
    @dataclass(frozen=True, eq=False, repr=False)
    class Mine(WeightedL1):
        basis: ClassVar[Basis] = BY_CONSTRUCTION

    f = Mine(torch.ones(3))
    assert "prox" in {claim.property for claim in (1e-3 * f).claims()}
    assert "prox" not in {claim.property for claim in (0.0 * f).claims()}


def test_a_part_of_a_weakly_convex_functional_is_weakly_convex() -> None:
    part = Restriction(Space((3,), torch.float64), 0, torch.tensor([0, 2]))
    assert (Concave() @ part).convexity() == pytest.approx(-1)
