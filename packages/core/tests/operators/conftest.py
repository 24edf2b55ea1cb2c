"""What every operator is measured with; the references stand in the test files and never use the operator itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from invkit.operators import LinearOperator, inner, norm

Check = Callable[[LinearOperator, np.ndarray], None]


def noise(shape: tuple[int, ...], dtype: torch.dtype, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def adjoint_gap(op: LinearOperator, batch: int = 3, seed: int = 0) -> float:
    """The worst |<Ax, y> - <x, A*y>| / (|Ax| |y|) over a batch of white noise on both sides."""
    x = noise((batch, *op.domain.shape), op.domain.dtype, seed)
    y = noise((batch, *op.codomain.shape), op.codomain.dtype, seed + 1)
    ax, aty = op.forward(x), op.adjoint(y)
    # In double, so that the sums of the check itself add nothing to the difference.
    wide = torch.complex128 if ax.is_complex() else torch.float64
    gap = (inner(ax.to(wide), y.to(wide)) - inner(x.to(wide), aty.to(wide))).abs()
    size = norm(ax.to(wide)) * norm(y.to(wide))
    return float((gap / size.clamp_min(1e-300)).max())


def strided(x: Tensor) -> Tensor:
    """The same numbers in memory that is not contiguous."""
    wide = torch.empty((*x.shape[:-1], 2 * x.shape[-1]), dtype=x.dtype)
    view = wide[..., ::2]
    view.copy_(x)
    return view


@pytest.fixture(scope="session")
def gap() -> Callable[..., float]:
    return adjoint_gap


@pytest.fixture(scope="session")
def draw() -> Callable[..., Tensor]:
    return noise


@pytest.fixture(scope="session")
def agrees() -> Check:
    """Fails unless a double-precision operator is that matrix: values, adjoint, batches, memory, norm, single."""

    def check(op: LinearOperator, matrix: np.ndarray) -> None:
        m, n = op.codomain.size, op.domain.size
        assert matrix.shape == (m, n)
        scale = np.abs(matrix).max() * np.sqrt(n) + 1e-300
        for batch in (0, 1, 3):
            x = noise((batch, *op.domain.shape), op.domain.dtype, 3)
            y = noise((batch, *op.codomain.shape), op.codomain.dtype, 4)
            kept = x.clone(), y.clone()
            want = x.reshape(batch, n).numpy() @ matrix.T
            back = y.reshape(batch, m).numpy() @ matrix.conj()
            for image, data in ((x, y), (strided(x), strided(y))):
                ax, aty = op.forward(image), op.adjoint(data)
                assert ax.shape == (batch, *op.codomain.shape)
                assert aty.shape == (batch, *op.domain.shape)
                assert ax.dtype == op.codomain.dtype
                assert aty.dtype == op.domain.dtype
                np.testing.assert_allclose(ax.reshape(batch, m).numpy(), want, rtol=0, atol=1e-12 * scale)
                np.testing.assert_allclose(aty.reshape(batch, n).numpy(), back, rtol=0, atol=1e-12 * scale)
            assert torch.equal(x, kept[0])
            assert torch.equal(y, kept[1])
        assert adjoint_gap(op) < 1e-12
        assert adjoint_gap(op.to(dtype=torch.float32)) < 1e-6
        largest = np.linalg.svd(matrix, compute_uv=False)[0]
        bound = op.norm()
        slack = 1e-13 * largest  # of the SVD that judges
        assert bound.lower <= largest + slack
        assert largest - slack <= bound.upper

    return check
