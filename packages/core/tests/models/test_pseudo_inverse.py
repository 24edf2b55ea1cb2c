from __future__ import annotations

import numpy as np
import pytest
import torch

from invkit.errors import ConfigError
from invkit.models import Adjoint, PseudoInverse
from invkit.operators import Dense, Fourier, Identity, sense


def noise(shape, dtype=torch.float64, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


MATRIX = noise((7, 6))
OP = Dense(MATRIX, (1, 2, 3), (1, 7))
Y = noise((3, 1, 7), seed=1)


def test_the_pseudo_inverse_takes_the_closed_form_or_solves_and_both_agree() -> None:
    pattern = (torch.rand(6, 5, generator=torch.Generator().manual_seed(0)) < 0.5).double()
    plain = Fourier((6, 5), pattern, dtype=torch.complex128)
    y = noise((2, 1, 6, 5), torch.complex128)
    iterated = PseudoInverse(rtol=1e-10)(y, plain @ Identity((6, 5), 1, torch.complex128))
    torch.testing.assert_close(iterated, PseudoInverse()(y, plain), atol=1e-9, rtol=0)


def test_parallel_imaging_without_noise_is_inverted() -> None:
    c, x = noise((4, 6, 5), torch.complex128), noise((2, 1, 6, 5), torch.complex128, 1)
    pattern = torch.ones(6, 5, dtype=torch.float64)
    pattern[1::2] = 0
    op = sense(c, pattern)
    torch.testing.assert_close(PseudoInverse(rtol=1e-12, max_steps=2000)(op.forward(x), op), x, atol=1e-6, rtol=0)
    assert not torch.allclose(Adjoint()(op.forward(x), op), x, atol=1e-2)


def test_it_is_that_of_the_matrix() -> None:
    want = Y.flatten(1).numpy() @ np.linalg.pinv(MATRIX.numpy()).T
    np.testing.assert_allclose(PseudoInverse(rtol=1e-12)(Y, OP).flatten(1), want, atol=1e-10)
    assert not np.allclose(PseudoInverse(rtol=1e-12, max_steps=2)(Y, OP).flatten(1), want, atol=1e-10)


def test_settings_that_are_not_positive_are_refused() -> None:
    for settings in ({"rtol": 0.0}, {"rtol": float("nan")}, {"max_steps": 0}):
        with pytest.raises(ConfigError, match="PseudoInverse: rtol is .* expected both positive"):
            PseudoInverse(**settings)
