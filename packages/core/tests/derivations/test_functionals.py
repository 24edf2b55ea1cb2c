from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
import torch
from functional_expressions import SHAPE, contradictions, expression, hessian_ends, noise
from hypothesis import given, settings
from hypothesis import strategies as st

from invkit.claims import find_claim
from invkit.derivations import FUNCTIONALS
from invkit.functionals import (
    TGV,
    Ball,
    Composition,
    Differentiable,
    Functional,
    Huber,
    Proximable,
    Scaled,
    SmoothedNorm,
    SmoothKullbackLeibler,
    SquaredL2,
    Sum,
    Translated,
    WeightedL1,
    WeightedSquaredL2,
    translate,
)
from invkit.functionals.algebra import CompositionDifferentiable, ScaledProximable, SumDifferentiable
from invkit.functionals.conjugate import ScaledConjugate
from invkit.functionals.norms import QuadraticConjugate
from invkit.functionals.on_part import OnPart
from invkit.functionals.radial import RadialConjugate
from invkit.functionals.translation import Tilted, TranslatedProximable
from invkit.functionals.weighted_squared_l2 import WeightedQuadraticConjugate
from invkit.operators import Dense, Interval, Restriction, Space


def drawn(count: int) -> Iterator[tuple[Functional, torch.dtype]]:
    rng = np.random.default_rng(0)
    for number in range(count):
        dtype = torch.complex128 if number % 3 == 0 else torch.float64
        yield expression(rng, dtype, int(rng.integers(1, 4))), dtype


def judged(f: Functional, dtype: torch.dtype) -> set[str]:
    return contradictions(f, dtype, np.random.default_rng(1))


def test_every_claim_of_a_random_expression_withstands_segments_hessians_and_other_points() -> None:
    for number, (f, dtype) in enumerate(drawn(600)):
        assert not judged(f, dtype), (number, f, f.claims())


def test_every_rule_about_functionals_derived_a_claim_of_an_expression() -> None:
    applied = set()
    for f, _ in (*drawn(1000), (TGV(Space((1, 6), torch.float64), (1.0, 2.0)), torch.float64)):
        stated = {claim.property for claim in f.claims()}
        applied |= {rule.name for rule in f.derivations if rule.of == "functional" and rule.property in stated}
    assert applied == {rule.name for rule in FUNCTIONALS}


def test_a_derived_claim_carries_its_rule_and_its_source() -> None:
    for f, _ in drawn(300):
        for claim in f.claims():
            rules = [rule for rule in f.derivations if rule.property == claim.property]
            assert all(rule.statement in claim.evidence and rule.source in claim.source for rule in rules)
            if isinstance(f, Scaled | Sum | Composition | Translated | Tilted | ScaledConjugate | RadialConjugate):
                assert claim.source or claim.property in {"differentiable", "twice_differentiable", "prox", "invariant"}
    claim = find_claim((SquaredL2() + Huber(1.0)).claims(), "convex")
    assert claim is not None
    assert claim.source == "Rockafellar (1970), Convex Analysis, Theorem 5.2"


def test_a_partial_minimum_is_convex_to_the_accuracy_of_its_value() -> None:
    f = TGV(Space((1, 6), torch.float64), (1.0, 2.0))
    rng = np.random.default_rng(2)
    x, z = noise(rng, torch.float64, 8, 1, 6), 3 * noise(rng, torch.float64, 8, 1, 6)
    ends = (f.value(x) + f.value(z)) / 2
    assert (f.value((x + z) / 2) <= ends * (1 + 1e-3)).all()


def quadratic(rng: np.random.Generator, dtype: torch.dtype, depth: int) -> Differentiable:
    """A sum, multiple, composition, translation or conjugate of squares."""
    weights = torch.from_numpy(rng.uniform(0.2, 3.0, size=SHAPE))
    leaf = SquaredL2() if rng.random() < 0.5 else WeightedSquaredL2(weights, noise(rng, dtype, 1, *SHAPE))
    if depth == 0:
        return leaf
    f, c = quadratic(rng, dtype, depth - 1), float(rng.uniform(0.1, 3.0))
    unitary = torch.linalg.qr(noise(rng, dtype, 4, 4))[0]
    orthogonal = type("Isometry", (Dense,), {"structure": frozenset({"isometric"})})
    made = (
        lambda: c * f,
        lambda: f + quadratic(rng, dtype, depth - 1),
        lambda: f @ Dense(noise(rng, dtype, 4, 4), SHAPE, SHAPE),
        lambda: f @ orthogonal(unitary, SHAPE, SHAPE),
        lambda: translate(f, noise(rng, dtype, 1, *SHAPE)),
        lambda: (c * SquaredL2(noise(rng, dtype, 1, *SHAPE))).conjugate,
    )[rng.integers(6)]()
    assert isinstance(made, Differentiable)
    return made


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_moduli_and_constants_enclose_the_eigenvalues_of_dense_hessians(dtype: torch.dtype) -> None:
    rng, tight = np.random.default_rng(3), 0
    for _ in range(200):
        f = quadratic(rng, dtype, int(rng.integers(0, 5)))
        low, high = hessian_ends(f, torch.zeros((1, *SHAPE), dtype=dtype))
        modulus, smooth = f.convexity(), f.smoothness()
        assert modulus is not None and smooth is not None
        assert modulus <= low + 1e-13 * high
        assert smooth.lower - 1e-13 * high <= high <= smooth.upper + 1e-13 * high
        tight += bool(modulus > 0.999 * low) + bool(smooth.upper < 1.001 * high)
    assert tight > 100


numbers = st.floats(1e-3, 1e3) | st.sampled_from([0.1, 1 / 3, 0.7, 1e-200, 1e200, 5e-324])


@settings(max_examples=300, deadline=None, derandomize=True)
@given(c=numbers, d=numbers, w=st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=2))
def test_moduli_are_rounded_down_and_constants_up(c: float, d: float, w: list[float]) -> None:
    """c/2 sum w |x|^2 + d/2 |x|^2 in exact numbers; (c/2 sum w |x|^2)* has the Hessian 1 / (c w)."""
    weighted = WeightedSquaredL2(torch.tensor([w], dtype=torch.float64))
    f = Scaled(c, weighted) + Scaled(d, SquaredL2())
    ends = [Fraction(c) * Fraction(v) + Fraction(d) for v in (min(w), max(w))]
    modulus = f.convexity()
    assert modulus is not None and Fraction(modulus) <= ends[0]
    assert modulus >= float(ends[0]) * (1 - 1e-15) - 1e-323
    smooth = (c * weighted + d * SquaredL2()).smoothness()  # type: ignore[attr-defined]
    assert Fraction(smooth.upper) >= ends[1]
    for conjugate in (
        ScaledConjugate(c, weighted.conjugate),
        ScaledConjugate(c, WeightedQuadraticConjugate(weighted.weights)),
    ):
        stated = conjugate.convexity()
        assert stated is not None and Fraction(stated) <= 1 / (Fraction(c) * Fraction(max(w)))
    quadratic = QuadraticConjugate(c)
    stated = quadratic.convexity()
    assert stated is not None and Fraction(stated) <= 1 / Fraction(c)
    bound = quadratic.smoothness()
    assert Fraction(bound.upper) >= 1 / Fraction(c) if bound is not None else c < 1e-300


ONE = [
    (Huber(0.5), 1 / 0.5),
    (SmoothedNorm(0.8), 2 / 0.8),
    (SmoothKullbackLeibler(torch.tensor([[2.0]], dtype=torch.float64), 0.7), 2.0 / 0.7**2),
    (SquaredL2(torch.tensor([[0.3]], dtype=torch.float64)), 1.0),
    (WeightedSquaredL2(torch.tensor([[3.0]], dtype=torch.float64)), 3.0),
    (translate(Huber(0.5), torch.tensor([[0.4]], dtype=torch.float64)), 1 / 0.5),
]


@pytest.mark.parametrize(("f", "constant"), ONE, ids=repr)
@pytest.mark.parametrize("weight", [1.0, 0.4, 2.5])
def test_the_modulus_of_a_conjugate_is_that_of_the_supremum_over_a_grid(f, constant, weight) -> None:
    """g(z) = max (x z - c f(x)) on a fine grid bends by at least 1 / (c L), and somewhere by hardly more."""
    x = torch.linspace(-60, 60, 120_001, dtype=torch.float64).reshape(-1, 1)
    ends = (-3.5, -2.0) if isinstance(f, SmoothKullbackLeibler) else (-0.9, 0.9)  # where its parabola is
    z = weight * torch.linspace(*ends, 181, dtype=torch.float64)
    values = weight * f.value(x)
    g = torch.stack([(x[:, 0] * slope - values).max() for slope in z])
    step = float(z[1] - z[0])
    bends = (g[2:] - 2 * g[1:-1] + g[:-2]) / step**2
    conjugate = (weight * f).conjugate
    modulus = conjugate.convexity()
    assert modulus == pytest.approx(1 / (weight * constant), rel=1e-12)
    assert float(bends.min()) >= modulus * (1 - 0.02)
    assert float(bends.min()) <= modulus * 1.05
    general = ScaledConjugate(weight, f.conjugate)
    assert general.convexity() == pytest.approx(modulus, rel=1e-12)
    torch.testing.assert_close(conjugate.value(z[:, None]), g, rtol=0, atol=1e-5 * weight)


def test_learned_weights_that_became_negative_claim_nothing_that_is_wrong() -> None:
    weight = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    scaled, total = weight * SquaredL2(), weight * SquaredL2() + Huber(1.0)
    weights = torch.ones(SHAPE, dtype=torch.float64, requires_grad=True)
    conjugates = [(weight * Huber(0.5)).conjugate, scaled.conjugate, ScaledConjugate(weight, SquaredL2())]
    others = [WeightedSquaredL2(weights), WeightedSquaredL2(weights).conjugate, *conjugates]
    others += [Huber(weight), SmoothedNorm(weight), WeightedL1(weights), WeightedL1(weights).conjugate, Ball(weight)]
    others += [TGV(Space((1, 6), torch.float64), (weight, 1.0))]
    others += [
        OnPart(f, Restriction(Space(SHAPE, torch.float64), 1, torch.tensor([1]))) for f in (scaled, Huber(weight))
    ]
    everything = (scaled, total, *others)
    assert all(find_claim(f.claims(), "convex") for f in everything)
    for value in (-2.0, torch.nan):
        with torch.no_grad():
            weight.fill_(value)
            weights.fill_(value)
        for f in everything:
            stated = {claim.property for claim in f.claims()}
            assert not {"convex", "strongly_convex", "smooth", "prox"} & stated, f


# Wrong rules. Each replaces a method of a class of the algebra, and the judge must see what it then claims.


def modulus_under_any_operator(self: Composition) -> float | None:
    return self.functional.convexity()


def modulus_without_the_weight(self: Scaled) -> float | None:
    return self.functional.convexity()


def modulus_as_the_largest(self: Sum) -> float | None:
    moduli = [term.convexity() or 0.0 for term in self.terms]
    return 2 * max(moduli) if max(moduli) else 0.0


def modulus_times_the_weight(self: ScaledConjugate) -> float | None:
    modulus = self.inner.convexity()
    return None if modulus is None else modulus * float(self.weight)


def modulus_not_inverted(self: RadialConjugate) -> float:
    return self.functional.smoothness().upper / float(self.weight)


def modulus_of_the_part(self: OnPart) -> float | None:
    return self.functional.convexity()


def modulus_from_the_smallest_weight(self: WeightedQuadraticConjugate) -> float:
    return 1 / max(float(self.weights.min()), 1e-3)


def smooth_without_the_square(self: CompositionDifferentiable) -> Interval | None:
    inner = self.functional.smoothness()
    return None if inner is None else (inner * self.operator.norm()).without_lower()


def smooth_as_the_largest(self: SumDifferentiable) -> Interval | None:
    parts = [term.smoothness() for term in self.terms]
    return None if None in parts else max(parts, key=lambda part: part.upper)


def smooth_not_inverted(self: QuadraticConjugate) -> Interval:
    return Interval.exact(float(self.weight))


def prox_without_the_way_back(self: TranslatedProximable, v, tau):
    return self.functional._prox(v - self.centre, tau)


def prox_without_the_weight(self: ScaledProximable, v, tau):
    return self.functional._prox(v, tau)


def prox_without_the_step(self: Tilted, v, tau):
    return self.functional._prox(v - self.direction, tau)


def prox_without_the_scale(self: ScaledConjugate, v, tau):
    return self.inner._prox(v / self.weight, tau / self.weight)


def prox_of_the_part_alone(self: OnPart, v, tau):
    return self.restriction.adjoint(self.functional._prox(self.restriction.forward(v), tau))


WRONG = [
    (Composition, "convexity", modulus_under_any_operator, "strongly_convex"),
    (Scaled, "convexity", modulus_without_the_weight, "strongly_convex"),
    (Sum, "convexity", modulus_as_the_largest, "strongly_convex"),
    (ScaledConjugate, "convexity", modulus_times_the_weight, "strongly_convex"),
    (RadialConjugate, "convexity", modulus_not_inverted, "strongly_convex"),
    (OnPart, "convexity", modulus_of_the_part, "strongly_convex"),
    (WeightedQuadraticConjugate, "convexity", modulus_from_the_smallest_weight, "strongly_convex"),
    (CompositionDifferentiable, "smoothness", smooth_without_the_square, "smooth"),
    (SumDifferentiable, "smoothness", smooth_as_the_largest, "smooth"),
    (QuadraticConjugate, "smoothness", smooth_not_inverted, "smooth"),
    (TranslatedProximable, "_prox", prox_without_the_way_back, "prox"),
    (ScaledProximable, "_prox", prox_without_the_weight, "prox"),
    (Tilted, "_prox", prox_without_the_step, "prox"),
    (ScaledConjugate, "_prox", prox_without_the_scale, "prox"),
    (OnPart, "_prox", prox_of_the_part_alone, "prox"),
]


@pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad")
@pytest.mark.parametrize(("cls", "attribute", "rule", "seen"), WRONG, ids=[rule.__name__ for *_, rule, _ in WRONG])
def test_a_wrong_rule_is_seen(cls, attribute, rule, seen, monkeypatch) -> None:
    monkeypatch.setattr(cls, attribute, rule)
    assert any(seen in judged(f, dtype) for f, dtype in drawn(600))


def test_proximable_conjugates_stay_proximable_in_the_expressions() -> None:
    kinds = [isinstance(f, Proximable) for f, _ in drawn(300)]
    assert sum(kinds) > 100
