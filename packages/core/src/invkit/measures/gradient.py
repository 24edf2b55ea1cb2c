"""How far gradients and Hessian products are from differences of the function itself."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..functionals.base import Differentiable
from ..operators.space import Space
from .measurement import Measurement, Worst, length, ratio, tolerance, wide

#: Central differences in float64 are right to about eps^(2/3); two more digits are left to curvature.
_DIFFERENCES = 1e-8


#: Steps tried, in units of the one that suits a function whose derivatives are all of one size.
_STEPS = (100.0, 1.0, 0.1, 0.01, 1e-3)

#: A difference whose rounding is a larger part of what it is compared with says nothing, if another one does.
_BLIND = 1e-4


@torch.no_grad()
def gradient_error(
    functional: Differentiable, space: Space, *, generator: torch.Generator, trials: int = 6
) -> Measurement:
    """max |(f(x + hv) - f(x - hv)) / 2h - Re<grad f(x), v>| / (|grad f(x)| |v|), along white noise and the gradient.

    The gradient is taken in its own precision, the difference always in float64, less what its rounding explains, with
    the best of several h: a sharp bend needs a short step. Where f is infinite beside an image nothing is compared;
    every image is tried with its absolute values as well, where f may be finite.
    """
    double = functional.to(dtype=torch.float64)
    worst = Worst(_DIFFERENCES + 10 * tolerance(space.dtype))
    for trial in range(trials):
        size = 10.0 ** (trial % 3 - 1)
        noise = size * space.randn(generator=generator)
        along = space.randn(generator=generator)
        for x in (noise, noise.abs()) if not space.is_complex else (noise,):
            gradient = functional.gradient(x)
            v = wide(gradient if trial % 2 else along)
            if not bool(wide(double.value(wide(x))).isfinite().all()):
                continue
            where = f"{'along the gradient' if trial % 2 else 'along white noise'}, an image of size {size:g}"
            worst.offer(gradient_error_at(functional, x, v, double=double), where, x=x, v=v)
    return worst.measurement()


@torch.no_grad()
def gradient_error_at(
    functional: Differentiable, x: Tensor, v: Tensor, *, double: Differentiable | None = None
) -> float:
    """The error at one image along one direction; double: the functional in float64, if it is there already."""
    double = double or functional.to(dtype=torch.float64)
    gradient, v = functional.gradient(x), wide(v)
    predicted = float((wide(gradient) * v.conj()).sum().real)
    scale = length(gradient) * length(v)
    errors = []
    for h in _steps(wide(x), v):
        above, below = (float(wide(double.value(wide(x) + step * v))) for step in (h, -h))
        if not math.isinf(above) and not math.isinf(below):
            slack = _rounding(abs(above) + abs(below)) / h
            errors.append((abs((above - below) / (2 * h) - predicted), slack))
    return _best(errors, scale)


@torch.no_grad()
def hessian_error(
    functional: Differentiable, space: Space, *, generator: torch.Generator, trials: int = 3
) -> Measurement:
    """max |(grad f(x + hv) - grad f(x - hv)) / 2h - H(x)v| / |H(x)v|, differences as in ``gradient_error``."""
    double = functional.to(dtype=torch.float64)
    worst = Worst(10 * _DIFFERENCES + 10 * tolerance(space.dtype))
    for trial in range(trials):
        size = 10.0 ** (trial % 3 - 1)
        noise, v = size * space.randn(generator=generator), space.randn(generator=generator)
        for x in (noise, noise.abs()) if not space.is_complex else (noise,):
            if bool(wide(double.value(wide(x))).isfinite().all()):
                error = hessian_error_at(functional, x, v, double=double)
                worst.offer(error, f"an image of size {size:g}", x=x, v=v)
    return worst.measurement()


@torch.no_grad()
def hessian_error_at(
    functional: Differentiable, x: Tensor, v: Tensor, *, double: Differentiable | None = None
) -> float:
    """The error at one image for one direction."""
    double = double or functional.to(dtype=torch.float64)
    product, size = functional.hessian_vector(x, v), length(double.gradient(wide(x)))
    # The differences are as exact as the gradients are long, whatever cancels in them.
    scale = max(length(product), 1e-3 * size)
    errors = []
    for h in _steps(wide(x), wide(v)):
        above, below = (double.gradient(wide(x) + step * wide(v)) for step in (h, -h))
        if not bool((above.isinf() | below.isinf()).any()):
            difference = (above - below) / (2 * h)
            slack = _rounding(length(above) + length(below)) / h
            errors.append((length(difference - wide(product)), slack))
    return _best(errors, scale)


def _best(errors: list[tuple[float, float]], scale: float) -> float:
    """The smallest error, less its rounding and relative to the scale, of the steps whose rounding is small."""
    if not errors:
        return 0.0
    if any(math.isnan(error) for error, _ in errors) or math.isnan(scale):
        return math.nan
    seeing = [(error, slack) for error, slack in errors if slack <= _BLIND * scale] or errors[:1]
    return min(ratio(max(error - slack, 0.0), scale) for error, slack in seeing)


def _rounding(size: float) -> float:
    """What rounding may add to a sum of that size."""
    return 4 * torch.finfo(torch.float64).eps * size


def _steps(x: Tensor, v: Tensor) -> tuple[float, ...]:
    """h with |hv| = eps^(1/3) max(|x|, 1), which balances rounding against curvature, and others beside it."""
    h = torch.finfo(torch.float64).eps ** (1 / 3) * max(length(x), 1.0) / max(length(v), 1e-300)
    return tuple(factor * h for factor in _STEPS)
