from __future__ import annotations

import numpy as np
import pytest
import torch

from invkit.errors import ConfigError, DataError, ShapeError
from invkit.operators import Dense


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (1, 1), (1, 5)], ids=str)
def test_it_is_its_matrix(shape, dtype, draw, agrees) -> None:
    m = draw(shape, dtype)
    agrees(Dense(m), m.numpy())


def test_the_shapes_of_image_and_measurement_are_those_given(draw, agrees) -> None:
    m = draw((6, 4), torch.float64)
    op = Dense(m, (1, 2, 2), (2, 3))
    assert op.domain.shape == (1, 2, 2)
    agrees(op, m.numpy())


def test_the_norm_is_the_spectral_norm_and_not_the_frobenius_norm(draw) -> None:
    m = draw((6, 4), torch.float64)
    bound = Dense(m).norm()
    assert bound.lower <= np.linalg.norm(m.numpy(), 2) <= bound.upper
    assert bound.upper - bound.lower < 1e-12
    assert bound.upper < 0.9 * np.linalg.norm(m.numpy())
    assert Dense(torch.zeros(2, 3)).norm().upper == 0.0


def test_gradients_reach_the_image_and_the_matrix(draw) -> None:
    for dtype in (torch.float64, torch.complex128):
        m, x = draw((3, 2), dtype).requires_grad_(), draw((2, 2), dtype, 1).requires_grad_()
        y = draw((2, 3), dtype, 2).requires_grad_()
        assert torch.autograd.gradcheck(lambda m, x, y: (Dense(m).forward(x), Dense(m).adjoint(y)), (m, x, y))
        assert torch.autograd.gradgradcheck(lambda m, x: Dense(m).normal().forward(x), (m, x))


def test_the_reference_rejects_the_transposed_complex_matrix(draw, agrees) -> None:
    m = draw((3, 3), torch.complex128)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        agrees(Dense(m.mT), m.numpy())


def test_what_is_not_a_matrix_of_finite_numbers_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"matrix has shape \(3,\), expected \(m, n\)"):
        Dense(torch.ones(3))
    with pytest.raises(ShapeError, match=r"domain_shape is \(5,\), expected 4 numbers"):
        Dense(torch.ones(6, 4), (5,))
    with pytest.raises(ShapeError, match=r"codomain_shape is \(5,\), expected 6 numbers"):
        Dense(torch.ones(6, 4), (), (5,))
    with pytest.raises(ShapeError, match="matrix has dtype torch.int64"):
        Dense(torch.ones(2, 2, dtype=torch.int64))
    with pytest.raises(DataError, match="matrix contains NaN or inf"):
        Dense(torch.full((2, 2), torch.nan))


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_a_matrix_that_was_made_no_number_in_place_has_no_norm(value):
    operator = Dense(torch.eye(3))
    operator.norm()
    operator.matrix[0, 1] = value
    with pytest.raises(ConfigError, match="largest entry of the matrix is (nan|inf)"):
        operator.norm()
