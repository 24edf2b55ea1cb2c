"""Whether a functional's conjugate is its conjugate."""

from __future__ import annotations

import math

import torch

from ..functionals.base import Proximable
from ..operators.space import Space
from .measurement import Measurement, Worst, length, ratio, tolerance, wide


@torch.no_grad()
def conjugate_gap(functional: Proximable, space: Space, *, generator: torch.Generator, trials: int = 12) -> Measurement:
    """The worst violation of Fenchel and Young, relative to the size of the terms:

        f(x) + f*(z) >= Re<x, z>                  for random pairs, which refutes an f* that is too small;
        f(p) + f*(z)  = Re<p, z>                  for p = prox(v, tau), z = (v - p) / tau, where one is too large;
        f**(x) = f(x).

    Source: Bauschke, Combettes (2011), Propositions 13.13, 16.9 and Corollary 13.33.
    """
    worst = Worst(100 * tolerance(space.dtype))
    conjugate = functional.conjugate
    for trial in range(trials):
        size = 10.0 ** (trial % 4 - 2)
        tau = (0.05, 0.7, 20.0)[trial % 3]
        v = size * space.randn(generator=generator)
        p = functional.prox(v, tau)
        z = (v - p) / tau
        _offer(worst, functional, conjugate, p, size * space.randn(generator=generator), equality=False)
        # z may leave the domain of f* by its rounding, where f* is infinite: the nearest point inside does as well.
        if not math.isfinite(float(conjugate.value(z))):
            near = conjugate.prox(z, 1e-30)  # so short a step moves only what is outside
            if length(near - z) <= tolerance(space.dtype) * (length(v) + length(p)) / tau:
                z = near
        slack = length(v) ** 2 / tau  # rounding may move p by eps |v|
        _offer(worst, functional, conjugate, p, z, equality=True, slack=slack)
        value, again = float(wide(functional.value(p))), float(wide(conjugate.conjugate.value(p)))
        worst.offer(ratio(abs(value - again), abs(value)) if value != again else 0.0, "f** against f", x=p)
    return worst.measurement()


def _offer(
    worst: Worst,
    functional: Proximable,
    conjugate: Proximable,
    x: torch.Tensor,
    z: torch.Tensor,
    *,
    equality: bool,
    slack: float = 0.0,
) -> None:
    f_x, f_z = float(wide(functional.value(x))), float(wide(conjugate.value(z)))
    product = float((wide(x) * wide(z).conj()).sum().real)
    if not equality and (f_x == math.inf or f_z == math.inf):
        worst.offer(-math.inf)
        return
    difference = f_x + f_z - product
    scale = abs(f_x) + abs(f_z) + abs(product) + slack
    if equality:
        worst.offer(ratio(abs(difference), scale), "no equality at a subgradient", x=x, z=z)
    else:
        worst.offer(ratio(-difference, scale), "f(x) + f*(z) < <x, z>", x=x, z=z)
