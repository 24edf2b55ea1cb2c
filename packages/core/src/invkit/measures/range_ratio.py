"""Whether the values of a map stay within the ball that is stated."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import InvkitError
from ..operators.space import Space, norm
from .attacks import Map, Target
from .attacks.structured import structured_images
from .attacks.target import with_length
from .measurement import Measurement, Worst, ratio, tolerance


@torch.no_grad()
def range_ratio(
    call: Map, space: Space, radius: float, *, generator: torch.Generator, num_steps: int = 15
) -> Measurement:
    """max |F(x)| / radius, at most 1 for a true radius: over noise of sizes from 1e-3 to 1e6, structured images of
    lengths from 1 to 1e6, and x <- x + |x| g / |g| with g the gradient of |F(x)|, where torch finds one.
    """
    target = Target(call, space, generator)
    worst = Worst(1 + 100 * tolerance(space.dtype))
    sizes = target.sizes((-3.0, -1.0, 0.0, 1.0, 3.0, 6.0))
    noise = sizes * target.noise(len(sizes))
    _offer(worst, call, noise, radius, "white noise")
    _offer(worst, call, noise.abs().to(noise.dtype), radius, "positive noise")
    images, _ = structured_images(space, generator)
    for length in (1.0, 1e3, 1e6):
        for sign in (1, -1):
            scaled = sign * with_length(images, torch.full((len(images),), length))
            _offer(worst, call, scaled, radius, f"structured, of length {length:g}")
    x = noise[:4]
    for step in range(num_steps):
        slope = _slope(call, x)
        if slope is None:
            break
        x = x + with_length(slope, norm(x))
        _offer(worst, call, x, radius, f"ascent of |F(x)|, step {step}")
    return worst.measurement()


@torch.no_grad()
def range_ratio_at(call: Map, x: Tensor, radius: float) -> float:
    """|F(x)| / radius for one image."""
    return ratio(float(norm(call(x))[0]), radius)


def _offer(worst: Worst, call: Map, x: Tensor, radius: float, where: str) -> None:
    lengths = norm(call(x))
    at = int(lengths.nan_to_num(torch.inf).argmax())
    worst.trials += len(x) - 1
    worst.offer(ratio(float(lengths[at]), radius), where, x=x[at : at + 1], radius=radius)


def _slope(call: Map, x: Tensor) -> Tensor | None:
    x = x.detach().clone().requires_grad_()
    try:
        with torch.enable_grad():
            value = call(x)
            if not value.requires_grad:
                return None
            (found,) = torch.autograd.grad(value.abs().square().sum(), x, allow_unused=True, materialize_grads=True)
    except (RuntimeError, NotImplementedError, InvkitError):
        return None
    return found.nan_to_num(0.0)
