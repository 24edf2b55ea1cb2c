"""The radius of circle contractivity: published numbers, brute force over the polydisc, and methods that have none."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invkit.errors import ConfigError
from invkit.operators import ButcherTableau
from invkit.operators.nonlinear.runge_kutta import (
    BACKWARD_EULER,
    EULER,
    EXPLICIT_MIDPOINT,
    HEUN,
    IMPLICIT_MIDPOINT,
    KUTTA3,
    RK4,
    SSPRK3,
    TABLEAUX,
)


def largest_growth(tableau: ButcherTableau, radius: float, points: int) -> float:
    """max |K(zeta)| over the product of circles |zeta_i + r| = r, where a function analytic in each has its maximum."""
    m = tableau.num_stages
    a = np.array(tableau.a, dtype=float)
    b = np.array(tableau.b, dtype=float)
    circle = radius * (np.exp(2j * np.pi * np.arange(points) / points) - 1)
    zeta = np.array(list(itertools.product(circle, repeat=m)))
    systems = np.eye(m) - a[None] * zeta[:, None, :]
    inner = np.linalg.solve(systems, np.ones((len(zeta), m, 1)))[..., 0]
    return float(np.abs(1 + (b * zeta * inner).sum(1)).max())


@pytest.mark.parametrize(
    ("tableau", "published"), [(EULER, 1.0), (HEUN, 1.0), (RK4, 1.0), (SSPRK3, 1.0), (KUTTA3, 0.5)]
)
def test_the_radius_of_a_known_method_is_the_published_one(tableau: ButcherTableau, published: float) -> None:
    assert tableau.circle_contractivity_radius() == published


@pytest.mark.parametrize(("tableau", "points"), [(EULER, 720), (HEUN, 120), (KUTTA3, 48), (SSPRK3, 48), (RK4, 18)])
def test_nothing_grows_in_the_disk_and_something_does_in_a_larger_one(tableau: ButcherTableau, points: int) -> None:
    radius = tableau.circle_contractivity_radius()
    assert largest_growth(tableau, radius, points) <= 1 + 1e-12
    assert largest_growth(tableau, 1.02 * radius, points) > 1 + 1e-6


def test_algebraically_stable_methods_have_the_half_plane() -> None:
    assert BACKWARD_EULER.circle_contractivity_radius() == math.inf
    assert IMPLICIT_MIDPOINT.circle_contractivity_radius() == math.inf


def test_a_used_stage_of_weight_zero_leaves_no_disk() -> None:
    assert EXPLICIT_MIDPOINT.circle_contractivity_radius() == 0
    assert largest_growth(EXPLICIT_MIDPOINT, 0.1, 60) > 1 + 1e-6


def test_a_stage_that_nothing_uses_changes_nothing() -> None:
    padded = ButcherTableau(a=((0, 0, 0), (1, 0, 0), ("1/3", "1/5", 0)), b=("1/2", "1/2", 0))
    assert padded.circle_contractivity_radius() == HEUN.circle_contractivity_radius() == 1


def test_a_negative_weight_leaves_no_disk() -> None:
    negative = ButcherTableau(a=((0, 0), (1, 0)), b=("3/2", "-1/2"))
    assert negative.circle_contractivity_radius() == 0
    assert largest_growth(negative, 0.05, 60) > 1


def test_floats_give_the_same_radius_from_below() -> None:
    floats = ButcherTableau(a=((0.0, 0, 0), (0.5, 0, 0), (-1.0, 2.0, 0)), b=(1 / 6, 2 / 3, 1 / 6))
    assert 0.5 - 1e-9 <= floats.circle_contractivity_radius() <= 0.5


def entries() -> st.SearchStrategy[Fraction]:
    return st.fractions(min_value=-1, max_value=1, max_denominator=6)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(entries(), st.fractions(min_value=Fraction(1, 8), max_value=Fraction(7, 8), max_denominator=9))
def test_of_random_methods_nothing_grows_in_the_disk(a21: Fraction, b1: Fraction) -> None:
    tableau = ButcherTableau(a=((0, 0), (a21, 0)), b=(b1, 1 - b1))
    radius = tableau.circle_contractivity_radius()
    b = np.array(tableau.b, dtype=float)
    q = b[:, None] * np.array(tableau.a, dtype=float)
    scaled = (q + q.T - np.outer(b, b)) / np.sqrt(np.outer(b, b))
    reference = -1 / np.linalg.eigvalsh(scaled)[0]
    assert reference * (1 - 1e-9) <= radius <= reference * (1 + 1e-12)
    assert largest_growth(tableau, radius, 48) <= 1 + 1e-9


def test_explicit_methods_are_told_from_implicit_ones() -> None:
    implicit = {name for name, tableau in TABLEAUX.items() if not tableau.is_explicit}
    assert implicit == {"backward-euler", "implicit-midpoint"}


@pytest.mark.parametrize(
    ("a", "b", "match"),
    [
        (((0, 0), (1, 0)), (1,), "a has rows of"),
        (((0,),), (), "a has rows of"),
        (((0,),), (0.9,), "sum to 0.9, expected 1"),
        (((float("nan"),),), (1,), "cannot be read"),
        (((0,),), ("one",), "cannot be read"),
        (("0",), (1,), "cannot be read"),
    ],
)
def test_a_wrong_tableau_is_refused(a: object, b: object, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        ButcherTableau(a, b)  # type: ignore[arg-type]
