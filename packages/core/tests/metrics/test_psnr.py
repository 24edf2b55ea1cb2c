from __future__ import annotations

import math

import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from invkit.errors import ConfigError, DataError, ShapeError
from invkit.metrics import data_range_of, psnr, relative_error


def pair(shape: tuple[int, ...] = (3, 1, 16, 21), dtype: torch.dtype = torch.float32):
    generator = torch.Generator().manual_seed(0)
    truth = torch.randn(shape, generator=generator, dtype=dtype)
    # a different error in every image, so that a mean over the batch cannot pass
    size = torch.arange(1, shape[0] + 1).reshape(-1, *[1] * (len(shape) - 1))
    return truth + 0.1 * size * torch.randn(shape, generator=generator, dtype=dtype), truth


@pytest.mark.parametrize("shape", [(3, 1, 16, 21), (2, 3, 9, 9), (2, 1, 7, 8, 9)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_psnr_is_scikit_images_for_each_image(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    x, truth = pair(shape, dtype)
    expected = [peak_signal_noise_ratio(t.numpy(), i.numpy(), data_range=2.5) for i, t in zip(x, truth, strict=True)]
    assert psnr(x, truth, data_range=2.5).tolist() == pytest.approx(expected, rel=1e-6)


def test_a_mean_over_the_batch_is_rejected() -> None:
    x, truth = pair()
    pooled = 10 * math.log10(1 / float((x - truth).square().mean()))
    ours = psnr(x, truth, data_range=1.0)
    assert ours.shape == (3,)
    assert float((ours - pooled).abs().min()) > 0.1
    for index in range(3):
        alone = psnr(x[index : index + 1], truth[index : index + 1], data_range=1.0)
        assert float(alone[0]) == float(ours[index])


def test_equal_images_have_infinite_psnr_and_no_relative_error() -> None:
    _, truth = pair()
    assert torch.isposinf(psnr(truth, truth, data_range=1.0)).all()
    assert torch.equal(relative_error(truth, truth), torch.zeros(3, dtype=torch.float64))
    zeros = torch.zeros(2, 1, 4, 4)
    assert torch.equal(relative_error(zeros, zeros), torch.zeros(2, dtype=torch.float64))
    assert torch.isposinf(relative_error(zeros + 1, zeros)).all()


def test_a_known_error_has_a_known_psnr() -> None:
    truth = torch.zeros(1, 1, 8, 8)
    assert float(psnr(truth + 0.1, truth, data_range=1.0)) == pytest.approx(20.0, abs=1e-5)
    assert float(psnr(truth + 0.1, truth, data_range=10.0)) == pytest.approx(40.0, abs=1e-5)


def test_complex_images_are_compared_by_magnitude_but_relative_error_sees_the_phase() -> None:
    _, truth = pair(dtype=torch.complex64)
    rotated = truth * torch.tensor(1j)
    assert float(psnr(rotated, truth, data_range=1.0).min()) > 120
    torch.testing.assert_close(relative_error(rotated, truth), torch.full((3,), math.sqrt(2), dtype=torch.float64))


def test_each_image_can_have_its_own_data_range() -> None:
    x, truth = pair()
    ranges = data_range_of(truth)
    expected = [float(t.max() - t.min()) for t in truth]
    assert ranges.tolist() == pytest.approx(expected)
    together = psnr(x, truth, data_range=ranges)
    for index in range(3):
        assert float(psnr(x, truth, data_range=expected[index])[index]) == pytest.approx(float(together[index]))


def test_data_range_of_a_complex_truth_is_that_of_its_magnitude() -> None:
    truth = torch.tensor([3 + 4j, 0, -1, 1j]).reshape(1, 1, 2, 2)
    assert data_range_of(truth).tolist() == [5.0]


def test_the_data_range_must_be_said() -> None:
    x, truth = pair()
    with pytest.raises(TypeError, match="data_range"):
        psnr(x, truth)  # type: ignore[call-arg]


@pytest.mark.parametrize("data_range", [0.0, -1.0, math.nan, math.inf])
def test_a_bad_data_range_is_refused(data_range: float) -> None:
    x, truth = pair()
    with pytest.raises(ConfigError, match="data_range is .*, expected positive numbers"):
        psnr(x, truth, data_range=data_range)


def test_bad_images_are_refused() -> None:
    x, truth = pair()
    with pytest.raises(ShapeError, match="expected the same"):
        psnr(x[:2], truth, data_range=1.0)
    with pytest.raises(ShapeError, match="the image is on meta and the truth on cpu"):
        psnr(x.to("meta"), truth, data_range=1.0)
    with pytest.raises(ShapeError, match=r"data_range has shape \(2,\)"):
        psnr(x, truth, data_range=torch.ones(2))
    x[0, 0, 0, 0] = torch.nan
    with pytest.raises(DataError, match="1 of 1008 values of the image are NaN or inf"):
        psnr(x, truth, data_range=1.0)
    with pytest.raises(DataError, match="of the truth are NaN or inf"):
        relative_error(truth, x)


def test_an_empty_batch_has_no_numbers() -> None:
    empty = torch.zeros(0, 1, 8, 8)
    assert psnr(empty, empty, data_range=1.0).shape == (0,)
    assert relative_error(empty, empty).shape == (0,)
    assert data_range_of(empty).shape == (0,)
