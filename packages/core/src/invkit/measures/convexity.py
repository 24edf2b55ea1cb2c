"""Whether a functional lies below its chords, by as much as its modulus of strong convexity says."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..functionals.base import Functional, Proximable
from ..operators.space import Space
from .measurement import Measurement, Worst, length, ratio, tolerance, wide


@torch.no_grad()
def convexity_gap(
    functional: Functional, space: Space, *, generator: torch.Generator, modulus: float = 0.0, trials: int = 20
) -> Measurement:
    """max of f(tx + (1-t)z) - t f(x) - (1-t) f(z) + (m/2) t (1-t) |x - z|^2, relative to the size of its terms.

    Segments join white noise of sizes from 0.01 to 100, near and far points, and zero; segments with an infinite end
    say nothing and are mirrored into the positive images, where the indicator of a cone is finite, and joined again
    between proximal points, which lie where f is finite, if f has a proximal map. No trials where all are infinite.
    """
    worst = Worst(10 * tolerance(space.dtype))
    for trial in range(trials):
        size = 10.0 ** (trial % 5 - 2)
        x, z = size * space.randn(generator=generator), size * space.randn(generator=generator)
        z = {0: z, 1: x + 1e-2 * z, 2: torch.zeros_like(z), 3: -x}[trial % 4]
        t = float(torch.rand((), generator=generator, dtype=torch.float64, device=generator.device))
        if not space.is_complex and trial % 2:
            x, z = x.abs(), z.abs()
        where = f"t = {t:.3f}, images of size {size:g}"
        ends = [(x, z, where)]
        if isinstance(functional, Proximable) and functional._has_prox():
            ends.append((functional.prox(x, 1.0), functional.prox(z, 1.0), f"{where}, proximal points"))
        for one, other, words in ends:
            found = convexity_gap_at(functional, one, other, t, modulus)
            if found is not None:
                worst.offer(found, words, x=one, z=other, t=t, modulus=modulus)
    return worst.measurement()


@torch.no_grad()
def convexity_gap_at(functional: Functional, x: Tensor, z: Tensor, t: float, modulus: float = 0.0) -> float | None:
    """The gap at one point of one segment; None if an end of the segment is infinite, or a point of it is so because
    rounding moved it out of where f is finite, as its proximal point beside it shows.
    """
    fx, fz, middle = (float(wide(functional.value(p))) for p in (x, z, t * x + (1 - t) * z))
    curvature = 0.5 * modulus * t * (1 - t) * length(x - z) ** 2
    chord = t * fx + (1 - t) * fz
    if math.isinf(chord) and chord > 0:
        return None
    if math.isinf(middle) and isinstance(functional, Proximable) and functional._has_prox():
        point = t * x + (1 - t) * z
        moved = length(functional.prox(point.clone(), 1e-30) - point)  # so short a step moves only what is outside
        if moved <= 10 * tolerance(x.dtype) * (length(x) + length(z)):
            return None
    return ratio(middle - chord + curvature, abs(middle) + abs(fx) + abs(fz) + curvature)
