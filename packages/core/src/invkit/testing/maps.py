"""The maps that an object is, for the checks that look at x -> F(x) whatever the object is called."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..errors import InvkitError
from ..functionals.base import Functional
from ..measures import tolerance
from ..measures.attacks import ATTACKS, Attack, local_pairs, random_pairs, structured_pairs
from ..models.base import IterativeReconstructor, Reconstructor
from ..models.denoiser import Denoiser
from ..operators.space import Space
from .cases import Example

#: Levels of noise at which the claims of denoisers are measured: that of the denoiser itself, a low and a high one.
LEVELS = (None, 0.05, 0.5)


_CHEAP = (random_pairs, local_pairs, structured_pairs)


@dataclass(frozen=True, eq=False)
class Map:
    """name: which of the object's maps.   space: of the argument.   rounding: the relative error of one evaluation.

    attacks: those that are worth their time for it.   is_of_other_images: than those of the example.
    """

    name: str
    call: Callable[[Tensor], Tensor]
    space: Space
    rounding: float
    attacks: tuple[Attack, ...] = ATTACKS
    is_of_other_images: bool = False


#: Other images that are tried of what takes any: a fault of odd or even sizes shows at one of them.
SHAPES = ((5, 7), (6, 8))


def maps_of(example: Example) -> Iterator[Map]:
    """A functional as x -> f(x), an operator as it is, a denoiser at each level that it accepts, and its own level for
    other images if it takes them, a model as y -> x.
    """
    subject = example.subject
    if isinstance(subject, Functional):
        space = example.domain
        yield Map("value", lambda x: subject.value(x)[:, None], space, tolerance(space.dtype))
    elif isinstance(subject, Denoiser):
        space = example.domain
        for level in levels_of(example):
            call = functools.partial(at_level, subject, level)
            yield Map(f"noise_std {level}", call, space, tolerance(space.dtype))
        for other in other_spaces(subject, space):
            yield Map(f"images of {other.shape}", subject, other, tolerance(space.dtype), _CHEAP, True)
    elif isinstance(subject, Reconstructor):
        yield reconstruction(example, "model")
    else:
        yield Map("forward", subject.forward, example.domain, tolerance(example.domain.dtype))


def reconstruction(example: Example, name: str, *, measured: bool = False) -> Map:
    """y -> R(y), or y -> A R(y), right to the accuracy that the example states if it is iterated."""
    operator, model = example.operator, example.subject
    assert operator is not None

    def call(y: Tensor) -> Tensor:
        x = model(y, operator)
        return operator.forward(x) if measured else x

    space = operator.codomain
    if not isinstance(model, IterativeReconstructor):
        return Map(name, call, space, tolerance(space.dtype))
    # Each evaluation is a run of its own: power iteration and ascent would take hundreds.
    return Map(name, call, space, max(example.accuracy, tolerance(space.dtype)), _CHEAP)


def levels_of(example: Example) -> tuple[float | None, ...]:
    """Those of ``LEVELS`` that the denoiser accepts; what raises another error than invkit's own is not excused."""
    return tuple(level for level in LEVELS if level is None or _accepts(example, level))


def _accepts(example: Example, level: float) -> bool:
    try:
        with torch.no_grad():
            example.subject(example.domain.zeros(1), level)
    except InvkitError:
        return False
    return True


def at_level(denoiser: Denoiser, level: float | Tensor | None, x: Tensor) -> Tensor:
    """D(x, level), and D(x) for None."""
    return denoiser(x) if level is None else denoiser(x, level)


def other_spaces(denoiser: Denoiser, space: Space) -> tuple[Space, ...]:
    """Images of ``SHAPES``, other than its own, that the denoiser takes and returns."""
    if len(space.shape) != 3:
        return ()
    found = (replace(space, shape=(space.shape[0], *shape)) for shape in SHAPES if shape != space.shape[1:])
    return tuple(other for other in found if _takes(denoiser, other))


@torch.no_grad()
def _takes(denoiser: Denoiser, space: Space) -> bool:
    x = space.zeros(1)
    try:
        return denoiser(x).shape == x.shape
    except (InvkitError, RuntimeError):  # torch says by the latter that weights do not fit the images
        return False
