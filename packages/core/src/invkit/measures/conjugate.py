"""Whether a functional's conjugate is its conjugate."""

from __future__ import annotations

import math

import torch
from torch import Tensor

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
    for trial in range(trials):
        size = 10.0 ** (trial % 4 - 2)
        tau = (0.05, 0.7, 20.0)[trial % 3]
        v, z = size * space.randn(generator=generator), size * space.randn(generator=generator)
        for case in _CASES:
            worst.offer(conjugate_gap_at(functional, case, v, z, tau), case, case=case, v=v, z=z, tau=tau)
    return worst.measurement()


_EQUALITY, _INEQUALITY, _TWICE = _CASES = (
    "no equality at a subgradient",
    "f(x) + f*(z) < <x, z>",
    "f** against f",
)


@torch.no_grad()
def conjugate_gap_at(functional: Proximable, case: str, v: Tensor, z: Tensor, tau: float) -> float:
    """The violation of one condition, named as in a measurement: at p = prox(v, tau), or at p and z."""
    conjugate = functional.conjugate
    p = functional.prox(v, tau)
    if case == _INEQUALITY:
        return _gap(functional, conjugate, p, z, equality=False)
    if case == _TWICE:
        value, again = float(wide(functional.value(p))), float(wide(conjugate.conjugate.value(p)))
        return ratio(abs(value - again), abs(value)) if value != again else 0.0
    subgradient = (v - p) / tau
    # It may leave the domain of f* by its rounding, where f* is infinite: the nearest point inside does as well.
    if not math.isfinite(float(conjugate.value(subgradient))):
        near = conjugate.prox(subgradient, 1e-30)  # so short a step moves only what is outside
        if length(near - subgradient) <= tolerance(v.dtype) * (length(v) + length(p)) / tau:
            subgradient = near
    slack = length(v) ** 2 / tau  # rounding may move p by eps |v|
    return _gap(functional, conjugate, p, subgradient, equality=True, slack=slack)


def _gap(
    functional: Proximable, conjugate: Proximable, x: Tensor, z: Tensor, *, equality: bool, slack: float = 0.0
) -> float:
    f_x, f_z = float(wide(functional.value(x))), float(wide(conjugate.value(z)))
    product = float((wide(x) * wide(z).conj()).sum().real)
    if not equality and (f_x == math.inf or f_z == math.inf):
        return -math.inf
    difference = f_x + f_z - product
    scale = abs(f_x) + abs(f_z) + abs(product) + slack
    return ratio(abs(difference) if equality else -difference, scale)
