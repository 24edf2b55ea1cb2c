"""How far a map is from a linear one."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..operators.space import Space
from .measurement import Measurement, Worst, length, ratio, tolerance


@torch.no_grad()
def linearity_error(
    apply: Callable[[Tensor], Tensor],
    domain: Space,
    *,
    generator: torch.Generator,
    trials: int = 5,
    bound: float | None = None,
) -> Measurement:
    """max |F(ax + bz) - a F(x) - b F(z)| / (|a F(x)| + |b F(z)|), with complex a and b on complex images.

    The images are 1e-3, 1 and 1e3 times white noise: an offset shows among the small ones, a saturation among the
    large ones.   bound: None is the tolerance of the dtype.
    """
    worst = Worst(tolerance(domain.dtype) if bound is None else bound)
    for trial in range(trials):
        scale = (1e-3, 1.0, 1e3)[trial % 3]
        x, z = scale * domain.randn(generator=generator), scale * domain.randn(generator=generator)
        a, b = _coefficient(domain, generator), _coefficient(domain, generator)
        fx, fz = a * apply(x), b * apply(z)
        error = length(apply(a * x + b * z) - fx - fz)
        # Rounding is relative to what is added, not to what may remain of it.
        worst.offer(ratio(error, length(fx) + length(fz)), f"images of size {scale:g}", x=x, z=z)
    return worst.measurement()


def _coefficient(domain: Space, generator: torch.Generator) -> float | complex:
    real, imaginary = torch.randn(2, generator=generator, dtype=torch.float64, device=generator.device).tolist()
    return complex(real, imaginary) if domain.is_complex else real
