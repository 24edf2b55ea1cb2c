"""What nobody has stated is assumed: of functionals, operators, solvers and models from outside the core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from invkit.claims import ASSUMED, BY_CONSTRUCTION, CERTIFIED, Basis
from invkit.errors import GuaranteeError
from invkit.functionals import Box, Differentiable, Functional, GroupL1, SquaredL2, least_squares
from invkit.functionals.regularisers import l1, squared_l2
from invkit.guarantees import Node, explain, missing, require
from invkit.guarantees.node import NOTE
from invkit.guarantees.theorems import core_rules
from invkit.models import Adjoint, PseudoInverse, Variational
from invkit.operators import Dense, Identity, Interval, LinearOperator, Space
from invkit.operators.moving import basis_of, silent_classes
from invkit.solvers import FISTA, PDHG, GradientDescent, Solver

A = Identity((4, 3), dtype=torch.float64)


@dataclass(frozen=True, eq=False, repr=False)
class Cosine(Differentiable):
    """sum cos x, which is not convex and does not say that it is."""

    def _value(self, x: Tensor) -> Tensor:
        return torch.cos(x).flatten(1).sum(1)

    def _gradient(self, x: Tensor) -> Tensor:
        return -torch.sin(x)

    def _hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        return -torch.cos(x) * v

    def smoothness(self) -> Interval:
        return Interval.exact(1.0)


class WrongProx(GroupL1):
    """|x|_1 with a proximal map that is not its own."""

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        return 0.5 * v


class StatedL1(GroupL1):
    """|x|_1 of an author who states it."""

    basis: ClassVar[Basis] = BY_CONSTRUCTION


class SilentHeir(StatedL1):
    """A subclass that states nothing of itself."""


@dataclass(frozen=True, eq=False, repr=False)
class WrongAdjoint(LinearOperator):
    """3x, with an adjoint and a norm that are not its own."""

    @property
    def domain(self) -> Space:
        return A.domain

    @property
    def codomain(self) -> Space:
        return A.domain

    def _forward(self, x: Tensor) -> Tensor:
        return 3 * x

    def _adjoint(self, y: Tensor) -> Tensor:
        return -y

    def _norm(self) -> Interval:
        return Interval.exact(1.0)


class Certified(WrongAdjoint):
    """One that is stated on a weaker basis."""

    basis: ClassVar[Basis] = CERTIFIED


class Drifting(GradientDescent):
    """Gradient descent that does something else."""

    def step(self, problem: Any, state: Any) -> Any:
        return super().step(problem, super().step(problem, state))


class Doubled(Variational):
    """A model that solves its problem and returns something else."""

    def forward(self, y: Tensor, operator: LinearOperator) -> Tensor:
        return 2 * super().forward(y, operator)


class Stated(Variational):
    """A model of an author who states that it does what it says."""

    basis: ClassVar[Basis] = BY_CONSTRUCTION


class Posed(Variational):
    """A model with a given objective."""

    basis: ClassVar[Basis] = BY_CONSTRUCTION

    def __init__(self, posed: Functional, solver: Solver[Any, Any]) -> None:
        super().__init__(None, solver=solver)
        self.posed = posed

    def objective(self, y: Tensor, operator: LinearOperator) -> Functional:
        return self.posed


def explained(model: Any, operator: LinearOperator = A) -> Node:
    return explain(model, operator, rules=core_rules())


def test_a_class_outside_the_core_is_assumed_until_it_states_a_basis_of_its_own() -> None:
    assert basis_of(GroupL1()) is BY_CONSTRUCTION
    assert basis_of(WrongProx()) is ASSUMED
    assert basis_of(StatedL1()) is BY_CONSTRUCTION
    assert basis_of(SilentHeir()) is ASSUMED
    assert basis_of(Certified()) is CERTIFIED


def test_what_is_made_of_assumed_parts_is_assumed() -> None:
    composed = SquaredL2() + 0.5 * (StatedL1() @ (2.0 * WrongAdjoint()))
    assert basis_of(composed) is ASSUMED
    assert silent_classes(composed) == (WrongAdjoint,)
    assert basis_of(A @ Certified()) is CERTIFIED


def test_every_claim_of_an_assumed_object_is_assumed() -> None:
    assert {claim.basis for claim in WrongAdjoint().claims()} == {ASSUMED}
    assert {claim.basis for claim in (0.3 * WrongProx()).claims()} == {ASSUMED}
    assert {claim.basis for claim in Cosine().claims()} == {ASSUMED}
    assert {claim.basis for claim in (2.0 * A).claims()} == {BY_CONSTRUCTION}


def test_convexity_that_nobody_states_is_not_known() -> None:
    assert Cosine().convexity() is None
    assert (SquaredL2() + Cosine()).convexity() is None
    tree = explained(Variational(lambda domain: Cosine(), 1.0, solver=GradientDescent()))
    assert not tree.holds
    with pytest.raises(GuaranteeError, match=r"Cosine\(\) is convex.*let its convexity\(\) return 0\.0 or a modulus"):
        require(tree, ["convergent"])


@pytest.mark.parametrize(
    ("model", "operator", "name"),
    [
        (Variational(lambda domain: WrongProx(), 0.1, solver=FISTA()), A, "WrongProx"),
        (Variational(lambda domain: SilentHeir(), 0.1, solver=PDHG()), A, "SilentHeir"),
        (Variational(squared_l2, 0.1, solver=GradientDescent()), WrongAdjoint(), "WrongAdjoint"),
        (PseudoInverse(), WrongAdjoint(), "WrongAdjoint"),
        (Doubled(l1, 0.1), A, "Doubled"),
    ],
    ids=["prox", "heir", "operator", "conjugate gradients", "model"],
)
def test_what_is_assumed_satisfies_no_requirement_and_the_message_says_what_its_author_would_state(
    model: Variational, operator: LinearOperator, name: str
) -> None:
    tree = explained(model, operator)
    assert tree.holds
    assert tree.basis is ASSUMED
    assert missing(tree, ["convergent"]) == ["convergent"]
    with pytest.raises(
        GuaranteeError,
        match=rf"only assumed.*{name} does not state.*author of {name} would state.*basis: ClassVar\[Basis\]",
    ):
        require(tree, ["convergent"])


@pytest.mark.parametrize(
    "model",
    [Variational(lambda domain: StatedL1(), 0.1, solver=FISTA()), Stated(l1, 0.1)],
    ids=["functional", "model"],
)
def test_what_its_author_states_satisfies_it(model: Variational) -> None:
    assert missing(explained(model), ["convergent"]) == []


def test_a_model_whose_calls_were_replaced_is_assumed() -> None:
    model = Variational(l1, 0.1)
    assert missing(explained(model), ["convergent"]) == []
    model.solve = lambda *args, **settings: None  # type: ignore[method-assign]
    assert missing(explained(model), ["convergent"]) == ["convergent"]


def test_a_subclass_of_a_solver_does_not_inherit_its_theorem() -> None:
    tree = explained(Variational(squared_l2, 1.0, solver=Drifting()))
    assert not tree.holds
    assert tree.children[0].statement == "no theorem is registered for Drifting"


def test_a_linear_model_is_as_linear_as_the_operator_is_known_to_be() -> None:
    assert missing(explained(Adjoint(), WrongAdjoint()), ["linear", "lipschitz"]) == ["linear", "lipschitz"]
    assert missing(explained(Adjoint(), A), ["linear", "lipschitz"]) == []


def test_a_strongly_convex_sum_of_indicators_that_may_not_meet_is_not_known_to_have_a_minimiser() -> None:
    data = least_squares(A, torch.ones(1, 1, 4, 3, dtype=torch.float64))
    apart = explained(Posed(data + Box(0.0, 1.0) + Box(2.0, 3.0), PDHG()))
    assert missing(apart, ["convergent"]) == ["convergent"]
    alone = explained(Posed(data + Box(2.0, 3.0), PDHG()))
    assert missing(alone, ["convergent"]) == []


def test_a_strongly_convex_term_does_not_make_up_for_an_unknown_one() -> None:
    unknown = explained(Posed(5 * SquaredL2() + Cosine(), GradientDescent()))
    assert not any("unique" in node.statement for node in unknown.walk())
    assert not unknown.holds


def test_the_tree_ends_with_the_arithmetic_that_it_speaks_of() -> None:
    matrix = torch.randn(5, 12, generator=torch.Generator().manual_seed(0))
    tree = explained(Adjoint(), Dense(matrix, domain_shape=(1, 3, 4)))
    assert tree.render_text().splitlines()[-1] == NOTE
    assert NOTE not in tree.render_text(note=False)
    assert tree.as_dict()["note"] == NOTE
    assert "exact arithmetic" in NOTE
