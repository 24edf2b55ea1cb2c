"""Pairs that differ by little more than rounding, where no claim about exact maps survives without its slack."""

from __future__ import annotations

import torch

from .target import Pairs, Target


def neighbours(target: Target) -> Pairs:
    """x and (1 + k eps) x, and x with its numbers moved up and down by k eps, of sizes from 1e-3 to 1e3.

    They test the inequality that floating point can keep, |F(x) - F(z)| <= c |x - z| + e (|x| + |z| + ...): a map
    that computes in a lower precision than its images breaks it.
    """
    eps = torch.finfo(target.space.dtype).eps
    sizes = target.sizes((-3.0, -1.0, 0.0, 1.0, 3.0))
    x = sizes * target.noise(len(sizes))
    for k in (2, 1000):
        yield x, x * (1 + k * eps), f"{k} roundings apart, along the image"
        yield x, x + k * eps * x.abs() * target.noise(len(x)).sgn(), f"{k} roundings apart, in every number"
