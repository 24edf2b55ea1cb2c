from __future__ import annotations

import copy
import functools

import numpy as np
import pytest
import torch

from invkit.errors import DataError, ShapeError
from invkit.operators import Fourier


def matrix(shape: tuple[int, ...], weights: np.ndarray | None, channels: int) -> np.ndarray:
    """diag(S) F by the definition of the transform, with DC at index 0."""
    factors = []
    for n in shape:
        k = np.arange(n)
        factors.append(np.exp(-2j * np.pi * np.outer(k, k) / n) / np.sqrt(n))
    one = functools.reduce(np.kron, factors)
    if weights is not None:
        one = np.broadcast_to(weights, shape).ravel()[:, None] * one
    return np.kron(np.eye(channels), one)


def relaxed(shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    values = torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return values * (values > 0.3)


@pytest.mark.parametrize("shape", [(5,), (4, 3), (1, 4), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("sampled", [False, True])
def test_it_is_the_sampled_orthonormal_transform(shape, sampled, agrees) -> None:
    pattern = relaxed(shape) if sampled else None
    op = Fourier(shape, pattern, channels=2, dtype=torch.complex128)
    agrees(op, matrix(shape, None if pattern is None else pattern.numpy(), 2))


def test_lines_are_broadcast(agrees) -> None:
    lines = relaxed((1, 5))
    agrees(Fourier((4, 5), lines, dtype=torch.complex128), matrix((4, 5), lines.numpy(), 1))


def test_the_transform_is_numpys(draw) -> None:
    x = draw((2, 1, 6, 7), torch.complex128)
    want = np.fft.fftn(x.numpy(), axes=(-2, -1), norm="ortho")
    np.testing.assert_allclose(Fourier((6, 7), dtype=torch.complex128).forward(x).numpy(), want, atol=1e-13)


def test_the_reference_rejects_a_centred_transform(agrees) -> None:
    centred = np.fft.fftshift(matrix((4,), None, 1), axes=0)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        agrees(Fourier((4,), dtype=torch.complex128), centred)


@pytest.mark.parametrize("sampled", [False, True])
def test_the_normal_operator_and_the_pseudo_inverse_are_those_of_the_matrix(sampled, draw) -> None:
    pattern = relaxed((3, 4)) if sampled else None
    op = Fourier((3, 4), pattern, dtype=torch.complex128)
    m = matrix((3, 4), None if pattern is None else pattern.numpy(), 1)
    x = draw((2, 1, 3, 4), torch.complex128)
    flat = x.flatten(1).numpy()
    before = x.clone()
    np.testing.assert_allclose(op.normal().forward(x).flatten(1).numpy(), flat @ (m.conj().T @ m).T, atol=1e-13)
    np.testing.assert_allclose(op.pseudo_inverse(x).flatten(1).numpy(), flat @ np.linalg.pinv(m).T, atol=1e-12)
    assert torch.equal(x, before)


def test_gradients_reach_the_image_and_the_sampling_pattern(draw) -> None:
    x = draw((2, 1, 3, 4), torch.complex128).requires_grad_()
    pattern = relaxed((3, 4)).requires_grad_()

    def build(pattern):
        return Fourier((3, 4), pattern, dtype=torch.complex128)

    def both(x, pattern):
        op = build(pattern)
        return op.forward(x), op.adjoint(x), op.normal().forward(x)

    assert torch.autograd.gradcheck(both, (x, pattern))
    assert torch.autograd.gradgradcheck(lambda x, p: build(p).normal().forward(x), (x, pattern))
    assert torch.autograd.gradgradcheck(lambda x: build(pattern.detach()).forward(x).abs().square(), x)


def test_the_normal_operator_follows_a_pattern_changed_in_place(draw) -> None:
    pattern = relaxed((3, 4))
    op, x = Fourier((3, 4), pattern, dtype=torch.complex128), draw((1, 1, 3, 4), torch.complex128)
    before = op.normal().forward(x)
    pattern.mul_(2.0)
    torch.testing.assert_close(op.normal().forward(x), 4 * before)
    torch.testing.assert_close(copy.deepcopy(op).normal().forward(x), op.adjoint(op.forward(x)))


def test_structure_is_unitary_only_without_a_pattern() -> None:
    assert Fourier((3, 4)).structure == {"isometric", "unitary"}
    assert Fourier((3, 4), torch.ones(3, 4)).structure == frozenset()


def test_a_mask_of_booleans_and_a_real_dtype_are_accepted() -> None:
    op = Fourier((2, 2), torch.ones(2, 2, dtype=torch.bool), dtype=torch.float64)
    assert op.domain.dtype is torch.complex128
    assert op.norm().upper == pytest.approx(1.0)


def test_patterns_that_do_not_fit_are_refused() -> None:
    for pattern in (torch.ones(3), torch.ones(4, 4), torch.ones(1, 3, 4), torch.ones(3, 4, dtype=torch.complex64)):
        with pytest.raises(ShapeError, match="Fourier: sampling pattern has shape"):
            Fourier((3, 4), pattern)
    with pytest.raises(DataError, match="sampling pattern contains NaN or inf"):
        Fourier((3, 4), torch.full((3, 4), torch.nan))
    with pytest.raises(ShapeError, match=r"dtype is torch.float32, expected torch.complex64"):
        Fourier((3, 4)).forward(torch.ones(1, 1, 3, 4))
