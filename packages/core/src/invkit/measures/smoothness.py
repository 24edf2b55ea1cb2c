"""Whether the gradient is as Lipschitz as stated."""

from __future__ import annotations

import torch
from torch import Tensor

from ..functionals.base import Differentiable
from ..operators.space import Space
from .measurement import Measurement, Worst, length, ratio, tolerance


@torch.no_grad()
def smoothness_ratio(
    functional: Differentiable,
    space: Space,
    constant: float,
    *,
    generator: torch.Generator,
    num_starts: int = 3,
    num_steps: int = 20,
) -> Measurement:
    """max |grad f(x + v) - grad f(x)| / (L |v|), where v follows the power iteration v <- grad f(x + v) - grad f(x).

    At most 1 for a true constant L. White noise alone would meet the average curvature, not the largest; x is noise,
    and zero, where many functions bend most, with v of its size and a thousandth of it.
    """
    worst = Worst(1 + 10 * tolerance(space.dtype))
    for start in range(num_starts):
        size = 10.0 ** (start - 1)
        x, v = size * space.randn(generator=generator), space.randn(generator=generator)
        for near, reach in ((x, size), (torch.zeros_like(x), 1e-3 * size), (x, 1e-3 * size)):
            _climb(functional, near, v, reach, constant, worst, f"start {start}", num_steps)
    return worst.measurement()


def _climb(
    functional: Differentiable,
    x: Tensor,
    v: Tensor,
    reach: float,
    constant: float,
    worst: Worst,
    words: str,
    num_steps: int,
) -> None:
    """The power iteration from one image, with v of length ``reach``."""
    base = functional.gradient(x)
    if not bool(base.isfinite().all()):
        return
    for step in range(num_steps):
        v = v * (reach / max(length(v), torch.finfo(torch.float64).tiny))
        change = functional.gradient(x + v) - base
        where = f"{words}, |v| = {reach:.3g}, power step {step}"
        worst.offer(_stretch(x, v, base, change, constant), where, x=x, v=v, constant=constant)
        if not length(change) > 0:
            break
        v = change


@torch.no_grad()
def smoothness_ratio_at(functional: Differentiable, x: Tensor, v: Tensor, constant: float) -> float:
    """The ratio for the images x and x + v."""
    base = functional.gradient(x)
    return _stretch(x, v, base, functional.gradient(x + v) - base, constant)


def _stretch(x: Tensor, v: Tensor, base: Tensor, change: Tensor, constant: float) -> float:
    # The difference of two gradients carries their rounding.
    rounding = tolerance(x.dtype) * length(base)
    return ratio(max(length(change) - rounding, 0.0), constant * length((x + v) - x))
