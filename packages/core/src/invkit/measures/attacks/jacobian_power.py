"""Power iteration on the Jacobian: the direction in which a map stretches most, near an image."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ...errors import InvkitError
from ...operators.space import norm
from .target import Map, Pairs, Target, with_length


def jacobian_power(target: Target) -> Pairs:
    """v <- F'(x)* (F(x + v) - F(x)), each start with its own x and length of v, from 1e-2 to 10 and beyond.

    The product with the Jacobian is a difference of values, so that every step is itself a pair; the one with its
    adjoint is torch's derivative of F. Where F has none, v <- F(x + v) - F(x), which finds the largest stretch of maps
    whose derivative is symmetric.
    """
    batch = target.num_starts
    lengths = torch.tensor([10.0 ** (start % 4 - 2) for start in range(batch)], dtype=torch.float64)
    # Some start at zero, where a network with biases has another pattern of active units than at noise.
    x = target.noise(batch) * target.scaled(torch.tensor([float(i % 3 != 0) for i in range(batch)]))
    transposed = pull_back(target.call, x)
    base, v = target.call(x), target.noise(batch)
    for step in range(target.num_steps):
        v = with_length(v, lengths)
        v = (x + v) - x  # what was added after rounding
        z = x + v
        yield x, z, f"power iteration on the Jacobian, step {step}"
        change = target.call(z) - base
        following = transposed(change) if transposed is not None else change
        if following.shape != x.shape:
            return
        dead = ~(norm(following) > 0)  # an image at which F is flat: look elsewhere
        v = torch.where(dead.reshape(-1, *(1,) * (x.ndim - 1)), target.noise(batch), following)


def pull_back(call: Map, x: Tensor) -> Callable[[Tensor], Tensor] | None:
    """u -> F'(x)* u by torch, from one evaluation of F; None if torch cannot differentiate F."""
    try:
        with torch.enable_grad():
            point = x.detach().clone().requires_grad_()
            value = call(point)
            if not value.requires_grad:
                return None
            torch.autograd.grad(value, point, torch.zeros_like(value), retain_graph=True, materialize_grads=True)
    except (RuntimeError, NotImplementedError, InvkitError):
        return None

    def transposed(u: Tensor) -> Tensor:
        (found,) = torch.autograd.grad(value, point, u, retain_graph=True, allow_unused=True, materialize_grads=True)
        return found

    return transposed
