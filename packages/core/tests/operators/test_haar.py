from __future__ import annotations

import functools

import numpy as np
import pytest
import torch

from invkit.errors import ConfigError, ShapeError
from invkit.operators import Haar, WaveletTransform

CASES = [((8,), 3), ((4, 12), 2), ((6, 2), 1), ((4, 8, 12), 2)]


def matrix(shape: tuple[int, ...], levels: int, channels: int) -> np.ndarray:
    """Product over the levels of the Kronecker product of H_n, acting on the corner that the last level left."""
    total = np.eye(np.prod(shape))
    for level in range(levels):
        corner = [n >> level for n in shape]
        factors = []
        for n in corner:
            rows = [np.kron(np.eye(n // 2), [[1.0, sign]]) / np.sqrt(2) for sign in (1, -1)]
            factors.append(np.concatenate(rows))
        places = np.arange(np.prod(shape)).reshape(shape)[tuple(slice(0, n) for n in corner)].ravel()
        step = np.eye(np.prod(shape))
        step[np.ix_(places, places)] = functools.reduce(np.kron, factors)
        total = step @ total
    return np.kron(np.eye(channels), total)


@pytest.mark.parametrize(("shape", "levels"), CASES[:3], ids=str)
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_it_is_the_orthonormal_matrix(shape, levels, dtype, agrees) -> None:
    agrees(Haar(shape, levels, 2, dtype), matrix(shape, levels, 2))


def test_the_reference_rejects_another_number_of_levels(agrees) -> None:
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        agrees(Haar((4, 12), 1, dtype=torch.float64), matrix((4, 12), 2, 1))


@pytest.mark.parametrize(("shape", "levels"), CASES, ids=str)
def test_it_is_that_of_pywavelets(shape, levels, draw) -> None:
    pywt = pytest.importorskip("pywt", reason="pip install PyWavelets runs this")
    x = draw((1, 1, *shape), torch.float64)
    want, _ = pywt.coeffs_to_array(pywt.wavedecn(x[0, 0].numpy(), "haar", mode="periodization", level=levels))
    np.testing.assert_allclose(Haar(shape, levels, dtype=torch.float64).forward(x)[0, 0].numpy(), want, atol=1e-13)


@pytest.mark.parametrize(("shape", "levels"), CASES, ids=str)
def test_the_adjoint_is_the_inverse_on_both_sides(shape, levels, draw) -> None:
    op = Haar(shape, levels, 2, torch.float64)
    x = draw((2, 2, *shape), torch.float64)
    torch.testing.assert_close(op.adjoint(op.forward(x)), x)
    torch.testing.assert_close(op.forward(op.adjoint(x)), x)
    assert op.structure == {"isometric", "unitary"}
    assert op.norm().upper - op.norm().lower < 1e-12


def test_the_approximation_of_a_constant_is_everything() -> None:
    op = Haar((8, 4), 2, 2, torch.float64)
    coefficients = op.forward(torch.ones(1, 2, 8, 4, dtype=torch.float64))
    approximation, details = op.split(coefficients)
    assert torch.equal(approximation + details, coefficients)
    assert int(op.low_pass.sum()) == 2 * 2 * 1
    np.testing.assert_allclose(details, 0, atol=1e-15)
    np.testing.assert_allclose(op.approximation(coefficients)[0, 1, :2, 0], 4.0)  # sqrt of the 16 pixels of a block


def test_the_approximation_is_the_mean_of_each_block(draw) -> None:
    op = Haar((8, 4), 2, dtype=torch.float64)
    x = draw((1, 1, 8, 4), torch.float64)
    means = x.unflatten(3, (1, 4)).unflatten(2, (2, 4)).mean((3, 5))
    np.testing.assert_allclose(op.forward(x)[op.low_pass[None]], 4 * means.flatten(), atol=1e-14)


def test_it_is_a_wavelet_transform_that_refuses_other_coefficients() -> None:
    op = Haar((8, 4), 2)
    assert isinstance(op, WaveletTransform)
    assert op.levels == 2
    with pytest.raises(ShapeError, match="Haar.split: tensor has shape"):
        op.split(torch.ones(1, 1, 4, 4))


def test_gradients_reach_the_image(draw) -> None:
    op = Haar((4, 4), 2, dtype=torch.complex128)
    x = draw((2, 1, 4, 4), torch.complex128).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: (op.forward(x), op.adjoint(x)), (x,))
    assert torch.autograd.gradgradcheck(lambda x: op.forward(x).abs().square(), x)


def test_sizes_that_cannot_be_halved_so_often_are_refused_with_a_way_out() -> None:
    with pytest.raises(ConfigError, match=r"expected multiples of 8 for 3 levels. Pad .* \(16, 16\), or use at most 2"):
        Haar((12, 16), 3)
    with pytest.raises(ConfigError, match=r"Pad the images to \(6, 8\), or use even sizes"):
        Haar((5, 8))
    for wrong in (0, -1, 1.5, True):
        with pytest.raises(ConfigError, match="expected a positive whole number"):
            Haar((8, 8), wrong)
