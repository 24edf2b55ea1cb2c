"""Whether automatic differentiation through an operator agrees with its own derivative."""

from __future__ import annotations

import torch
from torch import Tensor

from ..operators.base import Operator
from .measurement import Measurement, Worst, length, ratio, tolerance


def vjp_error(operator: Operator, *, generator: torch.Generator, trials: int = 3) -> Measurement:
    """max |d Re<F(x), z>/dx - F'(x)* z| / |F'(x)* z|: torch's derivative of ``forward`` against ``vjp``.

    Infinite if no gradient reaches the input.
    """
    worst = Worst(10 * tolerance(operator.domain.dtype))
    for trial in range(trials):
        x, z = operator.domain.randn(generator=generator), operator.codomain.randn(generator=generator)
        worst.offer(vjp_error_at(operator, x, z), f"trial {trial}", x=x, z=z)
    return worst.measurement()


def vjp_error_at(operator: Operator, x: Tensor, z: Tensor) -> float:
    """The error at one image for one z."""
    found = derivative(operator, x, z)
    if found is None:
        return float("inf")
    with torch.no_grad():
        stated = operator.vjp(x, z)
    return ratio(length(found - stated), length(stated))


def derivative(operator: Operator, x: Tensor, z: Tensor) -> Tensor | None:
    """d Re<F(x), z>/dx by torch; zeros where the result does not depend on x, None where it requires no gradient."""
    x = x.detach().clone().requires_grad_()
    with torch.enable_grad():
        value = operator.forward(x)
    if not value.requires_grad:
        return None
    # Zeros where none reaches it: wrong unless the derivative is zero.
    (found,) = torch.autograd.grad(value, x, z, allow_unused=True, materialize_grads=True)
    return found
