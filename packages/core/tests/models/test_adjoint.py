from __future__ import annotations

import numpy as np
import torch

from invkit.models import Adjoint
from invkit.operators import Dense, Fourier


def noise(shape, dtype=torch.float64, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


MATRIX = noise((7, 6))
OP = Dense(MATRIX, (1, 2, 3), (1, 7))
Y = noise((3, 1, 7), seed=1)


def test_it_is_the_conjugate_transpose_of_the_matrix() -> None:
    flat, m = Y.flatten(1).numpy(), MATRIX.numpy()
    np.testing.assert_allclose(Adjoint()(Y, OP).flatten(1), flat @ m, atol=1e-13)
    assert not np.allclose(Adjoint()(Y, OP).flatten(1), flat @ np.linalg.pinv(m).T)


def test_a_fully_sampled_transform_is_inverted_by_its_adjoint() -> None:
    x = noise((2, 1, 4, 3), torch.complex128)
    op = Fourier((4, 3), dtype=torch.complex128)
    torch.testing.assert_close(Adjoint()(op.forward(x), op), x)
