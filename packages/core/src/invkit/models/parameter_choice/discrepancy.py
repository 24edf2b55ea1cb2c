"""Morozov's discrepancy principle."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...errors import ConfigError, ConvergenceError, ShapeError
from ...operators.base import LinearOperator
from ..variational import Variational
from .choice import Reconstructions, WeightChoice, _Chosen, choose


def discrepancy_principle(
    model: Variational,
    y: Tensor,
    operator: LinearOperator,
    noise_norm: float | Tensor,
    *,
    factor: float = 1.0,
    bounds: tuple[float, float] = (1e-8, 1e8),
    rtol: float = 1e-2,
    progress: bool = False,
) -> WeightChoice:
    """The weight with |A x_weight - y| = factor * noise_norm, to the relative accuracy ``rtol``, for each image.

    The misfit never decreases with the weight, so that bisection in its logarithm (Brent's method) finds it; the
    criterion in the result is misfit / (factor * noise_norm) - 1.

    noise_norm: |noise|_2 of the whole measurement, one number or (batch,), e.g. noise_std * sqrt(samples).
    bounds: where the weight is sought.

    Raises: ConfigError for a setting outside its range; ConvergenceError if the misfit does not reach the noise
    level between the bounds, with both misfits.
    Source: Morozov (1966); Engl, Hanke, Neubauer (1996), Regularization of Inverse Problems, section 4.3.
    """
    from scipy.optimize import brentq

    levels = torch.as_tensor(noise_norm, dtype=torch.float64).expand(len(y)) if _fits(noise_norm, y) else None
    if levels is None:
        raise ShapeError(
            f"discrepancy_principle: noise_norm has shape {tuple(torch.as_tensor(noise_norm).shape)}, expected one "
            f"number or ({len(y)},), one for each image."
        )
    if not bool((levels > 0).all()) or not factor > 0:
        raise ConfigError(
            f"discrepancy_principle: noise_norm is {noise_norm} and factor is {factor}, expected positive numbers. "
            "Estimate the noise, or use l_curve, which needs no level."
        )
    low, high = bounds
    if not 0 < low < high < math.inf:
        raise ConfigError(f"discrepancy_principle: bounds are {bounds}, expected 0 < low < high. Use (1e-8, 1e8).")

    def rule(curve: Reconstructions, index: int) -> _Chosen:
        goal = factor * float(levels[index])
        tried: dict[float, float] = {}

        def excess(log_weight: float) -> float:
            weight = math.exp(log_weight)
            tried[weight] = curve.misfit(weight) / goal - 1
            return tried[weight]

        ends = excess(math.log(low)), excess(math.log(high))
        if ends[0] > 0 or ends[1] < 0:
            raise ConvergenceError(
                f"discrepancy_principle: image {index} has misfit {(ends[0] + 1) * goal:.4g} at weight {low:g} and "
                f"{(ends[1] + 1) * goal:.4g} at {high:g}, expected {goal:.4g} between them. "
                "Check the noise level, or widen the bounds."
            )
        brentq(excess, math.log(low), math.log(high), xtol=1e-3, rtol=1e-6, maxiter=60)
        inside = {weight: value for weight, value in tried.items() if abs(value) <= rtol} or tried
        best = min(inside, key=lambda weight: abs(inside[weight]))
        return _Chosen(best, curve(best), tried)

    return choose(rule, model, y, operator, "discrepancy_principle", progress=progress)


def _fits(noise_norm: float | Tensor, y: Tensor) -> bool:
    shape = torch.as_tensor(noise_norm).shape
    return len(shape) == 0 or shape == (len(y),)
