from __future__ import annotations

import numpy as np
import pytest
import torch

from invkit.errors import MissingDependencyError, ShapeError
from invkit.operators import Space, inner, norm, per_image
from invkit.operators.space import squared_magnitude


@pytest.mark.parametrize("shape", [(), (0,), (1, -3), (1, 0, 4)])
def test_a_space_needs_positive_sizes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="expected positive sizes"):
        Space(shape)


def test_a_space_of_integers_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"dtype is torch.int64, expected a real or complex"):
        Space((1, 2), torch.int64)


def test_moving_a_space_keeps_complex_complex() -> None:
    assert Space((1, 2), torch.complex64).to(dtype=torch.float64).dtype is torch.complex128
    assert Space((1, 2), torch.float32).to(dtype=torch.complex128).dtype is torch.float64


def test_two_names_of_one_device_are_one_space() -> None:
    assert Space((1, 2), device="cpu:0") == Space((1, 2), device="cpu")  # type: ignore[arg-type]


@pytest.mark.skipif(torch.cuda.is_available(), reason="runs where there is no CUDA device")
def test_a_device_that_is_not_there_is_named() -> None:
    with pytest.raises(MissingDependencyError, match="name is 'cuda', expected one that is here"):
        Space((1, 2), device="cuda")  # type: ignore[arg-type]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_is_the_current_cuda_device() -> None:
    assert Space((1,), device="cuda") == Space((1,), device=torch.empty(0, device="cuda").device)  # type: ignore[arg-type]


def test_check_names_the_caller_and_what_differs() -> None:
    space = Space((1, 3), torch.float64)
    space.check(torch.zeros(0, 1, 3, dtype=torch.float64), "who")
    with pytest.raises(ShapeError, match=r"who: tensor has shape \(1, 3\), expected \(batch, 1, 3\)"):
        space.check(torch.zeros(1, 3, dtype=torch.float64), "who")
    with pytest.raises(ShapeError, match=r"who: dtype is torch.float32, expected torch.float64"):
        space.check(torch.zeros(1, 1, 3), "who")
    with pytest.raises(ShapeError, match="who: tensor is on meta, expected cpu"):
        space.check(torch.zeros(1, 1, 3, dtype=torch.float64, device="meta"), "who")
    with pytest.raises(ShapeError, match="who: tensor has shape"):
        space.check(torch.tensor(1.0), "who")


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_inner_and_norm_are_those_of_numpy_for_each_image(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    space = Space((2, 3, 5), dtype)
    x, z = space.randn(3, generator=generator), space.randn(3, generator=generator)
    for i in range(3):
        assert inner(x, z)[i].item() == pytest.approx(np.vdot(z[i].numpy(), x[i].numpy()), rel=1e-13)
        assert norm(x)[i].item() == pytest.approx(np.linalg.norm(x[i].numpy().ravel()), rel=1e-13)
    assert norm(x[:0]).shape == inner(x[:0], z[:0]).shape == (0,)
    assert not norm(x).is_complex()


def test_squared_magnitude_takes_conjugate_views() -> None:
    x = Space((1, 4), torch.complex128).randn(2, generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(squared_magnitude(x.conj()).numpy(), np.abs(x.numpy()) ** 2, rtol=1e-14)


def test_white_noise_has_unit_variance_and_its_generator_decides() -> None:
    for dtype in (torch.float32, torch.complex128):
        draws = [Space((1, 50, 40), dtype).randn(2, generator=torch.Generator().manual_seed(5)) for _ in range(2)]
        assert torch.equal(*draws)
        assert float(draws[0].abs().square().mean()) == pytest.approx(1.0, abs=0.08)


def test_one_value_per_image_keeps_the_precision_of_the_images() -> None:
    x = torch.ones(3, 1, 2, dtype=torch.complex64)
    value = per_image(torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64), x)
    assert isinstance(value, torch.Tensor)
    assert value.shape == (3, 1, 1)
    assert (value * x).dtype is torch.complex64
    assert per_image(2.0, x) == 2.0
    with pytest.raises(ShapeError, match="there are 2, expected 3"):
        per_image(torch.ones(2), x)
