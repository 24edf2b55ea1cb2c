from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from operator_expressions import AsComplex, Isometry, Pair, contradictions, expression, leaves

from invkit.derivations import OPERATORS
from invkit.operators import Adjoint, Composition, Dense, Interval, Normal, Scaled, Stack, Sum
from invkit.operators.capabilities.gram_diagonal import gram_diagonal
from invkit.operators.weighted_normal import WeightedNormal

LEAVES = {dtype: leaves(dtype) for dtype in (torch.float64, torch.float32)}


def drawn(dtype: torch.dtype, count: int) -> Iterator[Pair]:
    rng = np.random.default_rng(0)
    for _ in range(count):
        yield expression(rng, LEAVES[dtype], int(rng.integers(1, 4)))


@pytest.mark.parametrize("dtype", LEAVES)
def test_what_the_leaves_say_is_true(dtype: torch.dtype) -> None:
    for op, matrix in LEAVES[dtype]:
        assert not contradictions(op, matrix), op


@pytest.mark.parametrize(("dtype", "count"), [(torch.float64, 1500), (torch.float32, 1000)])
def test_every_claim_of_a_random_expression_is_true_of_its_matrix(dtype: torch.dtype, count: int) -> None:
    for number, (op, matrix) in enumerate(drawn(dtype, count)):
        assert not contradictions(op, matrix), (number, op, op.claims())


def test_every_rule_about_operators_derived_a_claim_of_an_expression() -> None:
    applied = set()
    for op, _ in (*LEAVES[torch.float64], *drawn(torch.float64, 1000)):
        stated = {claim.property for claim in op.claims()}
        applied |= {rule.name for rule in op.derivations if rule.of == "operator" and rule.property in stated}
    assert applied == {rule.name for rule in OPERATORS}


def test_a_derived_claim_carries_its_rule_and_its_source() -> None:
    for op, _ in drawn(torch.float64, 200):
        for claim in op.claims():
            rules = [rule for rule in op.derivations if rule.property == claim.property]
            assert all(rule.statement in claim.evidence and rule.source in claim.source for rule in rules)
            derived = isinstance(op, Adjoint | Composition | Normal | Scaled | Stack | Sum | WeightedNormal)
            assert claim.source or not derived or claim.property in {"linear", "differentiable", "equivariant"}


def test_the_diagonal_of_the_gram_matrix_of_an_expression_is_that_of_its_matrix() -> None:
    found = 0
    for op, matrix in drawn(torch.float64, 500):
        diagonal = gram_diagonal(op)
        if diagonal is None:
            continue
        found += 1
        squares = np.square(matrix).sum(0)[:: 2 if op.domain.is_complex else 1]
        allowed = 1e-12 * max(1.0, op.norm().upper) ** 2
        np.testing.assert_allclose(diagonal.flatten().numpy(force=True), squares, rtol=0, atol=allowed)
    assert found > 100


# Wrong rules. Each replaces a method of a class of the algebra, and the judge must see what it then claims.


def psd_under_any_sign(self: Scaled) -> frozenset[str]:
    real = self._number.imag == 0
    return self.operator.structure & ({"self_adjoint", "positive_semidefinite"} if real else set())


def isometric_under_any_number(self: Scaled) -> frozenset[str]:
    return self.operator.structure & {"isometric", "unitary"}


def self_adjoint_under_complex_numbers(self: Scaled) -> frozenset[str]:
    return self.operator.structure & {"self_adjoint"}


def isometric_sum(self: Sum) -> frozenset[str]:
    return frozenset.intersection(*(term.structure for term in self.terms))


def self_adjoint_product(self: Composition) -> frozenset[str]:
    return self.left.structure & self.right.structure


def isometric_if_one_is(self: Composition) -> frozenset[str]:
    return (self.left.structure | self.right.structure) & {"isometric", "unitary"}


def isometric_adjoint(self: Adjoint) -> frozenset[str]:
    return self.operator.structure


def unitary_stack(self: Stack) -> frozenset[str]:
    return frozenset({"isometric"} & self.operators[0].structure)


def psd_whatever_the_weights(self: WeightedNormal) -> frozenset[str]:
    return frozenset({"self_adjoint", "positive_semidefinite"})


def isometric_normal(self: Normal) -> frozenset[str]:
    return self.operator.structure | {"self_adjoint", "positive_semidefinite"}


def norm_of_a_product_attained(self: Composition) -> Interval:
    return self.left.norm() * self.right.norm()


def norm_of_a_product_as_a_sum(self: Composition) -> Interval:
    return (self.left.norm() + self.right.norm()).without_lower()


def norm_of_a_sum_as_the_largest(self: Sum) -> Interval:
    return max((term.norm() for term in self.terms), key=lambda norm: norm.upper).without_lower()


def norm_of_a_sum_attained(self: Sum) -> Interval:
    return Interval.exact(sum(term.norm().upper for term in self.terms))


def norm_of_a_stack_as_the_largest(self: Stack) -> Interval:
    return max((op.norm() for op in self.operators), key=lambda norm: norm.upper)


def norm_without_the_square(self: Normal) -> Interval:
    return self.operator.norm()


def norm_without_the_number(self: Scaled) -> Interval:
    return self.operator.norm()


def attained_by_the_smallest_weight(self: WeightedNormal) -> Interval:
    squared = self.operator.norm() * self.operator.norm()
    low, high = (float(w) for w in self.weights.abs().aminmax())
    return Interval(squared.scaled(low).lower, squared.scaled(high).upper, "wrong")


def adjoint_without_conjugation(self: Scaled, y: torch.Tensor) -> torch.Tensor:
    return self.operator.adjoint(self.factor * y)


def adjoint_in_the_same_order(self: Sum, y: torch.Tensor) -> torch.Tensor:
    return self.terms[0].adjoint(y) * len(self.terms)


STRUCTURES = [
    (Scaled, psd_under_any_sign, "positive_semidefinite"),
    (Scaled, isometric_under_any_number, "isometric"),
    (Scaled, self_adjoint_under_complex_numbers, "self_adjoint"),
    (Sum, isometric_sum, "isometric"),
    (Composition, self_adjoint_product, "self_adjoint"),
    (Composition, isometric_if_one_is, "isometric"),
    (Adjoint, isometric_adjoint, "isometric"),
    (Stack, unitary_stack, "isometric"),
    (WeightedNormal, psd_whatever_the_weights, "positive_semidefinite"),
]
METHODS = [
    (Composition, "_norm", norm_of_a_product_attained, "norm_bound"),
    (Composition, "_norm", norm_of_a_product_as_a_sum, "norm_bound"),
    (Sum, "_norm", norm_of_a_sum_as_the_largest, "norm_bound"),
    (Sum, "_norm", norm_of_a_sum_attained, "norm_bound"),
    (Stack, "_norm", norm_of_a_stack_as_the_largest, "norm_bound"),
    (Normal, "_norm", norm_without_the_square, "norm_bound"),
    (Scaled, "_norm", norm_without_the_number, "norm_bound"),
    (WeightedNormal, "_norm", attained_by_the_smallest_weight, "norm_bound"),
    (Scaled, "_adjoint", adjoint_without_conjugation, "adjoint"),
    (Sum, "_adjoint", adjoint_in_the_same_order, "adjoint"),
]
WRONG = [(cls, "structure", property(rule), seen) for cls, rule, seen in STRUCTURES] + METHODS


@pytest.mark.parametrize(
    ("cls", "attribute", "rule", "seen"), WRONG, ids=[rule.__name__ for *_, rule, _ in STRUCTURES + METHODS]
)
def test_a_wrong_rule_is_seen(cls, attribute, rule, seen, monkeypatch) -> None:
    monkeypatch.setattr(cls, attribute, rule)
    assert any(seen in contradictions(op, matrix) for op, matrix in drawn(torch.float64, 500))


def test_a_wrong_statement_of_a_leaf_is_seen() -> None:
    ones = np.ones((2, 2))
    assert contradictions(Isometry(torch.from_numpy(ones)), ones) == {"isometric"}
    op, matrix = LEAVES[torch.float64][0]
    assert isinstance(op, AsComplex)
    assert {"linear", "adjoint", "norm_bound", "isometric"} <= contradictions(op, 2 * matrix)
    assert contradictions(Dense(torch.from_numpy(ones)), ones * (1 + 1e-15)) == set()
