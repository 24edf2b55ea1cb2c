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


@pytest.mark.parametrize("pattern_shape", [(3, 2, 4), (3, 1, 4), (1, 1, 4), (1, 1, 1)], ids=str)
def test_in_three_dimensions_the_gradient_reaches_the_pattern(pattern_shape, draw) -> None:
    """d/dS 0.5 |S z - y|^2 = sum_j Re((S z_j - y_j) conj(z_j)) with z = F C x, summed where S is broadcast."""
    c, x = draw((2, 3, 2, 4), torch.complex128), draw((2, 1, 3, 2, 4), torch.complex128, 1)
    y = draw((2, 2, 3, 2, 4), torch.complex128, 2)
    pattern = draw(pattern_shape, torch.float64, 3).sigmoid().requires_grad_()

    def loss(pattern):
        residual = sense(c, pattern).forward(x) - y
        return 0.5 * residual.abs().square().sum()

    loss(pattern).backward()
    z = np.fft.fftn(c.numpy() * x.numpy(), axes=(-3, -2, -1), norm="ortho")
    each = ((pattern.detach().numpy() * z - y.numpy()) * z.conj()).real.sum((0, 1))
    broadcast = tuple(axis for axis, n in enumerate(pattern_shape) if n == 1 and each.shape[axis] > 1)
    np.testing.assert_allclose(pattern.grad.numpy(), each.sum(broadcast, keepdims=True), rtol=1e-12)
    step = 1e-6 * draw(pattern_shape, torch.float64, 4)
    with torch.no_grad():
        difference = (loss(pattern + step) - loss(pattern - step)) / 2
    assert float(difference) == pytest.approx(float((pattern.grad * step).sum()), rel=1e-7)


def test_in_three_dimensions_the_adjoint_the_normal_operator_and_the_sensitivities_have_gradients(draw) -> None:
    c = draw((2, 2, 3, 2), torch.complex128).requires_grad_()
    y = draw((1, 2, 2, 3, 2), torch.complex128, 1).requires_grad_()
    pattern = draw((2, 1, 2), torch.float64, 2).sigmoid().requires_grad_()

    def both(c, pattern, y):
        op = sense(c, pattern)
        return op.adjoint(y), op.normal().forward(op.adjoint(y))

    assert torch.autograd.gradcheck(both, (c, pattern, y), fast_mode=True)
    assert torch.autograd.gradgradcheck(lambda c, p: sense(c, p).adjoint(y.detach()), (c, pattern), fast_mode=True)


@pytest.mark.parametrize("pattern_shape", [(3, 2, 4), (1, 2, 1)], ids=str)
def test_in_three_dimensions_adjoint_and_norm_hold(pattern_shape, draw, gap) -> None:
    op = sense(draw((3, 3, 2, 4), torch.complex128), draw(pattern_shape, torch.float64, 1).sigmoid())
    assert gap(op) < 1e-12
    assert gap(op.to(dtype=torch.float32)) < 1e-6
    matrix = op.forward(torch.eye(24, dtype=torch.complex128).reshape(24, 1, 3, 2, 4)).flatten(1).numpy().T
    assert op.norm().lower <= np.linalg.svd(matrix, compute_uv=False)[0] <= op.norm().upper
    assert op.forward(op.domain.zeros(0)).shape == (0, 3, 3, 2, 4)
