from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from invkit.errors import ConfigError
from invkit.operators import Downsampling

CASES = [((6,), 3), ((4, 6), 2), ((4, 6), (1, 3)), ((2, 4, 3), (2, 2, 1)), ((3, 5), 1)]


def matrix(shape: tuple[int, ...], factor: tuple[int, ...], channels: int, method: str) -> np.ndarray:
    coarse = tuple(n // f for n, f in zip(shape, factor, strict=True))
    one = np.zeros((np.prod(coarse), np.prod(shape)))
    for row, p in enumerate(itertools.product(*map(range, coarse))):
        for q in itertools.product(*map(range, factor)):
            fine = np.ravel_multi_index([a * f + b for a, f, b in zip(p, factor, q, strict=True)], shape)
            if method == "mean":
                one[row, fine] = 1 / np.prod(factor)
            elif not any(q):
                one[row, fine] = 1
    return np.kron(np.eye(channels), one)


@pytest.mark.parametrize("method", ["mean", "decimate"])
@pytest.mark.parametrize(("shape", "factor"), CASES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_it_is_the_matrix_of_means_or_of_first_pixels(shape, factor, method, dtype, draw, agrees) -> None:
    op = Downsampling(shape, factor, 2, method, dtype)
    m = matrix(shape, factor if isinstance(factor, tuple) else (factor,) * len(shape), 2, method)
    agrees(op, m)
    y = draw((2, *op.codomain.shape), dtype)
    want = y.flatten(1).numpy() @ np.linalg.pinv(m).T
    np.testing.assert_allclose(op.pseudo_inverse(y).flatten(1).numpy(), want, atol=1e-12)
    largest = np.linalg.svd(m, compute_uv=False)[0]
    assert op.norm().upper - op.norm().lower < 1e-13
    assert op.norm().upper == pytest.approx(largest, rel=1e-13)
    assert op.structure >= {"unitary"} if factor == 1 else op.structure == frozenset()


def test_the_reference_rejects_another_phase(agrees) -> None:
    m = matrix((6,), (3,), 1, "decimate")
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        agrees(Downsampling((6,), 3, method="decimate", dtype=torch.float64), np.roll(m, 1, axis=1))


@pytest.mark.parametrize("method", ["mean", "decimate"])
def test_gradients_reach_the_image(method, draw) -> None:
    op = Downsampling((4, 6), (2, 3), method=method, dtype=torch.float64)
    x, y = draw((2, 1, 4, 6), torch.float64).requires_grad_(), draw((2, 1, 2, 2), torch.float64, 1).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, y: (op.forward(x), op.adjoint(y)), (x, y))


def test_factors_that_do_not_divide_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"image_shape is \(5, 7\), expected multiples of \(2, 3\). Crop .* \(4, 6\)"):
        Downsampling((5, 7), (2, 3))
    for wrong in ((2,), 0, (2, -1), 1.5):
        with pytest.raises(ConfigError, match="expected 2 positive whole numbers"):
            Downsampling((4, 6), wrong)
    with pytest.raises(ConfigError, match="method is 'max', expected 'mean' or 'decimate'"):
        Downsampling((4, 6), method="max")
