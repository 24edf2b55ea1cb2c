"""Printed bounds are never below the numbers that they stand for."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invkit import explain
from invkit.claims import BY_CONSTRUCTION, Claim
from invkit.functionals import SquaredL2
from invkit.guarantees import Node
from invkit.guarantees.theorems._numbers import at_least, at_most, factor, padded
from invkit.solvers import KrasnoselskiiMann
from invkit.solvers.factors import GradientStep, ProximalStep, StatedFactor
from invkit.solvers.fixed_point import FixedPointProblem

POSITIVE = st.floats(1e-300, 1e300)


@given(POSITIVE)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_a_printed_bound_is_not_below_the_bound(bound: float) -> None:
    assert bound <= float(at_most(bound)) <= bound * (1 + 1e-5)


@given(st.integers(1, 15))
@settings(max_examples=15, deadline=None, derandomize=True)
def test_a_factor_below_one_is_not_printed_as_one(nines: int) -> None:
    below = 1 - 10.0**-nines
    assert below <= float(at_most(below)) < 1


def test_padding_is_outwards_and_small() -> None:
    assert 3.0 < padded(3.0) < 3.0 * (1 + 1e-12)
    assert 0.25 < factor(0.25) < 0.25 + 1e-12
    assert at_most(math.inf) == "inf"


@given(POSITIVE)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_a_printed_lower_bound_is_not_above_the_bound(bound: float) -> None:
    assert bound * (1 - 1e-5) <= float(at_least(bound)) <= bound


@pytest.mark.parametrize("number", [0.0, 0.1, 1.0, 2.0, 0.3, 1e-3, 123456.0])
def test_settings_are_printed_as_they_were_written(number: float) -> None:
    assert at_most(number) == at_least(number) == f"{number:.6g}"


def test_the_number_of_a_conclusion_is_rounded_to_its_safe_side() -> None:
    claim = Claim(property="convergent", params={"to": "x"}, basis=BY_CONSTRUCTION)
    upper, lower = (
        Node(statement="s", holds=True, claim=claim, value=2 / 3 * 1e-3 + 1e-12, lower=lower) for lower in (False, True)
    )
    assert upper.shown == "0.000666667"
    assert lower.shown == "0.000666666"
    assert Node(statement="s", holds=True, claim=claim, value=0.99999987).shown == "0.9999999"
    assert upper.as_dict()["shown"] == upper.shown


def contraction(constant: float) -> FixedPointProblem:
    stated = Claim(property="lipschitz", params={"constant": constant}, basis=BY_CONSTRUCTION)
    return FixedPointProblem(SquaredL2(), lambda x: constant * x, (StatedFactor("T", (stated,)),))


@pytest.mark.parametrize("constant", [0.99999987, 0.9999999999, 2 / 3, 0.1234564])
def test_no_factor_of_contraction_is_printed_below_itself_or_as_one(constant: float) -> None:
    tree = explain(contraction(constant), solver=KrasnoselskiiMann())
    statement = tree.theorem("banach-fixed-point").statement
    q = float(statement.rpartition("q <= ")[2])
    assert constant <= q < 1
    averaged = tree.theorem("krasnoselskii-mann")
    alphas = re.findall(r"T is (\S+)-averaged", " ".join(node.how for node in averaged.children))
    assert alphas
    assert all((1 + constant) / 2 <= float(alpha) < 1 for alpha in alphas)


@pytest.mark.parametrize("weight", [1 / 3, 0.7000001, 2 / 7])
def test_steps_print_no_constant_below_their_own(weight: float) -> None:
    f = weight * SquaredL2()
    step = explain(GradientStep("G", f, 1.0)).theorem("gradient-step-averaged")
    assert float(step.statement.rpartition("with ")[2]) >= 1 - weight
    assert float(step.shown) >= weight / 2
    proximal = explain(ProximalStep("P", f, 1.0)).theorem("proximal-map-firmly-nonexpansive")
    assert float(proximal.statement.rpartition("m >= ")[2]) <= weight
    assert float(proximal.shown) <= weight
