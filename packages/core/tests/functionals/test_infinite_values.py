"""Values that are infinite for one image leave no NaN in the derivatives of the others."""

from __future__ import annotations

import pytest
import torch

from invkit.functionals import Box, GroupL1, KullbackLeibler, SquaredL2
from invkit.functionals.conjugate import ScaledConjugate
from invkit.functionals.norms import QuadraticConjugate


def test_the_weight_of_a_term_that_is_infinite_for_one_image_has_a_derivative_for_the_others() -> None:
    """2 KL(1, x): 2 (x - 1 - log x) at 2, +inf at -1."""
    weight = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    x = torch.tensor([[2.0], [-1.0]], dtype=torch.float64, requires_grad=True)
    value = (weight * KullbackLeibler(torch.ones(2, 1, dtype=torch.float64))).value(x)
    assert value[1] == torch.inf
    slopes = torch.autograd.grad(value[0], (weight, x))
    torch.testing.assert_close(slopes[0], 1 - torch.tensor(2.0, dtype=torch.float64).log())
    torch.testing.assert_close(slopes[1], torch.tensor([[1.0], [0.0]], dtype=torch.float64))


def test_a_scaled_conjugate_that_is_infinite_for_one_image_has_derivatives_for_the_others() -> None:
    weight = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    f = ScaledConjugate(weight, GroupL1(()).conjugate)
    z = torch.tensor([[0.2], [0.9]], dtype=torch.float64, requires_grad=True)
    value = f.value(z)
    assert value.tolist() == [0.0, float("inf")]
    slopes = torch.autograd.grad(value[0] + 0 * z.sum(), (weight, z))
    assert all(bool(torch.isfinite(slope).all()) for slope in slopes)


@pytest.mark.parametrize("weight", [0.0, torch.tensor(0.0), torch.tensor(0.0, requires_grad=True)], ids=str)
def test_the_conjugate_of_a_square_of_weight_zero_is_the_indicator_of_zero(weight) -> None:
    f = QuadraticConjugate(weight)
    z = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1e-30, 0.0]], requires_grad=True)
    value = f.value(z)
    assert value.tolist() == [0.0, float("inf"), float("inf")]
    inputs = [z, weight] if isinstance(weight, torch.Tensor) and weight.requires_grad else [z]
    for slope in torch.autograd.grad(value[0], inputs, allow_unused=True):
        assert slope is None or bool(torch.isfinite(slope).all())
    assert torch.equal(f.gradient(z[:1]).detach(), torch.zeros(1, 2))
    assert torch.equal(SquaredL2().scaled_conjugate(4.0).value(z[1:2]).detach(), torch.tensor([0.125]))


@pytest.mark.parametrize("high", [float("inf"), torch.tensor([float("inf"), 2.0])], ids=["number", "tensor"])
def test_the_support_of_an_unbounded_box_has_no_slope_where_it_is_infinite(high) -> None:
    z = torch.tensor([[1.0, -1.0], [-1.0, -2.0]], requires_grad=True)
    value = Box(0.5, high).conjugate.value(z)
    assert value.tolist() == [float("inf"), -1.5]
    (slope,) = torch.autograd.grad(torch.where(torch.isfinite(value), value, 0).sum(), z)
    assert torch.equal(slope, torch.tensor([[0.0, 0.0], [0.5, 0.5]]))
