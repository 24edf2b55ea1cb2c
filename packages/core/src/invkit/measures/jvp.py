"""Whether an operator's Jacobian-vector product belongs to the derivative that torch finds."""

from __future__ import annotations

import torch
from torch import Tensor

from ..operators.base import Operator
from .measurement import Measurement, Worst, length, ratio, tolerance, wide
from .vjp import derivative


def jvp_error(operator: Operator, *, generator: torch.Generator, trials: int = 3) -> Measurement:
    """max |Re<F'(x) v, z> - Re<v, g>| / (|F'(x) v| |z| + |v| |g|), g = d Re<F(x), z>/dx by torch, white noise for all.

    A wrong F'(x) v passes for no z but those at right angles to its error, which noise never is.
    Infinite if no gradient reaches the input, or a derivative is not finite.
    """
    worst = Worst(10 * tolerance(operator.domain.dtype))
    for trial in range(trials):
        x, v = operator.domain.randn(generator=generator), operator.domain.randn(generator=generator)
        z = operator.codomain.randn(generator=generator)
        worst.offer(jvp_error_at(operator, x, v, z), f"trial {trial}", x=x, v=v, z=z)
    return worst.measurement()


def jvp_error_at(operator: Operator, x: Tensor, v: Tensor, z: Tensor) -> float:
    """The error at one image for one v and one z."""
    g = derivative(operator, x, z)
    if g is None:
        return float("inf")
    with torch.no_grad():
        stated = operator.jvp(x, v)
    gap = abs(_product(stated, z) - _product(v, g))
    return ratio(gap, length(stated) * length(z) + length(v) * length(g))


def _product(a: Tensor, b: Tensor) -> float:
    """Re <a, b> in double precision."""
    return float((wide(a) * wide(b).conj()).real.sum())
