from __future__ import annotations

import pytest
import torch
from torch import Tensor

from invkit.operators import Dense, Diagonal, FiniteDifference, Fourier, Identity, LinearOperator
from invkit.operators.algebra import stack
from invkit.operators.capabilities.absolute_sums import absolute_sums


def noise(shape: tuple[int, ...], dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def matrix_of(operator: LinearOperator) -> Tensor:
    """Column by column, by what the operator does to unit images."""
    n = operator.domain.size
    units = torch.eye(n, dtype=operator.domain.dtype).reshape(n, *operator.domain.shape)
    return operator.forward(units).flatten(1).mT


DIFFERENCES = [
    FiniteDifference(shape, channels, boundary, spacing, torch.float64)
    for shape, channels, spacing in (((4, 3), 2, (1.0, 0.5)), ((5,), 1, 2.0), ((1, 3), 1, 1.0), ((2, 3, 4), 1, 1.0))
    for boundary in ("neumann", "periodic")
]
OPERATORS = [
    *DIFFERENCES,
    Dense(noise((6, 4)), (2, 2), (3, 2)),
    Dense(noise((6, 4), torch.complex128)),
    Identity((3, 2), 2, torch.complex128),
    Diagonal(noise((3, 4)), (2, 3, 4), torch.complex128),
    -2.5 * Dense(noise((6, 4))),
    stack([Dense(noise((6, 4)), (1, 2, 2)), FiniteDifference((2, 2), dtype=torch.float64)]),
]


@pytest.mark.parametrize("operator", OPERATORS, ids=repr)
def test_they_are_those_of_the_matrix(operator) -> None:
    found = absolute_sums(operator)
    assert found is not None
    columns, rows = found
    size = matrix_of(operator).abs()
    assert columns.shape == (1, *operator.domain.shape)
    assert rows.shape == (1, *operator.codomain.shape)
    torch.testing.assert_close(columns.flatten(), size.sum(0), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(rows.flatten(), size.sum(1), rtol=1e-12, atol=1e-12)
    assert not columns.is_complex()


def test_a_transform_of_every_pixel_offers_none() -> None:
    assert absolute_sums(Fourier((4, 3))) is None
    assert absolute_sums(stack([Fourier((4, 3)), 2.0 * Fourier((4, 3))])) is None
