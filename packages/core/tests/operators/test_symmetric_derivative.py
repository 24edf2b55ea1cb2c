from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tensor_derivatives import defined, derivative_matrix

from invkit.errors import ConfigError
from invkit.operators import FiniteDifference, LinearOperator, SymmetricDerivative, TensorResidual
from invkit.operators.capabilities.absolute_sums import absolute_sums


def per_channel(matrix: np.ndarray, channels: int) -> np.ndarray:
    return np.kron(np.eye(channels), matrix)


def assert_sums(op: LinearOperator, matrix: np.ndarray) -> None:
    found = absolute_sums(op)
    assert found is not None
    for sums, axis, space in zip(found, (0, 1), (op.domain, op.codomain), strict=True):
        assert sums.shape == (1, *space.shape)
        np.testing.assert_allclose(sums.flatten().numpy(), np.abs(matrix).sum(axis), atol=1e-12)


@pytest.mark.parametrize("boundary", ["neumann", "periodic"])
@pytest.mark.parametrize(("shape", "order"), [((6,), 1), ((5, 4), 0), ((5, 4), 1), ((4, 5), 2), ((3, 2, 4), 1)])
def test_it_is_the_mean_over_permutations_of_the_gradient_of_whole_tensors(shape, order, boundary, agrees) -> None:
    spacing = (0.5, 2.0, 1.5)[: len(shape)]
    reference = per_channel(derivative_matrix(shape, order, boundary == "periodic", spacing), 2)
    agrees(SymmetricDerivative(shape, 2, order, boundary, spacing, torch.float64), reference)
    if order == 1:
        agrees(SymmetricDerivative(shape, 2, order, boundary, spacing, torch.complex128), reference)
        with pytest.raises(AssertionError, match="Not equal to tolerance"):  # the spacing left out
            agrees(SymmetricDerivative(shape, 2, order, boundary, 1.0, torch.float64), reference)


@pytest.mark.parametrize("shape", [(1,), (1, 4), (2, 2), (3, 1), (2, 3)], ids=str)
@pytest.mark.parametrize("boundary", ["neumann", "periodic"])
@pytest.mark.parametrize("order", [0, 1, 2])
def test_small_images_have_fewer_differences(shape, order, boundary, agrees) -> None:
    op = SymmetricDerivative(shape, 1, order, boundary, dtype=torch.float64)
    matrix = derivative_matrix(shape, order, boundary == "periodic", (1.0,) * len(shape))
    agrees(op, matrix)
    assert_sums(op, matrix)


def test_of_an_image_it_is_the_gradient(draw) -> None:
    x = draw((2, 3, 5, 4), torch.float64)
    for boundary in ("neumann", "periodic"):
        gradient = FiniteDifference((5, 4), 3, boundary, (0.5, 2.0), torch.float64)
        e = SymmetricDerivative((5, 4), 3, 0, boundary, (0.5, 2.0), torch.float64)
        torch.testing.assert_close(e.forward(x.unsqueeze(2)), gradient.forward(x))
        assert e.norm().upper == pytest.approx(gradient.norm().upper, rel=1e-14)


def test_the_second_derivative_is_the_hessian_of_a_quadratic_in_frobenius_coordinates() -> None:
    i, j = torch.meshgrid(torch.arange(6.0), torch.arange(5.0), indexing="ij")
    x = (1.5 * i**2 + 4 * i * j - j**2).double()[None, None, None]
    first, second = (SymmetricDerivative((6, 5), 1, order, dtype=torch.float64) for order in (0, 1))
    hessian = second.forward(first.forward(x))[0, 0, :, 2, 2]
    torch.testing.assert_close(hessian, torch.tensor([3.0, math.sqrt(2) * 4.0, -2.0], dtype=torch.float64))


@pytest.mark.parametrize("order", [1, 2, 3])
def test_polynomials_have_no_derivative_beyond_their_degree(order) -> None:
    generator = np.random.default_rng(0)
    i, j = np.meshgrid(np.arange(7), np.arange(6), indexing="ij")
    x = sum(generator.normal() * i**a * j**b for a in range(order) for b in range(order - a))
    derivatives = [SymmetricDerivative((7, 6), 1, level, dtype=torch.float64) for level in range(order + 1)]
    field = torch.as_tensor(np.asarray(x, float))[None, None, None]
    for e in derivatives[:order]:
        field = e.forward(field)
    assert field.abs().max() < 1e-10
    field = torch.as_tensor(np.asarray(x + i**order, float))[None, None, None]
    for e in derivatives[:order]:
        field = e.forward(field)
    assert field.abs().max() > 0.5


def test_gradients_pass(draw) -> None:
    for boundary in ("neumann", "periodic"):
        e = SymmetricDerivative((3, 4), 1, 1, boundary, (0.5, 2.0), torch.float64)
        v = draw((2, 1, 2, 3, 4), torch.float64).requires_grad_()
        z = draw((2, 1, 3, 3, 4), torch.float64).requires_grad_()
        assert torch.autograd.gradcheck(e.forward, v)
        assert torch.autograd.gradcheck(e.adjoint, z)
        residual = TensorResidual(SymmetricDerivative((3, 4), 1, 0, boundary, 1.0, torch.float64), 2)
        u = draw((1, 3, 3, 4), torch.float64).requires_grad_()
        y = draw((1, 1, 2, 3, 4), torch.float64).requires_grad_()
        assert torch.autograd.gradcheck(residual.forward, u)
        assert torch.autograd.gradcheck(residual.adjoint, y)


@pytest.mark.parametrize(("order", "level"), [(2, 1), (2, 2), (3, 2), (3, 3)])
@pytest.mark.parametrize("boundary", ["neumann", "periodic"])
def test_a_residual_is_a_row_of_the_derivative_and_minus_where_it_is_defined(order, level, boundary, agrees) -> None:
    shape, channels, periodic = (4, 3), 2, boundary == "periodic"
    counts = [1, 2, 3, 4]
    n = math.prod(shape)
    e = per_channel(derivative_matrix(shape, level - 1, periodic, (0.5, 2.0)), channels)
    starts = np.cumsum([0, *(channels * count * n for count in counts)])
    matrix = np.zeros((e.shape[0], starts[order]))
    matrix[:, starts[level - 1] : starts[level]] = e
    if level < order:
        mask = np.diag(np.tile(defined(shape, level, periodic), channels))
        matrix[:, starts[level] : starts[level + 1]] = -mask
    derivative = SymmetricDerivative(shape, channels, level - 1, boundary, (0.5, 2.0), torch.float64)
    op = TensorResidual(derivative, order)
    agrees(op, matrix)
    assert_sums(op, matrix)
    assert_sums(derivative, e)
    assert op.norm().upper <= 1.4 * np.linalg.svd(matrix, compute_uv=False)[0]


def test_settings_that_are_not_possible_are_refused() -> None:
    with pytest.raises(ConfigError, match="order is -1, expected a whole number >= 0"):
        SymmetricDerivative((3, 4), order=-1)
    with pytest.raises(ConfigError, match="boundary is 'zero'"):
        SymmetricDerivative((3, 4), boundary="zero")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="order of the derivative is 2, expected less than 2"):
        TensorResidual(SymmetricDerivative((3, 4), order=2), 2)
