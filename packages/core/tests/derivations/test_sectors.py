"""Sectors of maps against dense matrices that fill them, and rules that are wrong, which the same test refutes."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from invkit.claims import ASSUMED, CERTIFIED, Claim
from invkit.derivations import MAPS, sectors
from invkit.derivations.sectors import Sector, Sectors, composed_averagedness, theorem_3_2_4

SIZE = 3
ENDS = st.tuples(st.floats(-2, 2), st.floats(-2, 2)).map(sorted)


def maps_in(low: float, high: float, generator: torch.Generator, count: int = 6) -> torch.Tensor:
    """Matrices c + r Q with orthogonal Q, rotations and reflections: the edge of the sector [low, high]."""
    noise = torch.randn(count, SIZE, SIZE, dtype=torch.float64, generator=generator)
    angles = torch.rand(count, dtype=torch.float64, generator=generator) * 2 * math.pi
    orthogonal = torch.linalg.qr(noise)[0]
    eye = torch.eye(SIZE, dtype=torch.float64)
    orthogonal[0], orthogonal[1] = eye, -eye
    orthogonal[2] = eye.clone()
    cos, sin = angles[2].cos(), angles[2].sin()
    orthogonal[2, :2, :2] = torch.stack([torch.stack([cos, -sin]), torch.stack([sin, cos])])
    return (low + high) / 2 * eye + (high - low) / 2 * orthogonal


def worst(matrices: torch.Tensor, one: Sector) -> float:
    """The largest |T - c| / r over the matrices; at most 1 if they lie in the sector."""
    centre, radius = float(one.low + one.high) / 2, float(one.high - one.low) / 2
    distances = torch.linalg.matrix_norm(matrices - centre * torch.eye(SIZE, dtype=torch.float64), 2)
    return float((distances / (radius + 1e-12)).max())


def products(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a[:, None] @ b[None]).flatten(0, 1)


def sums(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a[:, None] + b[None]).flatten(0, 1)


def pair(rule: Callable[[Sectors, Sectors], Sectors], combine: Callable, first, second, seed: int) -> float:
    g = torch.Generator().manual_seed(seed)
    (found,) = rule(sectors.sector(*first), sectors.sector(*second))
    return worst(combine(maps_in(*first, g), maps_in(*second, g)), found)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(ENDS, ENDS, st.integers(0, 10**6))
def test_compositions_and_sums_lie_in_the_sector_that_is_derived(first, second, seed) -> None:
    assert pair(sectors.composed, products, first, second, seed) <= 1 + 1e-9
    assert pair(sectors.total, sums, first, second, seed) <= 1 + 1e-9


@settings(max_examples=60, deadline=None, derandomize=True)
@given(ENDS, st.floats(-2, 2), st.integers(0, 10**6))
def test_multiples_residuals_and_relaxations_lie_in_theirs(ends, factor, seed) -> None:
    matrices, eye = maps_in(*ends, torch.Generator().manual_seed(seed)), torch.eye(SIZE, dtype=torch.float64)
    known = sectors.sector(*ends)
    assert worst(factor * matrices, sectors.scaled(factor, known)[0]) <= 1 + 1e-9
    assert worst(eye - factor * matrices, sectors.residual(factor, known)[0]) <= 1 + 1e-9
    assert worst((1 - factor) * eye + factor * matrices, sectors.relaxed(factor, known)[0]) <= 1 + 1e-9
    assert worst(2 * matrices - eye, sectors.reflected(known)[0]) <= 1 + 1e-9


def by_ends(a: Sectors, b: Sectors) -> Sectors:
    """Wrong: the products of the ends, which hold for numbers and not for maps."""
    ends = [x * y for x in (a[0].low, a[0].high) for y in (b[0].low, b[0].high)]
    return sectors.sector(min(ends), max(ends))


def by_largest(a: Sectors, b: Sectors) -> Sectors:
    """Wrong: as averaged as the less averaged of the two."""
    return sectors.sector(min(a[0].low, b[0].low), 1)


def by_sum_of_alphas(a: Sectors, b: Sectors) -> Sectors:
    """Wrong: alpha_1 + alpha_2 - 2 alpha_1 alpha_2, without its denominator 1 - alpha_1 alpha_2."""
    x, y = a[0].exact_alpha, b[0].exact_alpha
    return sectors.sector(1 - 2 * (x + y - 2 * x * y), 1)


@pytest.mark.parametrize("wrong", [by_ends, by_largest, by_sum_of_alphas])
def test_a_wrong_rule_of_composition_is_refuted(wrong) -> None:
    cases = [((0.0, 1.0), (0.0, 1.0)), ((-0.6, 1.0), (0.2, 1.0)), ((0.4, 1.0), (0.4, 1.0))]
    ratios = [pair(wrong, products, *case, seed) for case in cases for seed in range(40)]
    assert max(ratios) > 1 + 1e-3
    assert max(pair(sectors.composed, products, *case, seed) for case in cases for seed in range(40)) <= 1 + 1e-9


def test_the_constant_of_a_composition_is_attained() -> None:
    # Rotations of the plane: some pair comes to the edge of the sector.
    first, second = (0.0, 1.0), (-0.5, 1.0)
    angles = torch.linspace(0, 2 * math.pi, 721, dtype=torch.float64)
    circle = torch.polar(torch.ones_like(angles), angles)
    points = (0.5 + 0.5 * circle)[:, None] * (0.25 + 0.75 * circle)[None]
    (found,) = sectors.composed(sectors.sector(*first), sectors.sector(*second))
    centre, radius = float(found.low + found.high) / 2, float(found.high - found.low) / 2
    assert float((points - centre).abs().max()) == pytest.approx(radius, rel=1e-4)


def test_the_sharp_constant_beside_the_dissertations() -> None:
    alphas = [0.1] * 9 + [0.9]
    assert composed_averagedness(alphas) == pytest.approx(10 / 11)
    assert theorem_3_2_4(alphas) == pytest.approx(90 / 91)
    for same in (0.2, 0.5, 0.9):
        assert composed_averagedness([same] * 4) == pytest.approx(theorem_3_2_4([same] * 4), rel=1e-14)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.floats(1e-6, 1 - 1e-9), min_size=1, max_size=6))
def test_the_sharp_constant_is_never_the_larger(alphas) -> None:
    sharp, other = composed_averagedness(alphas), theorem_3_2_4(alphas)
    assert max(alphas) <= sharp <= other <= 1


def test_for_a_residual_the_trap_is_seen() -> None:
    nonexpansive, half = sectors.lipschitz(1), sectors.sector(0, 1)
    (trap,) = sectors.residual(1.99, nonexpansive)
    assert trap.lipschitz == pytest.approx(2.99)
    assert trap.alpha is None
    for alpha in (0.3, 0.5, 0.6, 0.9):
        (found,) = sectors.residual(1.99, sectors.sector(1 - 2 * alpha, 1))
        assert found.lipschitz == pytest.approx(abs(1 - 1.99 * (1 - alpha)) + 1.99 * alpha)
        assert (found.alpha is not None) == (alpha <= 0.5)
    assert sectors.residual(1.99, half)[0].alpha == pytest.approx(0.995)
    assert sectors.residual(2.0, half)[0].alpha is None  # only nonexpansive
    assert sectors.residual(2.0, half)[0].nonexpansive


def test_nothing_reaches_averaged_by_rounding() -> None:
    nearly = 1 - 2.0**-53
    assert composed_averagedness([nearly, nearly]) == 1.0
    (found,) = sectors.composed(
        sectors.sector(1 - 2 * Fraction(nearly), 1), sectors.sector(1 - 2 * Fraction(nearly), 1)
    )
    assert found.alpha is None
    assert {claim.property for claim in sectors.claims_of((found,))} == {"lipschitz", "nonexpansive"}
    assert sectors.relaxed(1.0 + 2.0**-52, sectors.lipschitz(1))[0].nonexpansive is False


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.fractions(-10, 10))
def test_numbers_are_rounded_up_and_not_further_than_the_next_float(number) -> None:
    up = sectors.rounded_up(number)
    assert Fraction(up) >= number
    assert Fraction(math.nextafter(up, -math.inf)) < number


def test_a_number_too_large_for_a_float_claims_nothing() -> None:
    assert sectors.rounded_up(Fraction(10) ** 400) == math.inf
    assert sectors.claims_of(sectors.scaled(Fraction(10) ** 400, sectors.identity())) == ()
    assert sectors.lipschitz(math.inf) == ()
    assert sectors.sector(1, 0) == ()


def test_claims_become_sectors_and_sectors_claims() -> None:
    claims = (
        Claim(property="averaged", params={"alpha": 0.25}, basis=ASSUMED),
        Claim(property="lipschitz", params={"constant": 3.0}, basis=CERTIFIED),
        Claim(property="linear", basis=CERTIFIED),
    )
    known = sectors.of_claims(claims)
    back = {claim.property: claim for claim in sectors.claims_of(known)}
    assert back["lipschitz"].basis is CERTIFIED
    assert back["lipschitz"].params["constant"] == 3.0
    assert back["averaged"].params["alpha"] == 0.25
    assert back["averaged"].basis is back["firmly_nonexpansive"].basis is ASSUMED
    assert sectors.of_claims(()) == ()
    assert sectors.composed(known, ()) == sectors.total((), known) == ()


def test_the_steps_of_methods() -> None:
    step = sectors.residual(0.25, sectors.gradient(1.0, 4.0))
    assert (step[0].low, step[0].high) == (0, Fraction(3, 4))
    assert sectors.gradient(None, 4.0)[0].low == -4
    assert sectors.proximal(2.0, 1.5, None)[0].high == Fraction(1, 4)
    assert sectors.proximal(2.0, -0.1, None) == ()
    # Giselsson and Boyd: with m and L the reflection contracts by max((tL - 1)/(tL + 1), (1 - tm)/(1 + tm)).
    reflection = sectors.reflected(sectors.proximal(2.0, 0.1, 3.0))[0]
    assert reflection.lipschitz == pytest.approx(max((6 - 1) / (6 + 1), (1 - 0.2) / (1 + 0.2)))
    split = sectors.douglas_rachford(sectors.proximal(2.0, 0.1, 3.0), sectors.sector(0, 1))[0]
    assert split.lipschitz == pytest.approx((1 + 5 / 7) / 2)
    assert sectors.douglas_rachford(sectors.sector(0, 1), sectors.lipschitz(1))[0].lipschitz == 2


def test_every_derivation_of_a_map_has_a_source_of_its_own_name() -> None:
    assert len({one.name for one in MAPS}) == len(MAPS) > 10
    assert {one.of for one in MAPS} == {"map"}
