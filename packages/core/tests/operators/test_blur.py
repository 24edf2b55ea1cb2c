from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy import ndimage, signal

from invkit.errors import ConfigError, DataError, ShapeError
from invkit.operators import Blur
from invkit.operators.capabilities.gram_diagonal import gram_diagonal

CASES = [((3,), (7,)), ((2,), (5,)), ((3, 3), (5, 4)), ((2, 3), (4, 6)), ((1, 4), (1, 4)), ((2, 3, 2), (3, 3, 4))]


def matrix(kernel: np.ndarray, shape: tuple[int, ...], channels: int) -> np.ndarray:
    """(k * x)(p) = sum_q k(q) x(p - q), indices modulo the image, the kernel's centre at k_i // 2."""
    pixels = list(itertools.product(*map(range, shape)))
    number = {pixel: i for i, pixel in enumerate(pixels)}
    one = np.zeros((len(pixels), len(pixels)), dtype=kernel.dtype)
    for p in pixels:
        for index in itertools.product(*map(range, kernel.shape)):
            q = [i - k // 2 for i, k in zip(index, kernel.shape, strict=True)]
            source = tuple((a - b) % n for a, b, n in zip(p, q, shape, strict=True))
            one[number[p], number[source]] += kernel[index]
    return np.kron(np.eye(channels), one)


def cut_matrix(kernel: np.ndarray, shape: tuple[int, ...], channels: int, boundary: str) -> np.ndarray:
    """Columns by SciPy: the full convolution of each unit image, and of that what the boundary keeps."""
    columns = []
    for unit in np.eye(np.prod(shape)):
        full = signal.convolve(unit.reshape(shape), kernel, mode="full", method="direct")
        window = [
            slice(k - 1, n) if boundary == "valid" else slice(k // 2, k // 2 + n)
            for k, n in zip(kernel.shape, shape, strict=True)
        ]
        columns.append(full[tuple(window)].ravel())
    return np.kron(np.eye(channels), np.stack(columns, axis=1))


@pytest.mark.parametrize("boundary", ["valid", "zero"])
@pytest.mark.parametrize(("kernel_shape", "shape"), [*CASES, ((4,), (4,)), ((1, 4), (3, 5))], ids=str)
@pytest.mark.parametrize("kinds", ["real", "real kernel, complex image", "complex"])
def test_without_wrapping_it_is_the_cut_convolution(kernel_shape, shape, boundary, kinds, draw, agrees) -> None:
    kernel = draw(kernel_shape, torch.complex128 if kinds == "complex" else torch.float64)
    dtype = torch.float64 if kinds == "real" else torch.complex128
    op = Blur(kernel, shape, 2, dtype, boundary)
    agrees(op, cut_matrix(kernel.numpy(), shape, 2, boundary))


@pytest.mark.parametrize("boundary", ["valid", "zero"])
def test_the_cut_convolution_is_scipys(boundary, draw) -> None:
    kernel, x = draw((3, 5), torch.float64), draw((1, 1, 7, 8), torch.float64, 1)
    got = Blur(kernel, (7, 8), boundary=boundary).forward(x)[0, 0].numpy()
    mode = "valid" if boundary == "valid" else "same"
    np.testing.assert_allclose(got, signal.convolve(x[0, 0].numpy(), kernel.numpy(), mode=mode), atol=1e-13)
    if boundary == "zero":
        outside = ndimage.convolve(x[0, 0].numpy(), kernel.numpy(), mode="constant")
        np.testing.assert_allclose(got, outside, atol=1e-13)


def test_the_reference_rejects_another_boundary(draw, agrees) -> None:
    kernel = draw((3, 3), torch.float64)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        agrees(Blur(kernel, (5, 4)), cut_matrix(kernel.numpy(), (5, 4), 1, "zero"))


@pytest.mark.parametrize("boundary", ["valid", "zero"])
def test_the_norm_without_wrapping_is_bounded_from_both_sides(boundary, draw) -> None:
    smooth = torch.ones(3, 5, dtype=torch.float64) / 15
    waves = torch.outer(torch.tensor([1.0, -2.0, 1.0]), torch.tensor([1.0, -1.0])).double()
    for kernel in (smooth, waves, draw((4, 3), torch.float64)):
        bound = Blur(kernel, (12, 13), boundary=boundary).norm()
        largest = np.linalg.svd(cut_matrix(kernel.numpy(), (12, 13), 1, boundary), compute_uv=False)[0]
        assert 0.6 * largest < bound.lower <= largest <= bound.upper < 1.35 * largest


@pytest.mark.parametrize(("kernel_shape", "shape"), CASES, ids=str)
@pytest.mark.parametrize("kinds", ["real", "real kernel, complex image", "complex"])
def test_it_is_the_periodic_convolution(kernel_shape, shape, kinds, draw, agrees) -> None:
    kernel = draw(kernel_shape, torch.complex128 if kinds == "complex" else torch.float64)
    dtype = torch.float64 if kinds == "real" else torch.complex128
    agrees(Blur(kernel, shape, 2, dtype), matrix(kernel.numpy(), shape, 2))


def test_it_is_scipys_wrapped_convolution(draw) -> None:
    kernel, x = draw((3, 5), torch.float64), draw((1, 1, 7, 8), torch.float64, 1)
    got = Blur(kernel, (7, 8)).forward(x)[0, 0].numpy()
    np.testing.assert_allclose(got, ndimage.convolve(x[0, 0].numpy(), kernel.numpy(), mode="wrap"), atol=1e-13)
    wrapped = signal.convolve2d(x[0, 0].numpy(), kernel.numpy(), mode="same", boundary="wrap")
    np.testing.assert_allclose(got, wrapped, atol=1e-13)


def test_the_reference_rejects_a_correlation(draw, agrees) -> None:
    kernel = draw((3, 3), torch.float64)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        agrees(Blur(kernel.flip(0, 1), (5, 4)), matrix(kernel.numpy(), (5, 4), 1))


@pytest.mark.parametrize("dtype", [torch.float32, torch.complex64])
def test_the_norm_in_single_precision_is_that_of_the_single_kernel(dtype, draw) -> None:
    kernel = draw((3, 3), torch.float32)
    op = Blur(kernel, (6, 5), dtype=dtype)
    largest = np.linalg.svd(matrix(kernel.double().numpy(), (6, 5), 1), compute_uv=False)[0]
    assert op.norm().lower <= largest * (1 + 1e-13)
    assert largest <= op.norm().upper * (1 + 1e-13)
    assert op.norm().upper - op.norm().lower < 2e-5 * op.norm().upper  # two transforms and that of the kernel


def test_a_kernel_of_another_precision_keeps_the_dtype_of_the_images(draw) -> None:
    for dtype in (torch.float32, torch.complex64):
        op = Blur(draw((3, 3), torch.float64), (6, 5), dtype=dtype)
        assert op.forward(op.domain.zeros()).dtype is dtype
        assert op.adjoint(op.domain.zeros()).dtype is dtype


def test_gradients_reach_the_image_and_the_kernel(draw) -> None:
    x, kernel = draw((2, 1, 3, 4), torch.float64).requires_grad_(), draw((2, 3), torch.float64).requires_grad_()

    def both(x, kernel):
        op = Blur(kernel, (3, 4))
        return op.forward(x), op.adjoint(x)

    assert torch.autograd.gradcheck(both, (x, kernel))
    assert torch.autograd.gradgradcheck(lambda x, k: Blur(k, (3, 4)).forward(x), (x, kernel))


@pytest.mark.parametrize("boundary", ["valid", "zero"])
def test_gradients_reach_the_kernel_without_wrapping(boundary, draw) -> None:
    x, kernel = draw((2, 1, 3, 4), torch.complex128).requires_grad_(), draw((2, 3), torch.float64).requires_grad_()

    def normal(x, kernel):
        return Blur(kernel, (3, 4), 1, torch.complex128, boundary).normal().forward(x)

    assert torch.autograd.gradcheck(normal, (x, kernel))
    assert torch.autograd.gradgradcheck(normal, (x, kernel))


def test_kernels_that_do_not_fit_are_refused() -> None:
    for kernel in (torch.ones(3), torch.ones(5, 3), torch.ones(1, 3, 3)):
        with pytest.raises(ShapeError, match="Blur: kernel has shape"):
            Blur(kernel, (4, 4))
    with pytest.raises(ShapeError, match="kernel is complex, expected a real one"):
        Blur(torch.ones(2, 2, dtype=torch.complex64), (4, 4), dtype=torch.float32)
    with pytest.raises(DataError, match="kernel contains NaN or inf"):
        Blur(torch.full((2, 2), torch.inf), (4, 4))
    with pytest.raises(ConfigError, match="boundary is 'reflect', expected 'periodic', 'zero' or 'valid'"):
        Blur(torch.ones(2, 2), (4, 4), boundary="reflect")


def test_the_norm_leaves_room_for_the_rounding_of_the_transform(draw) -> None:
    """n numbers: about log2(n) eps |k|_1, much more than a few eps of the norm for a kernel of many signs."""
    kernel = draw((32, 32), torch.float64)
    norm = Blur(kernel, (32, 32)).norm()
    error = 10 * torch.finfo(torch.float64).eps * float(kernel.abs().sum())
    largest = float(np.abs(np.fft.fft2(kernel.numpy().astype(np.longdouble))).max())
    assert norm.upper - largest > error
    assert largest - norm.lower > error


@pytest.mark.parametrize("boundary", ["periodic", "zero", "valid"])
def test_no_entry_of_the_gram_diagonal_is_negative(boundary, draw) -> None:
    """Most of them are zero, which a transform rounds to either side."""
    weights_of = Blur(draw((3, 3), torch.float64), (9, 8), boundary=boundary)
    weights = torch.zeros((4, *weights_of.codomain.shape), dtype=torch.float64)
    weights[:, :, 2, 3] = draw((4, 1), torch.float64, 1).square() * 1e3
    found = gram_diagonal(weights_of, weights)
    assert bool((found >= 0).all())
    assert (found > 1e-9).sum() <= 4 * 9
