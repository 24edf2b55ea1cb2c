"""How far a map is from commuting with a group that acts on images, exactly on the grid or by rotations off it."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..operators.space import Space
from ..operators.symmetry.groups import Element, Group, group
from ..operators.symmetry.rotation import rotate, smooth_image
from .measurement import Measurement, Worst, length, ratio, tolerance

#: A group of no more elements is gone through; of a larger one as many are drawn as the second number says.
_SMALL, _DRAWN = 64, 12


@torch.no_grad()
def equivariance_error(
    call: Callable[[Tensor], Tensor],
    space: Space,
    name: str,
    *,
    generator: torch.Generator,
    gain: float = 0.0,
    bound: float | None = None,
) -> Measurement:
    """max |F(g x) - g F(x)| / max(|F(x)|, gain |x|) over the elements g of a group, or some of a large one.

    name: of the group, as ``invkit.operators.group`` knows it; g moves the last axes of F(x) as it moves those of x.
    gain: of what size F(x) is computed, such as |F| for a linear map that may send x to nearly nothing.
    bound: None is the tolerance of the dtype.   Images are white noise, around zero and far from it.

    Raises: ShapeError if the group does not act on images of this space.
    """
    worst = Worst(tolerance(space.dtype) if bound is None else bound)
    noise = space.randn(generator=generator)
    for x in (noise, noise + 3):
        for number in members(group(name), space.shape[1:]):
            where = f"element {number} of {name}, images of shape {space.shape}"
            error = equivariance_error_at(call, x, name, number, gain)
            worst.offer(error, where, x=x, group=name, element=number, gain=gain)
    return worst.measurement()


@torch.no_grad()
def equivariance_error_at(
    call: Callable[[Tensor], Tensor], x: Tensor, name: str, number: float, gain: float = 0.0
) -> float:
    """The error for one image and one element of the group."""
    g = member(group(name), tuple(x.shape[2:]), int(number))
    value = call(x.clone())
    expected, got = g.act(value), call(g.act(x))
    if expected.shape != got.shape:
        return math.inf
    return ratio(length(got - expected), max(length(value), gain * length(x)))


@torch.no_grad()
def off_grid_error(
    call: Callable[[Tensor], Tensor],
    space: Space,
    *,
    generator: torch.Generator,
    angles: tuple[float, ...] = (math.pi / 9, math.pi / 4, 1.0),
) -> Measurement:
    """max |F(R x) - R F(x)| / |F(x)| for rotations R off the grid and a smooth image x on a disc: a number to report.

    R interpolates, so that it is not zero for any F but the trivial ones, and nothing is refuted: the bound is
    infinite. It falls with the size of a pixel where the map in the continuum is equivariant.

    Raises: ShapeError if the images have not two spatial axes.
    """
    worst = Worst(math.inf)
    x = smooth_image(space, generator=generator)
    value = call(x.clone())
    for angle in angles:
        error = length(call(rotate(x, angle)) - rotate(value, angle))
        worst.offer(ratio(error, length(value)), f"rotation by {math.degrees(angle):.0f} degrees", x=x, angle=angle)
    return worst.measurement()


def members(this: Group, image_shape: tuple[int, ...]) -> range:
    """The numbers of the elements to go through, for ``member``."""
    order = this.order(image_shape)
    return range(int(order) if order <= _SMALL else _DRAWN)


def member(this: Group, image_shape: tuple[int, ...], number: int) -> Element:
    """The element of that number in a small group, or the one drawn with it as a seed from a large one."""
    if this.order(image_shape) <= _SMALL:
        return this.elements(image_shape)[number]
    return this.sample(image_shape, generator=torch.Generator().manual_seed(number))
