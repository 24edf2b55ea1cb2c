from __future__ import annotations

import pytest
import torch
from skimage.metrics import structural_similarity

from invkit.errors import ConfigError, DataError, ShapeError
from invkit.metrics import ssim, ssim_map


def pair(shape: tuple[int, ...] = (3, 1, 20, 27)):
    generator = torch.Generator().manual_seed(0)
    truth = torch.randn(shape, generator=generator, dtype=torch.float64)
    size = torch.arange(1, shape[0] + 1).reshape(-1, *[1] * (len(shape) - 1))
    return truth + 0.3 * size * torch.randn(shape, generator=generator, dtype=torch.float64), truth


def test_ssim_is_scikit_images_for_each_image() -> None:
    x, truth = pair()
    expected = [structural_similarity(x[i, 0].numpy(), truth[i, 0].numpy(), data_range=4.0) for i in range(3)]
    ours = ssim(x, truth, data_range=4.0)
    assert ours.tolist() == pytest.approx(expected, rel=1e-12)
    # the images differ, so one number for the batch cannot pass
    assert float(ours.max() - ours.min()) > 0.1


def test_the_map_is_scikit_images_and_covers_the_border() -> None:
    x, truth = pair()
    for index in range(3):
        _, expected = structural_similarity(x[index, 0].numpy(), truth[index, 0].numpy(), data_range=4.0, full=True)
        torch.testing.assert_close(ssim_map(x, truth, data_range=4.0)[index, 0], torch.from_numpy(expected))


@pytest.mark.parametrize("shape", [(2, 3, 12, 13), (2, 1, 8, 9, 10)])
def test_channels_are_averaged_and_volumes_have_cubic_windows(shape: tuple[int, ...]) -> None:
    x, truth = pair(shape)
    for index in range(2):
        each = [
            structural_similarity(a.numpy(), b.numpy(), data_range=2.0)
            for a, b in zip(x[index], truth[index], strict=True)
        ]
        assert float(ssim(x, truth, data_range=2.0)[index]) == pytest.approx(sum(each) / len(each))


def test_equal_images_have_ssim_one_and_complex_ones_are_compared_by_magnitude() -> None:
    _, truth = pair()
    assert ssim(truth, truth, data_range=1.0).tolist() == pytest.approx([1.0] * 3)
    z = torch.complex(truth, truth.flip(-1))
    assert ssim(z * 1j, z, data_range=1.0).tolist() == pytest.approx([1.0] * 3)


def test_one_data_range_per_image() -> None:
    x, truth = pair()
    together = ssim(x, truth, data_range=torch.tensor([1.0, 2.0, 3.0]))
    for index in range(3):
        assert float(ssim(x, truth, data_range=index + 1.0)[index]) == pytest.approx(float(together[index]))


def test_bad_arguments_are_refused() -> None:
    x, truth = pair()
    with pytest.raises(TypeError, match="data_range"):
        ssim(x, truth)  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match="data_range is"):
        ssim(x, truth, data_range=0.0)
    with pytest.raises(ShapeError, match="expected at least 7 pixels .* SSIM compares windows of 7 pixels"):
        ssim(x[..., :6], truth[..., :6], data_range=1.0)
    with pytest.raises(DataError, match="values of the truth are NaN"):
        ssim(x, truth * torch.nan, data_range=1.0)


def test_an_empty_batch_has_no_numbers() -> None:
    empty = torch.zeros(0, 1, 8, 8)
    assert ssim(empty, empty, data_range=1.0).shape == (0,)
    assert ssim_map(empty, empty, data_range=1.0).shape == (0, 1, 8, 8)
