"""Pairs that differ by little more than rounding, where no claim about exact maps survives without its slack."""

from __future__ import annotations

import torch

from .target import Pairs, Target


def neighbours(target: Target) -> Pairs:
    """x and (1 + d) x, and x with its numbers moved up and down by d, of sizes from 1e-3 to 1e3: for d of two
    roundings, a thousand, and the square root of one, at which the roundings of half the digits show.

    They test the inequality that floating point can keep, |F(x) - F(z)| <= c |x - z| + e (|x| + |z| + ...): a map
    that computes in a lower precision than its images breaks it.
    """
    eps = torch.finfo(target.space.dtype).eps
    sizes = target.sizes((-3.0, -1.0, 0.0, 1.0, 3.0))
    x = sizes * target.noise(len(sizes))
    for apart in (2 * eps, 1000 * eps, eps**0.5):
        yield x, x * (1 + apart), f"{apart:.1g} apart, along the image"
        yield x, x + apart * x.abs() * target.noise(len(x)).sgn(), f"{apart:.1g} apart, in every number"
