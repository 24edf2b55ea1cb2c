"""Whether a map can be the gradient of a functional: its Jacobian is symmetric."""

from __future__ import annotations

import torch
from torch import Tensor

from ..operators.space import Space
from .attacks import Map
from .attacks.jacobian_power import pull_back
from .measurement import Measurement, Worst, length, ratio, tolerance, wide


@torch.no_grad()
def jacobian_asymmetry(call: Map, space: Space, *, generator: torch.Generator, trials: int = 6) -> Measurement:
    """max |Re<F'(x)* w, v> - Re<F'(x)* v, w>| / max(|F'(x)* w| |v|, |F'(x)* v| |w|), white noise v and w, x of sizes
    from 0.1 to 10.

    F' is torch's derivative; where there is none, differences of F in the precision of the images, which are right to
    fewer digits.

    Source: a continuously differentiable F on a convex set is a gradient exactly if F' is symmetric: Ortega, Rheinboldt
    (1970), Theorem 4.1.6.
    """
    x = space.randn(generator=generator)
    differentiable = pull_back(call, x) is not None
    eps = torch.finfo(space.dtype).eps
    worst = Worst(10 * tolerance(space.dtype) if differentiable else 100 * eps ** (2 / 3))
    for trial in range(trials):
        x = 10.0 ** (trial % 3 - 1) * space.randn(generator=generator)
        v, w = space.randn(generator=generator), space.randn(generator=generator)
        worst.offer(jacobian_asymmetry_at(call, x, v, w), f"trial {trial}", x=x, v=v, w=w)
    return worst.measurement()


@torch.no_grad()
def jacobian_asymmetry_at(call: Map, x: Tensor, v: Tensor, w: Tensor) -> float:
    """The asymmetry at one image for one pair of directions."""
    transposed = pull_back(call, x)
    if transposed is not None:
        first, second = transposed(w), transposed(v)
    else:
        first, second = _difference(call, x, w), _difference(call, x, v)
    gap = abs(_product(first, v) - _product(second, w))
    return ratio(gap, max(length(first) * length(v), length(second) * length(w)))


def _difference(call: Map, x: Tensor, v: Tensor) -> Tensor:
    """F'(x) v by central differences, with a step that balances rounding against curvature."""
    h = torch.finfo(x.dtype).eps ** (1 / 3) * max(length(x), 1e-3) / max(length(v), 1e-300)
    return (call(x + h * v) - call(x - h * v)) / (2 * h)


def _product(a: Tensor, b: Tensor) -> float:
    """Re <a, b> in double precision."""
    return float((wide(a) * wide(b).conj()).real.sum())
