"""The symmetrised derivative of symmetric tensor fields: the E of total generalised variation."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..derivations.derivation import Derivation
from ..derivations.operators import PROJECTION_NORM
from ..errors import ConfigError
from .capabilities.absolute_sums import HasAbsoluteSums
from .finite_difference import Boundary, FiniteDifference
from .norm import Interval
from .space import Space, real_dtype

#: The axes that the independent entries of a symmetric tensor belong to, in ascending order: (0, 0), (0, 1), (1, 1).
Component = tuple[int, ...]
#: (first pixel, number of pixels) along each axis.
Box = tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False, repr=False)
class SymmetricDerivative(HasAbsoluteSums):
    """E v = sym(grad v) of a symmetric tensor field of order l: (batch, channel, n_l, *spatial) -> (..., n_{l+1}, ...).

    order: l, 0 for images. A tensor of order l in d dimensions has n_l = (d + l - 1 choose l) independent entries, in
        the order of ``components``; each is stored times the root of its multiplicity, so that the Euclidean norm of
        the stored numbers is the Frobenius norm of the tensor and the adjoint is the plain one. For the component m
        that holds axis i c_i times,   (E v)_m = sum_{i in m} sqrt(c_i / (l + 1)) delta_i v_{m - i}.
    delta_i: forward differences for even l, backward ones for odd l, so that E E x stands at the pixel of x.
    boundary: ``neumann`` leaves a component zero where one of its differences would reach beyond the edge, or to a
        pixel where v itself is zero for that reason (``support`` says where it is not); ``periodic`` wraps round.
        Polynomials of degree l thus have l + 1 derivatives that vanish exactly.
    spacing: as in ``FiniteDifference``, which E is for l = 0.

    |E| <= |D| with D of ``FiniteDifference``: symmetrisation and leaving out are orthogonal projections, backward
    differences are forward ones of the image turned round.

    Raises: ConfigError if the order is not a whole number >= 0, the boundary is unknown or a spacing is not positive.
    Source: Bredies, Kunisch, Pock (2010), Total generalized variation.
    """

    image_shape: tuple[int, ...]
    channels: int = 1
    order: int = 1
    boundary: Boundary = "neumann"
    spacing: float | tuple[float, ...] = 1.0
    dtype: torch.dtype = torch.float32
    device: torch.device = torch.device("cpu")

    def __post_init__(self) -> None:
        if isinstance(self.order, bool) or self.order != int(self.order) or self.order < 0:
            raise ConfigError(
                f"SymmetricDerivative: order is {self.order}, expected a whole number >= 0. Use 0 for images."
            )
        object.__setattr__(self, "order", int(self.order))
        object.__setattr__(self, "image_shape", tuple(self.image_shape))
        object.__setattr__(self, "spacing", self._difference().spacing)  # checked, one for each axis

    @property
    def derivations(self) -> tuple[Derivation, ...]:
        return (PROJECTION_NORM,) if self.order else ()

    @property
    def domain(self) -> Space:
        return self._tensors(self.order)

    @property
    def codomain(self) -> Space:
        return self._tensors(self.order + 1)

    def support(self, component: Component) -> Box:
        """Where a component of the codomain is not zero by definition."""
        return support(component, self.image_shape, self.boundary == "periodic")

    def _tensors(self, order: int) -> Space:
        count = len(components(len(self.image_shape), order))
        return Space((self.channels, count, *self.image_shape), self.dtype, self.device)

    def _difference(self) -> FiniteDifference:
        return FiniteDifference(
            self.image_shape, self.channels, self.boundary, self.spacing, self.dtype, self.device
        )  # fmt: skip

    def _parts(self) -> Iterator[tuple[int, Component, int, int, float]]:
        """For each difference in E: (component, its axes, component of v, axis, factor)."""
        dims = len(self.image_shape)
        number = {m: index for index, m in enumerate(components(dims, self.order))}
        for index, m in enumerate(components(dims, self.order + 1)):
            for axis in sorted(set(m)):
                factor = math.sqrt(m.count(axis) / len(m)) / self.spacing[axis]  # type: ignore[index]
                yield index, m, number[without(m, axis)], axis, factor

    def _forward(self, v: Tensor) -> Tensor:
        out = v.new_zeros((len(v), *self.codomain.shape))
        for index, m, source, axis, factor in self._parts():
            box = self.support(m)
            ahead, behind = self._neighbours(v.select(2, source), box, axis)
            window(out.select(2, index), box).add_(ahead - behind, alpha=factor)
        return out

    def _adjoint(self, z: Tensor) -> Tensor:
        out = z.new_zeros((len(z), *self.domain.shape))
        for index, m, source, axis, factor in self._parts():
            box, target = self.support(m), out.select(2, source)
            inside = window(z.select(2, index), box)
            if self.boundary == "periodic":
                turn = 1 if self.order % 2 == 0 else -1  # the transposed shift
                moved = inside.roll(turn, axis - len(box))
                target.add_((moved - inside) if turn == 1 else (inside - moved), alpha=factor)
                continue
            # One view after the other: autograd does not follow a view that is older than a change to its base.
            self._neighbours(target, box, axis)[0].add_(inside, alpha=factor)
            self._neighbours(target, box, axis)[1].sub_(inside, alpha=factor)
        return out

    def _neighbours(self, v: Tensor, box: Box, axis: int) -> tuple[Tensor, Tensor]:
        """The two pixels of each difference along an axis, as views of v unless it wraps round."""
        forward = self.order % 2 == 0
        if self.boundary == "periodic":
            rolled = v.roll(-1 if forward else 1, axis - len(box))
            return (rolled, v) if forward else (v, rolled)
        shift = 1 if forward else -1
        moved = window(v, tuple((start + shift * (i == axis), n) for i, (start, n) in enumerate(box)))
        here = window(v, box)
        return (moved, here) if forward else (here, moved)

    def _absolute_sums(self) -> tuple[Tensor, Tensor]:
        rows = torch.zeros((1, *self.codomain.shape), dtype=real_dtype(self.dtype), device=self.device)
        columns = rows.new_zeros((1, *self.domain.shape))
        # The differences of a component are of different entries, so that no two of its numbers add up.
        for index, m, source, axis, factor in self._parts():
            if self.image_shape[axis] == 1:
                continue  # the one difference is v - v, or none
            box, column = self.support(m), columns.select(2, source)
            window(rows.select(2, index), box).add_(2 * factor)
            if self.boundary == "periodic":
                column.add_(2 * factor)
                continue
            for pixels in self._neighbours(column, box, axis):
                pixels.add_(factor)
        return columns, rows

    def _norm(self) -> Interval:
        whole = self._difference().norm()
        if self.order == 0:
            return whole
        return Interval(0.0, whole.upper, "at most that of the gradient: symmetrisation is a projection", whole.basis)


@functools.cache
def components(dims: int, order: int) -> tuple[Component, ...]:
    """The independent entries of a symmetric tensor."""
    return tuple(itertools.combinations_with_replacement(range(dims), order))


@functools.cache
def support(component: Component, image_shape: tuple[int, ...], periodic: bool) -> Box:
    """Where every difference behind this component of E ... E x exists."""
    if periodic or not component:
        return tuple((0, n) for n in image_shape)
    low, high = [0] * len(image_shape), list(image_shape)
    for axis in set(component):
        box = support(without(component, axis), image_shape, periodic)
        for i, (start, count) in enumerate(box):
            end = start + count
            if i == axis and len(component) % 2:  # by forward differences
                end -= 1
            elif i == axis:
                start += 1
            low[i], high[i] = max(low[i], start), min(high[i], end)
    empty = any(h <= l for l, h in zip(low, high, strict=True))
    return tuple((0, 0) if empty else (l, h - l) for l, h in zip(low, high, strict=True))


def without(component: Component, axis: int) -> Component:
    """The component with one of its axes taken out."""
    place = component.index(axis)
    return component[:place] + component[place + 1 :]


def window(x: Tensor, box: Box) -> Tensor:
    """The pixels of a box, as a view."""
    if not all(count for _, count in box):
        return x.narrow(-1, 0, 0)
    for axis, (start, count) in enumerate(box):
        x = x.narrow(axis - len(box), start, count)
    return x
