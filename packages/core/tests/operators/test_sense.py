from __future__ import annotations

import numpy as np
import pytest
import torch

from invkit.errors import ShapeError
from invkit.operators import sense


@pytest.mark.parametrize("shape", [(2, 4), (3, 3, 4), (2, 2, 3, 2)], ids=str)
def test_it_is_the_transform_of_each_coil_image(shape, draw) -> None:
    c, x = draw(shape, torch.complex128), draw((2, 1, *shape[1:]), torch.complex128, 1)
    pattern = (torch.rand(shape[1:], generator=torch.Generator().manual_seed(0)) > 0.5).double()
    axes = tuple(range(-(len(shape) - 1), 0))
    want = pattern.numpy() * np.fft.fftn(c.numpy() * x.numpy(), axes=axes, norm="ortho")
    np.testing.assert_allclose(sense(c, pattern).forward(x).numpy(), want, atol=1e-13)


def test_the_adjoint_and_the_norm_hold(draw, gap) -> None:
    c = draw((3, 4, 3), torch.complex128)
    pattern = torch.tensor([1.0, 0.0, 1.0]).reshape(1, 3)
    op = sense(c, pattern)
    assert gap(op) < 1e-12
    assert gap(op.to(dtype=torch.float32)) < 1e-6
    columns = op.forward(torch.eye(12, dtype=torch.complex128).reshape(12, 1, 4, 3)).flatten(1).numpy().T
    largest = np.linalg.svd(columns, compute_uv=False)[0]
    assert op.norm().lower <= largest <= op.norm().upper
    # Fully sampled, the transform is unitary, and the bound is attained.
    full = sense(c).norm()
    assert full.upper - full.lower < 1e-13


def test_a_pattern_of_another_size_is_refused(draw) -> None:
    with pytest.raises(ShapeError, match="sampling pattern has shape"):
        sense(draw((3, 4, 3), torch.complex64), torch.ones(3, 4))
