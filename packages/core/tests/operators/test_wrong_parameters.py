"""Common mistakes in the parameters of operators: each message names what was given and the way out."""

from __future__ import annotations

import pytest
import torch

from invkit.errors import ConfigError, DataError, ShapeError
from invkit.operators import Blur, Dense, Downsampling, FiniteDifference, Haar, Restriction, Space, inpainting, subsets


@pytest.mark.parametrize(
    "build", [lambda: Haar(8), lambda: Downsampling(8), lambda: FiniteDifference(8), lambda: Blur(torch.ones(1), 8)]
)
def test_one_number_is_no_shape(build) -> None:
    with pytest.raises(ConfigError, match=r"image_shape is 8, expected the sizes of the axes\. Write it as \(64, 64\)"):
        build()


def test_levels_may_be_whole_floats() -> None:
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert torch.equal(Haar((4, 4), 2.0).forward(x), Haar((4, 4), 2).forward(x))
    for levels in (1.5, "2", True):
        with pytest.raises(ConfigError, match="expected a positive whole number"):
            Haar((4, 4), levels)


def test_a_boundary_in_the_place_of_the_channels_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"channels is 'periodic', expected a positive whole number\. Name the others"
    ):
        FiniteDifference((4,), "periodic")
    with pytest.raises(ConfigError, match="spacing is '1', expected 1 positive numbers"):
        FiniteDifference((4,), 1, "neumann", "1")


def test_what_is_advised_for_a_mask_works() -> None:
    mask = torch.tensor([True, False, True])
    with pytest.raises(DataError, match=r"Of a mask give mask\.nonzero\(\)\.flatten\(\)"):
        Restriction(Space((3,)), 0, mask)
    part = Restriction(Space((3,)), 0, mask.nonzero().flatten())
    assert torch.equal(part.forward(torch.tensor([[5.0, 6.0, 7.0]])), torch.tensor([[5.0, 7.0]]))


@pytest.mark.parametrize(
    "build",
    [lambda: Blur([[1.0]], (4, 4)), lambda: Restriction(Space((5,)), 0, [0, 1]), lambda: inpainting([[1, 0]])],
)
def test_lists_are_no_tensors(build) -> None:
    with pytest.raises(ConfigError, match=r"is list, expected a tensor\. Wrap it in torch\.tensor"):
        build()


@pytest.mark.parametrize(("shape", "channels"), [((3, 4, 5), 3), ((3, 1, 4, 5), 1)])
def test_a_mask_that_may_hold_channels_needs_the_shape_of_the_image(shape, channels) -> None:
    with pytest.raises(ShapeError, match=r"image_shape is None for a mask of shape .*Pass image_shape="):
        inpainting(torch.ones(shape), channels=channels)
    assert inpainting(torch.ones(shape), image_shape=shape[1:], channels=3).domain.shape == shape
    assert inpainting(torch.ones(3, 4, 5)).domain.shape == (1, 3, 4, 5)  # a volume


@pytest.mark.parametrize("number", [2.0, "2"])
def test_subsets_are_counted_in_whole_numbers(number) -> None:
    with pytest.raises(ConfigError, match="expected 1 to 4"):
        subsets(Dense(torch.ones(4, 3)), number)
