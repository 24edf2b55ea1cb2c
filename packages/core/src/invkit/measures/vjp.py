"""Whether automatic differentiation through an operator agrees with its own derivative."""

from __future__ import annotations

import torch

from ..operators.base import Operator
from .measurement import Measurement, Worst, length, ratio, tolerance


def vjp_error(operator: Operator, *, generator: torch.Generator, trials: int = 3) -> Measurement:
    """max |d Re<F(x), z>/dx - F'(x)* z| / |F'(x)* z|: torch's derivative of ``forward`` against ``vjp``.

    Infinite if no gradient reaches the input.
    """
    worst = Worst(10 * tolerance(operator.domain.dtype))
    for trial in range(trials):
        x = operator.domain.randn(generator=generator).requires_grad_()
        z = operator.codomain.randn(generator=generator)
        with torch.enable_grad():
            value = operator.forward(x)
        if not value.requires_grad:
            worst.offer(float("inf"), "the result does not require a gradient", x=x)
            continue
        # Zeros where none reaches it: wrong unless the derivative is zero.
        (found,) = torch.autograd.grad(value, x, z, allow_unused=True, materialize_grads=True)
        with torch.no_grad():
            stated = operator.vjp(x.detach(), z)
        worst.offer(ratio(length(found - stated), length(stated)), f"trial {trial}", x=x, z=z)
    return worst.measurement()
