"""Groups that act on images exactly: pixels change places, or the image its phase; nothing is interpolated.

``group("C4").elements((5, 5))`` are its motions of images of 5 x 5 pixels, ``g.act(x)`` moves the last axes of a tensor
and leaves batch and channels alone. Rotations by other angles are in ``rotation.py``.
"""

from __future__ import annotations

import abc
import cmath
import difflib
import itertools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import ConfigError, ShapeError

#: The largest group of which ``elements`` makes a list.
_MAX_LISTED = 4096


class Element(abc.ABC):
    """One member of a group: a unitary map of images."""

    @abc.abstractmethod
    def act(self, x: Tensor) -> Tensor:
        """g x, a new tensor; x has any leading axes.

        Raises: ShapeError if x is no image that g can move.
        """


@dataclass(frozen=True)
class GridMotion(Element):
    """Flip some of the last axes, then put them in another order, then shift them round.

    axes: which axis comes at each place.   flips: of the axes as they come.   shifts: of the axes as they go.
    """

    axes: tuple[int, ...]
    flips: tuple[bool, ...]
    shifts: tuple[int, ...]

    def act(self, x: Tensor) -> Tensor:
        dims = len(self.axes)
        if x.ndim < dims:
            raise ShapeError(
                f"GridMotion: tensor has shape {tuple(x.shape)}, expected at least {dims} axes. Add those of the image."
            )
        moved = x.flip([axis - dims for axis, flip in enumerate(self.flips) if flip])
        lead = x.ndim - dims
        moved = moved.permute(*range(lead), *(lead + axis for axis in self.axes))
        if moved.shape != x.shape:
            raise ShapeError(
                f"GridMotion: image has {tuple(x.shape[lead:])} pixels, expected as many along each axis that is "
                "exchanged. Crop or pad it to a square."
            )
        return moved.roll(self.shifts, dims=tuple(range(-dims, 0))).contiguous()


@dataclass(frozen=True, eq=False)
class PixelPermutation(Element):
    """(g x)_p = x_{order[p]} for pixels counted row by row over the last ``dims`` axes."""

    order: Tensor
    dims: int

    def act(self, x: Tensor) -> Tensor:
        flat = x.flatten(-self.dims)
        if flat.shape[-1] != len(self.order):
            raise ShapeError(
                f"PixelPermutation: image has {flat.shape[-1]} pixels, expected {len(self.order)}. Draw one for it."
            )
        return flat[..., self.order.to(x.device)].unflatten(-1, x.shape[-self.dims :])


@dataclass(frozen=True)
class PhaseFactor(Element):
    """x -> exp(i angle) x."""

    angle: float

    def act(self, x: Tensor) -> Tensor:
        if not x.is_complex():
            raise ShapeError(f"PhaseFactor: image is {x.dtype}, expected a complex one. Use a group that moves pixels.")
        return x * cmath.rect(1.0, self.angle)


@dataclass(frozen=True)
class Sequence(Element):
    """One after the other."""

    parts: tuple[Element, ...]

    def act(self, x: Tensor) -> Tensor:
        for part in self.parts:
            x = part.act(x)
        return x


@dataclass(frozen=True)
class Group(abc.ABC):
    """A group by its name; what its elements are depends on the shape of the images."""

    name: str

    @abc.abstractmethod
    def order(self, image_shape: tuple[int, ...]) -> float:
        """How many elements there are; math.inf for a continuous group.

        Raises: ShapeError if it does not act on such images.
        """

    @abc.abstractmethod
    def elements(self, image_shape: tuple[int, ...]) -> tuple[Element, ...]:
        """All of them, the identity first.

        Raises: ShapeError if it does not act on such images; ConfigError if there are too many for a list.
        """

    @abc.abstractmethod
    def sample(self, image_shape: tuple[int, ...], *, generator: torch.Generator) -> Element:
        """One of them at random.

        Raises: ShapeError if it does not act on such images.
        """

    def act(self, g: Element, x: Tensor) -> Tensor:
        """g x."""
        return g.act(x)


@dataclass(frozen=True)
class PointGroup(Group):
    """Reflections and quarter turns: C2, C4, D2, D4 in the plane of the last two axes, flips of every axis."""

    def order(self, image_shape: tuple[int, ...]) -> float:
        return len(self.elements(image_shape))

    def elements(self, image_shape: tuple[int, ...]) -> tuple[Element, ...]:
        dims = len(image_shape)
        if self.name == "flips":
            still = tuple(range(dims))
            return tuple(
                GridMotion(still, flips, (0,) * dims) for flips in itertools.product((False, True), repeat=dims)
            )
        if dims < 2:
            raise ShapeError(f"{self.name}: image_shape is {image_shape}, expected at least two axes. Use 'flips'.")
        if self.name in ("C4", "D4") and image_shape[-1] != image_shape[-2]:
            raise ShapeError(
                f"{self.name}: image_shape is {image_shape}, expected as many pixels along both of the last axes: a "
                "quarter turn exchanges them. Use 'C2' or 'flips', or crop the images to squares."
            )
        return tuple(_in_plane(dims, *motion) for motion in _PLANE[self.name])

    def sample(self, image_shape: tuple[int, ...], *, generator: torch.Generator) -> Element:
        found = self.elements(image_shape)
        return found[_draw(len(found), generator)]


@dataclass(frozen=True)
class Translations(Group):
    """Periodic shifts by whole pixels along every axis."""

    def order(self, image_shape: tuple[int, ...]) -> float:
        return math.prod(image_shape)

    def elements(self, image_shape: tuple[int, ...]) -> tuple[Element, ...]:
        _check_listed(self, image_shape)
        return tuple(_shift(shifts) for shifts in itertools.product(*(range(n) for n in image_shape)))

    def sample(self, image_shape: tuple[int, ...], *, generator: torch.Generator) -> Element:
        return _shift(tuple(_draw(n, generator) for n in image_shape))


@dataclass(frozen=True)
class Permutations(Group):
    """Every rearrangement of the pixels, the same in every channel."""

    def order(self, image_shape: tuple[int, ...]) -> float:
        pixels = math.prod(image_shape)
        return float(math.factorial(pixels)) if pixels <= 170 else math.inf  # beyond, no float holds it

    def elements(self, image_shape: tuple[int, ...]) -> tuple[Element, ...]:
        _check_listed(self, image_shape)
        orders = itertools.permutations(range(math.prod(image_shape)))
        return tuple(PixelPermutation(torch.tensor(order), len(image_shape)) for order in orders)

    def sample(self, image_shape: tuple[int, ...], *, generator: torch.Generator) -> Element:
        order = torch.randperm(math.prod(image_shape), generator=generator, device=generator.device)
        return PixelPermutation(order, len(image_shape))


@dataclass(frozen=True)
class Phases(Group):
    """Factors of modulus 1 for complex images."""

    def order(self, image_shape: tuple[int, ...]) -> float:
        return math.inf

    def elements(self, image_shape: tuple[int, ...]) -> tuple[Element, ...]:
        raise ConfigError(f"{self.name}: order is infinite, expected a finite group. Use sample(...).")

    def sample(self, image_shape: tuple[int, ...], *, generator: torch.Generator) -> Element:
        turn = torch.rand((), generator=generator, dtype=torch.float64, device=generator.device)
        return PhaseFactor(2 * math.pi * float(turn))


@dataclass(frozen=True)
class Generated(Group):
    """What several groups generate, named ``D4 + translations``: their elements one after the other, in any order."""

    parts: tuple[Group, ...]

    def order(self, image_shape: tuple[int, ...]) -> float:
        for part in self.parts:
            part.order(image_shape)
        return math.inf  # finite or not: its elements are words, which nothing here reduces

    def elements(self, image_shape: tuple[int, ...]) -> tuple[Element, ...]:
        raise ConfigError(f"{self.name}: elements are words of other groups', expected one group. Use sample(...).")

    def sample(self, image_shape: tuple[int, ...], *, generator: torch.Generator) -> Element:
        twice = (*self.parts, *self.parts)
        return Sequence(tuple(part.sample(image_shape, generator=generator) for part in twice))


def group(name: str) -> Group:
    """The group of a name: C2, C4, D2, D4, flips, translations, permutations, U1, or several joined by " + ".

    Raises: ConfigError if there is none of that name, with the nearest.
    """
    if "+" in name:
        return Generated(name, tuple(group(part.strip()) for part in name.split("+")))
    if name not in GROUPS:
        known = {key.lower(): key for key in GROUPS}
        near = [known[key] for key in difflib.get_close_matches(name.lower(), known, n=2)]
        hint = f"Did you mean {' or '.join(near)}?" if near else f"Choose one of {', '.join(GROUPS)}."
        raise ConfigError(f"group: name is {name!r}, expected a known one. {hint}")
    return GROUPS[name]


def is_symmetric(weights: Tensor, name: str, dims: int) -> bool:
    """Whether weights of pixels, the last ``dims`` axes, are exactly what every motion of the group makes of them.

    Axes of length 1 stand for all pixels along them.
    """
    weights = weights.detach()
    if weights.ndim < dims:
        weights = weights.reshape(*(1,) * (dims - weights.ndim), *weights.shape)
    if name in ("translations", "permutations"):
        pixels = weights.flatten(-dims)
        return bool((pixels == pixels[..., :1]).all())
    if name in ("C4", "D4"):
        side = max(weights.shape[-2:])
        weights = weights.expand(*weights.shape[:-2], side, side) if 1 in weights.shape[-2:] else weights
    try:
        return all(bool(torch.equal(g.act(weights), weights)) for g in GROUPS[name].elements(weights.shape[-dims:]))
    except ShapeError:
        return False


#: For the groups of the plane: whether the last two axes are exchanged, and which of them are flipped before.
_PLANE: dict[str, tuple[tuple[bool, bool, bool], ...]] = {
    "C2": ((False, False, False), (False, True, True)),
    "D2": ((False, False, False), (False, True, False), (False, False, True), (False, True, True)),
    "C4": ((False, False, False), (True, False, True), (False, True, True), (True, True, False)),
    "D4": tuple((swap, *flips) for swap in (False, True) for flips in itertools.product((False, True), (False, True))),
}

GROUPS: dict[str, Group] = {
    **{name: PointGroup(name) for name in (*_PLANE, "flips")},
    "translations": Translations("translations"),
    "permutations": Permutations("permutations"),
    "U1": Phases("U1"),
}


def _in_plane(dims: int, exchanged: bool, first: bool, second: bool) -> GridMotion:
    still = tuple(range(dims - 2))
    last = (dims - 1, dims - 2) if exchanged else (dims - 2, dims - 1)
    return GridMotion((*still, *last), (*(False,) * (dims - 2), first, second), (0,) * dims)


def _shift(shifts: tuple[int, ...]) -> GridMotion:
    return GridMotion(tuple(range(len(shifts))), (False,) * len(shifts), shifts)


def _draw(count: int, generator: torch.Generator) -> int:
    return int(torch.randint(count, (), generator=generator, device=generator.device))


def _check_listed(this: Group, image_shape: tuple[int, ...]) -> None:
    if not this.order(image_shape) <= _MAX_LISTED:
        raise ConfigError(
            f"{this.name}: there are {this.order(image_shape):.3g} elements for {image_shape}, expected at most "
            f"{_MAX_LISTED} for a list. Use sample(...)."
        )
