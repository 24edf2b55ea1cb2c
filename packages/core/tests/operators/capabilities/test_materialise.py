from __future__ import annotations

import pytest
import torch

from invkit.errors import ConfigError
from invkit.operators import Dense, materialise


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64, torch.complex128])
@pytest.mark.parametrize("shape", [(6, 4), (3, 150), (1, 64), (2, 65)], ids=str)
def test_it_is_the_matrix(shape, dtype, draw) -> None:
    matrix = draw(shape, dtype)
    got = materialise(Dense(matrix, (1, shape[1]), (1, shape[0])))
    assert got.dtype is dtype
    assert got.is_contiguous()
    torch.testing.assert_close(got, matrix)
    assert got.data_ptr() != matrix.data_ptr()


def test_it_is_not_the_transposed_or_conjugate_matrix(draw) -> None:
    matrix = draw((3, 3), torch.complex128)
    for wrong in (matrix.mT, matrix.conj(), matrix.mH):
        assert not torch.allclose(materialise(Dense(matrix)), wrong)


def test_gradients_reach_what_the_operator_was_built_from(draw) -> None:
    matrix = draw((3, 2), torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda m: materialise(Dense(m)), (matrix,))


def test_a_matrix_that_is_too_large_is_refused() -> None:
    operator = Dense(torch.ones(6, 4))
    assert materialise(operator, max_entries=24).shape == (6, 4)
    with pytest.raises(ConfigError, match=r"6 x 4 = 24 entries, expected at most 23. Apply the operator instead"):
        materialise(operator, max_entries=23)
