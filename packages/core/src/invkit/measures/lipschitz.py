"""Whether a map is as Lipschitz, or as averaged, as stated."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ..operators.space import Space
from .measurement import Measurement, Worst, length, ratio, tolerance

Map = Callable[[Tensor], Tensor]


@torch.no_grad()
def lipschitz_ratio(
    call: Map, space: Space, constant: float, *, generator: torch.Generator, num_starts: int = 4, num_steps: int = 15
) -> Measurement:
    """max |F(x) - F(z)| / (constant |x - z|), at most 1 for a true constant.

    The pairs follow v <- F(x + v) - F(x), which finds the largest stretch of maps whose derivative is symmetric; white
    noise alone would meet the average one.
    """
    worst = Worst(1 + 100 * tolerance(space.dtype))
    for x, v, change, rounding, where in _pairs(call, space, generator, num_starts, num_steps):
        worst.offer(ratio(max(length(change) - rounding, 0.0), constant * length(v)), where, x=x, z=x + v)
    return worst.measurement()


@torch.no_grad()
def averagedness_ratio(
    call: Map, space: Space, alpha: float, *, generator: torch.Generator, num_starts: int = 4, num_steps: int = 15
) -> Measurement:
    """max (|Fx - Fz|^2 + (1 - alpha)/alpha |(x - Fx) - (z - Fz)|^2) / |x - z|^2, at most 1 for an alpha-averaged F.

    Source: Bauschke, Combettes (2011), Proposition 4.25 (iii).
    """
    worst = Worst(1 + 100 * tolerance(space.dtype))
    for x, v, change, rounding, where in _pairs(call, space, generator, num_starts, num_steps):
        stays = max(length(v - change) - rounding, 0.0)
        moved = max(length(change) - rounding, 0.0)
        worst.offer(ratio(moved**2 + (1 - alpha) / alpha * stays**2, length(v) ** 2), where, x=x, z=x + v)
    return worst.measurement()


def _pairs(
    call: Map, space: Space, generator: torch.Generator, num_starts: int, num_steps: int
) -> Iterator[tuple[Tensor, Tensor, Tensor, float, str]]:
    """x, v, F(x + v) - F(x), the rounding of that difference, and where in words."""
    for start in range(num_starts):
        size = 10.0 ** (start - 2)
        x, v = space.randn(generator=generator), space.randn(generator=generator)
        base = call(x)
        for step in range(num_steps):
            v = v * (size / max(length(v), torch.finfo(torch.float64).tiny))
            v = (x + v) - x  # what was added after rounding
            change = call(x + v) - base
            yield x, v, change, tolerance(space.dtype) * (length(base) + length(x)), f"start {start}, power step {step}"
            if not length(change) > 0:
                break
            v = change
