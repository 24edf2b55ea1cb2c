from __future__ import annotations

import numpy as np
import pytest
import torch

from invkit.errors import DataError, ShapeError
from invkit.operators import inpainting


def test_observed_pixels_stay_and_the_others_become_zero(draw) -> None:
    mask = torch.tensor([[True, False, True], [False, False, True]])
    op = inpainting(mask, channels=2)
    x = draw((2, 2, 2, 3), torch.float32)
    np.testing.assert_array_equal(op.forward(x), np.where(mask.numpy(), x.numpy(), 0))
    np.testing.assert_array_equal(op.pseudo_inverse(x), np.where(mask.numpy(), x.numpy(), 0))
    assert op.structure == {"self_adjoint", "positive_semidefinite"}
    assert op.norm().lower == pytest.approx(1.0)


def test_a_mask_of_each_channel_needs_the_shape_of_the_image(draw, agrees) -> None:
    mask = (draw((2, 3, 4), torch.float64) > 0).double()
    agrees(inpainting(mask, image_shape=(3, 4), channels=2), np.diag(mask.flatten().numpy()))
    assert inpainting(mask).domain.shape == (1, 2, 3, 4)  # a mask alone is that of an image in three dimensions


def test_the_mask_may_be_relaxed_and_the_image_complex(draw, agrees) -> None:
    mask = draw((3, 4), torch.float64).sigmoid()
    agrees(inpainting(mask, dtype=torch.complex128), np.diag(mask.flatten().numpy()))


def test_gradients_reach_a_relaxed_mask(draw) -> None:
    mask, x = draw((3, 4), torch.float64).sigmoid().requires_grad_(), draw((2, 1, 3, 4), torch.float64, 1)
    assert torch.autograd.gradcheck(lambda m: inpainting(m).normal().forward(x), (mask,))


def test_masks_of_integers_are_masks() -> None:
    op = inpainting(torch.tensor([[1, 0]]))
    assert op.domain.dtype is torch.float32
    assert inpainting(torch.tensor([[1, 0]]), dtype=torch.complex128).domain.dtype is torch.complex128


def test_masks_that_are_none_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"mask has shape \(2, 2\) and dtype torch.float32, expected real \(3, 2\)"):
        inpainting(torch.ones(2, 2), image_shape=(3, 2))
    with pytest.raises(ShapeError, match="and dtype torch.complex64"):
        inpainting(torch.ones(2, 2, dtype=torch.complex64))
    for wrong in (-0.1, 1.1, torch.nan):
        with pytest.raises(DataError, match="expected 0 to 1. Clip it"):
            inpainting(torch.tensor([[0.5, wrong]]))
