from __future__ import annotations

import math

import pytest
import torch
from skimage.metrics import structural_similarity

from invkit.errors import DataError, ShapeError
from invkit.metrics import psnr, psnr_in_region, ssim_in_region


def example():
    generator = torch.Generator().manual_seed(0)
    truth = torch.rand(2, 1, 20, 25, generator=generator, dtype=torch.float64)
    x = truth + torch.tensor([0.1, 0.3]).reshape(2, 1, 1, 1) * torch.randn(truth.shape, generator=generator)
    mask = torch.zeros(20, 25, dtype=torch.bool)
    mask[2:9, 4:20] = True
    mask[0, 0] = True  # a pixel at the border, where the window is reflected
    return x, truth, mask


def test_psnr_is_that_of_the_pixels_in_the_mask() -> None:
    x, truth, mask = example()
    for index, value in enumerate(psnr_in_region(x, truth, mask, data_range=1.0).tolist()):
        error = (x[index, 0] - truth[index, 0])[mask]
        assert value == pytest.approx(-10 * math.log10(float((error**2).sum()) / int(mask.sum())))


def test_ssim_is_the_mean_of_scikit_images_map_over_the_mask() -> None:
    x, truth, mask = example()
    ours = ssim_in_region(x, truth, mask, data_range=1.0)
    for index in range(2):
        _, full = structural_similarity(x[index, 0].numpy(), truth[index, 0].numpy(), data_range=1.0, full=True)
        assert float(ours[index]) == pytest.approx(full[mask.numpy()].mean())


def test_outside_of_the_mask_nothing_counts_for_psnr() -> None:
    x, truth, mask = example()
    elsewhere = torch.where(mask, x, x + 1e6)
    assert torch.equal(
        psnr_in_region(elsewhere, truth, mask, data_range=1.0), psnr_in_region(x, truth, mask, data_range=1.0)
    )
    # the whole-image metric on a masked image, a common mistake, gives another number
    wrong = psnr(x * mask, truth * mask, data_range=1.0)
    assert float((wrong - psnr_in_region(x, truth, mask, data_range=1.0)).abs().min()) > 1


def test_the_full_mask_gives_the_psnr_of_the_image() -> None:
    x, truth, mask = example()
    everything = torch.ones_like(mask)
    torch.testing.assert_close(psnr_in_region(x, truth, everything, data_range=2.0), psnr(x, truth, data_range=2.0))
    assert torch.isposinf(psnr_in_region(truth, truth, everything, data_range=1.0)).all()


def test_each_image_can_have_its_own_mask() -> None:
    x, truth, mask = example()
    masks = torch.stack([mask, mask.flip(0)])[:, None]
    for metric in (psnr_in_region, ssim_in_region):
        both = metric(x, truth, masks, data_range=1.0)
        assert float(both[0]) == float(metric(x, truth, mask, data_range=1.0)[0])
        assert float(both[1]) == float(metric(x, truth, mask.flip(0), data_range=1.0)[1])


@pytest.mark.parametrize("metric", [psnr_in_region, ssim_in_region])
def test_bad_masks_are_refused(metric) -> None:
    x, truth, mask = example()
    with pytest.raises(DataError, match="the mask is empty"):
        metric(x, truth, torch.zeros_like(mask), data_range=1.0)
    half = torch.stack([mask, torch.zeros_like(mask)])[:, None]
    with pytest.raises(DataError, match="at least one pixel in every image"):
        metric(x, truth, half, data_range=1.0)
    with pytest.raises(ShapeError, match="the mask has dtype torch.float32, expected bool"):
        metric(x, truth, mask.float(), data_range=1.0)
    with pytest.raises(ShapeError, match=r"the mask has shape \(25, 20\)"):
        metric(x, truth, mask.T, data_range=1.0)
