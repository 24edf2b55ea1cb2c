from __future__ import annotations

import numpy as np
import pytest
import torch

from invkit.claims import find_claim
from invkit.errors import ConfigError, ShapeError
from invkit.functionals import (
    L1,
    L2,
    Box,
    Composition,
    Differentiable,
    GroupL1,
    Huber,
    LInfinity,
    Proximable,
    Simplex,
    SmoothedNorm,
    SquaredL2,
    Sum,
    WeightedL1,
    Zero,
    terms_of,
)  # fmt: skip
from invkit.functionals.weighted_squared_l2 import WeightedSquaredL2
from invkit.operators import Dense, Identity


def numeric_gradient(value, x: np.ndarray) -> np.ndarray:
    out = np.zeros_like(x)
    for i in range(x.size):
        e = np.zeros_like(x)
        e.flat[i] = 1e-6
        out.flat[i] = (value(x + e) - value(x - e)) / 2e-6
    return out


def test_capabilities_follow_the_rules() -> None:
    k = Dense(torch.eye(2, dtype=torch.float64))
    smooth, norm = SquaredL2(), L1()
    assert isinstance(2.0 * smooth, Differentiable)
    assert isinstance(2.0 * smooth, Proximable)
    assert not isinstance(2.0 * norm, Differentiable)
    assert isinstance(2.0 * norm, Proximable)
    assert isinstance(smooth + 2.0 * smooth, Differentiable)
    assert not isinstance(smooth + norm, Differentiable)
    assert not isinstance(smooth + smooth, Proximable)
    assert isinstance(smooth @ k, Differentiable)
    assert not isinstance(norm @ k, Differentiable)
    assert not isinstance(norm @ k, Proximable)
    assert isinstance(2.0 * (smooth @ k), Differentiable)


def test_expressions_come_down_to_terms_c_f_of_k_x(draw) -> None:
    k, m = Dense(draw((3, 2))), Dense(draw((2, 2), seed=1))
    x = draw((2, 2), seed=2)
    kx = x.numpy() @ k.matrix.numpy().T
    whole = 2.0 * (0.5 * SquaredL2() @ k + 3.0 * L1())
    assert len(terms_of(whole)) == 2
    np.testing.assert_allclose(whole.value(x).numpy(), 0.5 * (kx**2).sum(1) + 6 * np.abs(x.numpy()).sum(1))
    nested = ((2.0 * L1()) @ k) @ m
    kmx = x.numpy() @ m.matrix.numpy().T @ k.matrix.numpy().T
    np.testing.assert_allclose(nested.value(x).numpy(), 2 * np.abs(kmx).sum(1))
    assert isinstance(nested.functional, Composition)
    spread = (SquaredL2() + L1()) @ k
    assert isinstance(spread, Sum)
    np.testing.assert_allclose(spread.value(x).numpy(), 0.5 * (kx**2).sum(1) + np.abs(kx).sum(1))


def test_gradient_hessian_and_smoothness_of_an_expression(draw) -> None:
    k, m = draw((5, 3)), draw((4, 3), seed=1)
    centre, weight = draw((1, 5), seed=2), 0.3
    f = SquaredL2(centre) @ Dense(k) + weight * (SquaredL2() @ Dense(m)) + 2.0 * SquaredL2()
    assert isinstance(f, Differentiable)
    x = draw((2, 3), seed=3)
    for i in range(2):
        want = numeric_gradient(lambda z: f.value(torch.from_numpy(z)[None]).item(), x[i].numpy())
        np.testing.assert_allclose(f.gradient(x)[i].numpy(), want, rtol=1e-6, atol=1e-7)
    hessian = (k.T @ k + weight * m.T @ m + 2 * torch.eye(3, dtype=torch.float64)).numpy()
    v = draw((2, 3), seed=4)
    np.testing.assert_allclose(f.hessian_vector(x, v).numpy(), v.numpy() @ hessian, rtol=1e-12)
    bound, largest = f.smoothness(), np.linalg.eigvalsh(hessian)[-1]
    assert bound is not None
    assert bound.lower <= largest <= bound.upper
    # A gradient without the weight is rejected by the numerical one.
    wrong = SquaredL2(centre) @ Dense(k) + SquaredL2() @ Dense(m) + 2.0 * SquaredL2()
    assert isinstance(wrong, Differentiable)
    assert np.abs(wrong.gradient(x)[1].numpy() - want).max() > 1e-2


def test_the_smoothness_of_least_squares_is_tight(draw) -> None:
    k = draw((5, 3))
    bound = (0.7 * (SquaredL2() @ Dense(k))).smoothness()  # type: ignore[attr-defined]
    largest = 0.7 * np.linalg.norm(k.numpy(), 2) ** 2
    assert bound.lower <= largest <= bound.upper
    assert bound.upper - bound.lower < 1e-11


def test_strong_convexity_survives_only_where_it_must(draw) -> None:
    k = Dense(draw((2, 3)))  # not injective
    assert (2.5 * SquaredL2()).convexity() == pytest.approx(2.5)
    assert (SquaredL2() @ k).convexity() == 0.0
    kept = (SquaredL2() @ Identity((3,))).convexity()
    assert kept == pytest.approx(1.0, rel=1e-6) and kept <= 1.0
    assert (SquaredL2() @ k + 0.5 * SquaredL2()).convexity() == pytest.approx(0.5)
    claim = find_claim((L1() + 0.5 * SquaredL2()).claims(), "strongly_convex")
    assert claim is not None
    assert claim.params["modulus"] == pytest.approx(0.5)
    assert find_claim(L1().claims(), "strongly_convex") is None
    assert find_claim(L1().claims(), "smooth") is None


def test_learned_weights_have_gradients_and_no_warning() -> None:
    weight = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    x = torch.tensor([[3.0, -4.0]], dtype=torch.float64)
    for functional, slope in ((L1(), 7.0), (L2(), 5.0), (SquaredL2(), 12.5)):
        scaled = weight * functional
        (gradient,) = torch.autograd.grad(scaled.value(x).sum(), weight)
        assert gradient.item() == pytest.approx(slope)
        repr(scaled), scaled.claims(), scaled.conjugate.claims()
    (gradient,) = torch.autograd.grad((weight * SquaredL2()).gradient(x).sum(), weight)
    assert gradient.item() == pytest.approx(-1.0)


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf"), torch.tensor(-0.5)])
def test_weights_that_are_not_finite_and_nonnegative_are_refused(weight) -> None:
    with pytest.raises(ConfigError, match="expected a finite number >= 0"):
        weight * L1()


def test_a_weight_for_each_image_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"weight has shape \(2,\), expected one number"):
        torch.ones(2) * L1()


def test_terms_of_different_images_are_refused() -> None:
    with pytest.raises(ShapeError, match="Sum: a term has domain"):
        SquaredL2() @ Identity((2,)) + SquaredL2() @ Identity((3,))
    with pytest.raises(ShapeError, match="Composition: codomain of the operator"):
        (SquaredL2() @ Identity((2,))) @ Identity((3,))
    with pytest.raises(ShapeError, match="Composition.value: tensor has shape|CompositionDifferentiable.value"):
        (SquaredL2() @ Identity((2,))).value(torch.ones(1, 1, 3))
    with pytest.raises(TypeError, match="unsupported operand"):
        L1() + 1.0


def test_sums_know_their_domain_and_their_text() -> None:
    f = Box(0.0) + 0.5 * (GroupL1((0,)) @ Identity((2,))) + Zero()
    assert f.domain == Identity((2,)).domain
    assert repr(f) == "Box(0, inf) + 0.5 * GroupL1(axes=(0,)) @ Identity + Zero()"


def test_the_smoothness_of_a_composition_has_no_lower_bound_where_the_curvature_is_elsewhere() -> None:
    """x -> 0.5 * 0 * x^2: the weight 1 stands where A x is zero."""
    f = WeightedSquaredL2(torch.tensor([1.0, 0.0])) @ Dense(torch.tensor([[0.0], [1.0]]))
    assert f.hessian_vector(torch.ones(1, 1), torch.ones(1, 1)).item() == 0.0
    assert f.smoothness().lower == 0.0
    quadratic = SquaredL2() @ Dense(torch.tensor([[0.0], [2.0]]))
    assert quadratic.smoothness().lower == pytest.approx(4.0)


def test_sums_start_from_zero_and_weights_may_stand_on_either_side(draw) -> None:
    x = draw((2, 4))
    terms = [0.5 * L1(), SquaredL2(), 2.0 * SquaredL2(draw((2, 4), seed=1))]
    total = sum(terms)
    torch.testing.assert_close(total.value(x), sum(term.value(x) for term in terms))
    torch.testing.assert_close((L1() * 0.3).value(x), (0.3 * L1()).value(x))
    with pytest.raises(TypeError, match="unsupported operand"):
        1 + L1()


def test_a_weight_of_lower_precision_costs_the_images_none(draw) -> None:
    """0.7 in float32 times tau = 0.1 is rounded to float32 unless the images say otherwise."""
    weight, v = torch.tensor(0.7), 3 * draw((2, 4))
    for w, f in ((weight, weight * L1()), (float(weight), float(weight) * L1())):
        want = v.sign() * (v.abs() - float(w) * 0.1).clamp_min(0)
        torch.testing.assert_close(f.prox(v, 0.1), want, rtol=1e-15, atol=1e-15)
    for functional in (SquaredL2(), Huber(0.3), L2(), LInfinity()):
        exact, given = (float(weight) * functional).conjugate, (weight * functional).conjugate
        projected = given.prox(v, 0.1)
        assert torch.isfinite(given.value(projected)).all()
        torch.testing.assert_close(projected, exact.prox(v, 0.1), rtol=1e-14, atol=1e-15)
    makers = (Huber, SmoothedNorm, lambda w: WeightedL1(w.expand(4)), lambda w: Simplex(w).conjugate)
    for make in makers:
        assert torch.equal(make(weight).prox(v, 0.1), make(weight.double()).prox(v, 0.1))


def test_a_sum_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="Sum: there are 0 terms, expected at least one. Use Zero"):
        Sum(())
