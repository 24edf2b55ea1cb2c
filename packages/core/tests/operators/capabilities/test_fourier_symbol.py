from __future__ import annotations

import pytest
import torch
from torch import Tensor

from invkit.operators import Blur, Dense, FiniteDifference, Fourier, Identity
from invkit.operators.capabilities.fourier_symbol import gram_symbol


def noise(shape: tuple[int, ...], dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


OPERATORS = [
    Fourier((5, 4), dtype=torch.complex128),
    Fourier((5, 4), noise((5, 4)), 3, torch.complex128),
    Fourier((5, 4), noise((1, 4)), dtype=torch.complex128),
    FiniteDifference((5, 4), 2, "periodic", (1.0, 0.5), torch.float64),
    FiniteDifference((3, 2, 5), 1, "periodic", 2.0, torch.complex128),
    FiniteDifference((1, 6), 1, "periodic", 1.0, torch.float64),
    Blur(noise((3, 2)), (5, 4), 2),
    Blur(noise((3, 3), torch.complex128), (5, 4)),
    Identity((5, 4), 2, torch.float64),
    -1.5 * Identity((5, 4), 2, torch.float64),
]


@pytest.mark.parametrize("operator", OPERATORS, ids=repr)
def test_it_diagonalises_the_normal_operator(operator) -> None:
    symbol = gram_symbol(operator)
    assert symbol is not None
    x = noise((2, *operator.domain.shape), operator.domain.dtype, 3)
    dims = tuple(range(2, x.ndim))
    got = torch.fft.ifftn(symbol * torch.fft.fftn(x, dim=dims), dim=dims)
    want = operator.adjoint(operator.forward(x))
    torch.testing.assert_close(got, want.to(got.dtype), rtol=1e-12, atol=1e-12)
    wrong = torch.fft.ifftn(1.01 * symbol * torch.fft.fftn(x, dim=dims), dim=dims)
    assert not torch.allclose(wrong, want.to(got.dtype), rtol=1e-4)


def test_what_is_not_diagonal_says_none() -> None:
    for operator in (
        FiniteDifference((5, 4)),
        Blur(noise((3, 3)), (5, 4), boundary="zero"),
        Dense(noise((4, 4))),
        2.0 * Dense(noise((4, 4))),
    ):
        assert gram_symbol(operator) is None
