"""How far gradients and Hessian products are from differences of the function itself."""

from __future__ import annotations

import torch
from torch import Tensor

from ..functionals.base import Differentiable
from ..operators.space import Space
from .measurement import Measurement, Worst, length, ratio, tolerance, wide

#: Central differences in float64 are right to about eps^(2/3); two more digits are left to curvature.
_DIFFERENCES = 1e-8


@torch.no_grad()
def gradient_error(
    functional: Differentiable, space: Space, *, generator: torch.Generator, trials: int = 6
) -> Measurement:
    """max |(f(x + hv) - f(x - hv)) / 2h - Re<grad f(x), v>| / (|grad f(x)| |v|), along white noise and the gradient.

    The gradient is taken in its own precision, the difference always in float64.
    """
    double = functional.to(dtype=torch.float64)
    worst = Worst(_DIFFERENCES + 10 * tolerance(space.dtype))
    for trial in range(trials):
        size = 10.0 ** (trial % 3 - 1)
        x = size * space.randn(generator=generator)
        gradient = functional.gradient(x)
        v = wide(gradient if trial % 2 else space.randn(generator=generator))
        worst.offer(
            gradient_error_at(functional, x, v, double=double),
            f"{'along the gradient' if trial % 2 else 'along white noise'}, an image of size {size:g}",
            x=x,
            v=v,
        )
    return worst.measurement()


@torch.no_grad()
def gradient_error_at(
    functional: Differentiable, x: Tensor, v: Tensor, *, double: Differentiable | None = None
) -> float:
    """The error at one image along one direction; double: the functional in float64, if it is there already."""
    double = double or functional.to(dtype=torch.float64)
    gradient, v = functional.gradient(x), wide(v)
    h = _step(wide(x), v)
    difference = float((wide(double.value(wide(x) + h * v)) - wide(double.value(wide(x) - h * v))) / (2 * h))
    predicted = float((wide(gradient) * v.conj()).sum().real)
    return ratio(abs(difference - predicted), length(gradient) * length(v))


@torch.no_grad()
def hessian_error(
    functional: Differentiable, space: Space, *, generator: torch.Generator, trials: int = 3
) -> Measurement:
    """max |(grad f(x + hv) - grad f(x - hv)) / 2h - H(x)v| / |H(x)v|, differences in float64."""
    double = functional.to(dtype=torch.float64)
    worst = Worst(10 * _DIFFERENCES + 10 * tolerance(space.dtype))
    for trial in range(trials):
        size = 10.0 ** (trial % 3 - 1)
        x, v = size * space.randn(generator=generator), space.randn(generator=generator)
        worst.offer(hessian_error_at(functional, x, v, double=double), f"an image of size {size:g}", x=x, v=v)
    return worst.measurement()


@torch.no_grad()
def hessian_error_at(
    functional: Differentiable, x: Tensor, v: Tensor, *, double: Differentiable | None = None
) -> float:
    """The error at one image for one direction."""
    double = double or functional.to(dtype=torch.float64)
    h = _step(wide(x), wide(v))
    difference = (double.gradient(wide(x) + h * wide(v)) - double.gradient(wide(x) - h * wide(v))) / (2 * h)
    product = functional.hessian_vector(x, v)
    # The differences are as exact as the gradients are long, whatever cancels in them.
    scale = max(length(product), length(difference), 1e-3 * length(double.gradient(wide(x))))
    return ratio(length(difference - wide(product)), scale)


def _step(x: Tensor, v: Tensor) -> float:
    """h with |hv| = eps^(1/3) max(|x|, 1): balances rounding against curvature."""
    return torch.finfo(torch.float64).eps ** (1 / 3) * max(length(x), 1.0) / max(length(v), 1e-300)
