from __future__ import annotations

import numpy as np
import pytest
import torch

from invkit.errors import ConfigError, DataError, ShapeError
from invkit.functionals import SquaredL2
from invkit.models import PseudoInverse, Stopping, Tikhonov, TruncatedSVD, Variational
from invkit.operators import Dense, Identity
from invkit.solvers import ConjugateGradient


def noise(shape, dtype=torch.float64, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
@pytest.mark.parametrize("shape", [(7, 6), (5, 12)])
def test_tikhonov_solves_the_normal_equations(shape, dtype) -> None:
    m, y = noise(shape, dtype), noise((3, shape[0]), dtype, 1)
    n = shape[1]
    gram = m.mH @ m + 0.37 * torch.eye(n, dtype=dtype)
    want = torch.linalg.solve(gram, m.mH @ y.mT).mT.reshape(3, 2, n // 2)
    operator = Dense(m, (2, n // 2))
    torch.testing.assert_close(Tikhonov(0.37)(y, operator), want, atol=1e-12, rtol=0)
    assert not torch.allclose(Tikhonov(0.4)(y, operator), want, atol=1e-4)


def test_tikhonov_is_what_iterating_finds() -> None:
    operator, y = Dense(noise((7, 6))), noise((2, 7), seed=1)
    model = Variational(
        lambda domain: SquaredL2(), 0.2, solver=ConjugateGradient(), stopping=Stopping(rtol=1e-13, max_steps=100)
    )
    torch.testing.assert_close(Tikhonov(0.2)(y, operator), model(y, operator), atol=1e-10, rtol=0)


def test_each_image_may_have_its_own_weight_and_gradients_reach_it() -> None:
    operator, y = Dense(noise((5, 4))), noise((2, 5), seed=1)
    weights = torch.tensor([0.1, 2.0], dtype=torch.float64, requires_grad=True)
    x = Tikhonov(weights)(y, operator)
    for i in range(2):
        torch.testing.assert_close(x[i], Tikhonov(float(weights[i].detach()))(y[i : i + 1], operator)[0])
    assert torch.autograd.gradcheck(lambda w, y: Tikhonov(w)(y, operator), (weights, y.requires_grad_()))
    with pytest.raises(ShapeError, match="Tikhonov: there are 2 weights, expected 3, one for each image"):
        Tikhonov(weights)(noise((3, 5)), operator)


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_the_truncated_svd_is_that_of_numpy(dtype) -> None:
    m, y = noise((7, 6), dtype), noise((3, 7), dtype, 1)
    u, s, vh = np.linalg.svd(m.numpy(), full_matrices=False)
    for k in (1, 4, 6, 99):
        want = (y.numpy() @ u[:, :k].conj() / s[:k]) @ vh[:k].conj()
        np.testing.assert_allclose(TruncatedSVD(rank=k)(y, Dense(m)), want, atol=1e-11)
        threshold = (s[k] + s[k - 1]) / (2 * s[0]) if k < 6 else 0.0
        np.testing.assert_allclose(TruncatedSVD(threshold=threshold)(y, Dense(m)), want, atol=1e-11)
    assert not np.allclose(TruncatedSVD(rank=5)(y, Dense(m)), want, atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_singular_values_that_are_rounding_are_left_out(dtype) -> None:
    m = (noise((7, 3)) @ noise((3, 6), seed=1)).to(dtype)
    y = noise((2, 7), dtype, seed=2)
    want = y.double().numpy() @ np.linalg.pinv(m.double().numpy(), rcond=1e-5).T
    for model in (TruncatedSVD(threshold=0.0), TruncatedSVD(rank=6)):
        np.testing.assert_allclose(model(y, Dense(m)), want, atol=2e3 * torch.finfo(dtype).eps)
        assert model(y, Dense(m)).dtype is dtype
    if dtype is torch.float64:
        np.testing.assert_allclose(PseudoInverse(rtol=1e-12)(y, Dense(m)), want, atol=1e-9)


def test_an_empty_batch_is_reconstructed_and_no_argument_changed() -> None:
    operator, y = Dense(noise((7, 6))), noise((2, 7), seed=1)
    kept = y.clone()
    for model in (Tikhonov(0.1), TruncatedSVD(rank=3)):
        assert model(y[:0], operator).shape == (0, 6)
        model(y, operator)
        assert torch.equal(y, kept)


def test_what_they_do_not_take_is_refused() -> None:
    operator, y = Dense(torch.eye(3)), torch.ones(1, 3)
    with pytest.raises(ConfigError, match="rank is None and threshold is None, expected exactly one"):
        TruncatedSVD()
    with pytest.raises(ConfigError, match=r"rank is 2 and threshold is 0.1, expected exactly one"):
        TruncatedSVD(rank=2, threshold=0.1)
    with pytest.raises(ConfigError, match="rank is 0, expected a whole number >= 1"):
        TruncatedSVD(rank=0)
    with pytest.raises(ConfigError, match=r"threshold is 1.0, expected a number in \[0, 1\)"):
        TruncatedSVD(threshold=1.0)
    for weight in (0.0, -1.0, float("nan"), torch.tensor([1.0, 0.0])):
        with pytest.raises(ConfigError, match="Tikhonov: weight is .* expected positive numbers"):
            Tikhonov(weight)
    with pytest.raises(ConfigError, match=r"Tikhonov: weight has shape \(1, 2\), expected one number or \(batch,\)"):
        Tikhonov(torch.ones(1, 2))
    for model in (Tikhonov(1.0), TruncatedSVD(rank=1)):
        with pytest.raises(DataError, match="NaN or inf"):
            model(y * torch.nan, operator)
        with pytest.raises(ShapeError, match="tensor has shape"):
            model(y[:, :2], operator)
        with pytest.raises(ConfigError, match="= 100000000 entries, expected at most 16777216"):
            model(torch.ones(1, 1, 100, 100), Identity((100, 100)))
