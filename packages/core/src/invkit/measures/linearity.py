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
        worst.offer(linearity_error_at(apply, x, z, a, b), f"images of size {scale:g}", x=x, z=z, a=a, b=b)
    return worst.measurement()


@torch.no_grad()
def linearity_error_at(apply: Callable[[Tensor], Tensor], x: Tensor, z: Tensor, a: Tensor, b: Tensor) -> float:
    """The error for one pair and its coefficients."""
    first, second = a.item(), b.item()
    fx, fz = first * apply(x), second * apply(z)
    error = length(apply(first * x + second * z) - fx - fz)
    # Rounding is relative to what is added, not to what may remain of it.
    return ratio(error, length(fx) + length(fz))


def _coefficient(domain: Space, generator: torch.Generator) -> Tensor:
    """A 0-d tensor in double precision, because a counterexample on file has no complex numbers but in tensors."""
    dtype = torch.complex128 if domain.is_complex else torch.float64
    return torch.randn((), generator=generator, dtype=dtype, device=generator.device)
