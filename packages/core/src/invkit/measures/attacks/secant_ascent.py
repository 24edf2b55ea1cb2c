"""Ascent of the ratio over both images of a pair: it crosses the kinks at which a Jacobian changes."""

from __future__ import annotations

import torch
from torch import Tensor

from ...errors import InvkitError
from ...operators.space import norm
from .target import Pairs, Target, with_length


def secant_ascent(target: Target) -> Pairs:
    """(x, z) <- (x, z) + s |x - z| g / |g|, with g the gradient of log |F(x) - F(z)| - log |x - z|.

    The gradient of the norm of a Jacobian would see nothing of a piecewise linear map, whose Jacobian is constant where
    it exists; that of a ratio of differences does. Starts have sizes from 1e-2 to 1e2; steps shrink from 1 to 0.1.
    """
    batch = target.num_starts + 1
    sizes = target.sizes(tuple(float(start % 5 - 2) for start in range(batch)))
    x, z = (sizes * target.noise(batch) for _ in range(2))
    for step in range(target.num_steps):
        yield x, z, f"ascent over pairs, step {step}"
        slope = _slope(target, x, z)
        if slope is None:
            return
        length = norm(x - z) * (1.0 - 0.9 * step / target.num_steps)
        x, z = x + with_length(slope[0], length), z + with_length(slope[1], length)


def _slope(target: Target, x: Tensor, z: Tensor) -> tuple[Tensor, Tensor] | None:
    """The gradient of the logarithm of the ratio in x and in z; None where torch finds none."""
    x, z = x.detach().clone().requires_grad_(), z.detach().clone().requires_grad_()
    tiny = torch.finfo(torch.float64).tiny
    try:
        with torch.enable_grad():
            stretched = _squared(target.call(x) - target.call(z))
            rate = (stretched + tiny).log() - (_squared(x - z) + tiny).log()
            if not stretched.requires_grad:
                return None
            found = torch.autograd.grad(rate.sum(), (x, z), allow_unused=True, materialize_grads=True)
    except (RuntimeError, NotImplementedError, InvkitError):
        return None
    return found[0].nan_to_num(0.0), found[1].nan_to_num(0.0)


def _squared(x: Tensor) -> Tensor:
    """|x|^2 of each image, in double precision, differentiable."""
    return x.to(torch.complex128 if x.is_complex() else torch.float64).abs().square().flatten(1).sum(1)
