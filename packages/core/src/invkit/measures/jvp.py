"""Whether an operator's Jacobian-vector product belongs to the derivative that torch finds."""

from __future__ import annotations

import torch

from ..operators.base import Operator
from .measurement import Measurement, Worst, length, ratio, tolerance, wide


def jvp_error(operator: Operator, *, generator: torch.Generator, trials: int = 3) -> Measurement:
    """max |Re<F'(x) v, z> - Re<v, g>| / (|F'(x) v| |z| + |v| |g|), g = d Re<F(x), z>/dx by torch, white noise for all.

    A wrong F'(x) v passes for no z but those at right angles to its error, which noise never is.
    Infinite if no gradient reaches the input, or a derivative is not finite.
    """
    worst = Worst(10 * tolerance(operator.domain.dtype))
    for trial in range(trials):
        x = operator.domain.randn(generator=generator).requires_grad_()
        v, z = operator.domain.randn(generator=generator), operator.codomain.randn(generator=generator)
        with torch.enable_grad():
            value = operator.forward(x)
        if not value.requires_grad:
            worst.offer(float("inf"), "the result does not require a gradient", x=x)
            continue
        (g,) = torch.autograd.grad(value, x, z, allow_unused=True, materialize_grads=True)
        with torch.no_grad():
            stated = operator.jvp(x.detach(), v)
        gap = abs(_product(stated, z) - _product(v, g))
        scale = length(stated) * length(z) + length(v) * length(g)
        worst.offer(ratio(gap, scale), f"trial {trial}", x=x, v=v, z=z)
    return worst.measurement()


def _product(a: torch.Tensor, b: torch.Tensor) -> float:
    """Re <a, b> in double precision."""
    return float((wide(a) * wide(b).conj()).real.sum())
