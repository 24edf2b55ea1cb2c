"""How far a functional is from taking the same value wherever a group moves an image."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..functionals.base import Functional, Proximable
from ..operators.space import Space
from ..operators.symmetry.groups import group
from .equivariance import member, members
from .measurement import Measurement, Worst, ratio, tolerance


@torch.no_grad()
def invariance_error(
    functional: Functional, space: Space, name: str, *, generator: torch.Generator, bound: float | None = None
) -> Measurement:
    """max |f(g x) - f(x)| / |f(x)| over the elements g of a group, or some of a large one.

    name: of the group, as ``invkit.operators.group`` knows it.   bound: None is ten times the tolerance of the dtype,
    because a sum in another order rounds otherwise.
    The images are white noise of three sizes, its magnitude, and points of prox, which lie where an indicator is 0.

    Raises: ShapeError if the group does not act on images of this space.
    """
    worst = Worst(10 * tolerance(space.dtype) if bound is None else bound)
    noise = space.randn(generator=generator)
    images = [0.01 * noise, noise, 100 * noise, noise.abs().to(noise.dtype)]
    if isinstance(functional, Proximable):
        images += [functional.prox(image, 0.5) for image in images[:3]]
    for x in images:
        for number in members(group(name), space.shape[1:]):
            where = f"element {number} of {name}, images of shape {space.shape}"
            worst.offer(invariance_error_at(functional, x, name, number), where, x=x, group=name, element=number)
    return worst.measurement()


@torch.no_grad()
def invariance_error_at(functional: Functional, x: Tensor, name: str, number: float) -> float:
    """The error for one image and one element of the group; infinite in both places is the same value."""
    g = member(group(name), tuple(x.shape[2:]), int(number))
    before, after = float(functional.value(x)), float(functional.value(g.act(x)))
    return 0.0 if before == after else math.inf if math.isinf(before) else ratio(abs(after - before), abs(before))
