"""The registered regularisers: each takes the domain of the images and keyword parameters.

``c * regulariser`` weighs it. The constructors with the mathematics live in the modules named for them.
"""

from __future__ import annotations

from ..operators.space import Space
from .base import Functional
from .directional_tv import directional_tv
from .indicators import Box
from .norms import L1, GroupL1, SquaredL2
from .nuclear_norm import NuclearNorm
from .simplex import Simplex
from .smoothed_norm import SmoothedNorm
from .tgv import tgv
from .total_variation import h1, huber_tv, nuclear_tv, smoothed_tv, total_variation, vector_tv

__all__ = [
    "directional_tv",
    "group_l1",
    "h1",
    "huber_tv",
    "l1",
    "nonnegativity",
    "nuclear_norm",
    "nuclear_tv",
    "simplex",
    "smoothed_l1",
    "smoothed_tv",
    "squared_l2",
    "tgv",
    "total_variation",
    "vector_tv",
]


def l1(domain: Space) -> Functional:
    """|x|_1."""
    return L1()


def group_l1(domain: Space, *, axes: tuple[int, ...] = (0,)) -> Functional:
    """Sum of Euclidean norms along ``axes``; the default takes the channels of a pixel together."""
    return GroupL1(tuple(axes))


def smoothed_l1(domain: Space, *, gamma: float = 1e-2) -> Functional:
    """|x|_1 with two derivatives, quadratic where |x_i| is much smaller than gamma."""
    return SmoothedNorm(gamma, ())


def nuclear_norm(domain: Space) -> Functional:
    """The nuclear norm of the matrix of channels and pixels: few channels explain the others."""
    return NuclearNorm((0,), tuple(range(1, len(domain.shape))))


def squared_l2(domain: Space) -> Functional:
    """0.5 |x|^2 (Tikhonov)."""
    return SquaredL2()


def nonnegativity(domain: Space) -> Functional:
    """The indicator of x >= 0, for real images."""
    return Box(0.0)


def simplex(domain: Space, *, total: float = 1.0, axes: tuple[int, ...] | None = None) -> Functional:
    """The indicator of x >= 0, sum x = total, over all pixels or along ``axes``: (0,) makes channels probabilities."""
    return Simplex(total, None if axes is None else tuple(axes))
