"""What denoisers claim: how much they stretch distances."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..claims import Claim, find_claim
from ..errors import InvkitError
from ..measures import Measurement, averagedness_ratio, linearity_error, lipschitz_ratio
from ..models.denoiser import Denoiser
from .cases import Example
from .check import Check, Context, Skip

Map = Callable[[Tensor], Tensor]

#: Levels of noise at which the claims are measured: that of the denoiser itself, a low and a high one.
LEVELS = (None, 0.05, 0.5)


def _claim(example: Example, name: str) -> Claim:
    claim = find_claim(example.subject.claims(), name)
    if claim is None:
        raise Skip(f"the instance does not claim to be {name}")
    return claim


def _worst_level(
    example: Example, context: Context, measure: Callable[[Map, torch.Generator], Measurement]
) -> Measurement:
    """The worst measurement at the levels of noise that the denoiser accepts; None it must accept."""
    found = []
    for level in LEVELS:
        if level is not None and not _accepts(example, level):
            continue
        here = measure(functools.partial(_at_level, example.subject, level), context.generator())
        found.append(dataclasses.replace(here, where=f"noise_std {level}, {here.where}"))
    worst = max(found, key=lambda here: math.inf if math.isnan(here.value) else here.value)
    return dataclasses.replace(worst, trials=sum(here.trials for here in found))


def _at_level(denoiser: Denoiser, level: float | None, x: Tensor) -> Tensor:
    return denoiser(x) if level is None else denoiser(x, level)


def _accepts(example: Example, level: float) -> bool:
    try:
        with torch.no_grad():
            example.subject(example.domain.zeros(1), level)
    except InvkitError:
        return False
    return True


def _lipschitz(example: Example, context: Context) -> Measurement:
    constant = _claim(example, "lipschitz").params["constant"]
    return _worst_level(example, context, lambda call, g: lipschitz_ratio(call, example.domain, constant, generator=g))


def _nonexpansive(example: Example, context: Context) -> Measurement:
    _claim(example, "nonexpansive")
    return _worst_level(example, context, lambda call, g: lipschitz_ratio(call, example.domain, 1.0, generator=g))


def _averaged(example: Example, context: Context) -> Measurement:
    alpha = _claim(example, "averaged").params["alpha"]
    return _worst_level(example, context, lambda call, g: averagedness_ratio(call, example.domain, alpha, generator=g))


def _firm(example: Example, context: Context) -> Measurement:
    _claim(example, "firmly_nonexpansive")
    return _worst_level(example, context, lambda call, g: averagedness_ratio(call, example.domain, 0.5, generator=g))


def _linear(example: Example, context: Context) -> Measurement:
    _claim(example, "linear")
    return _worst_level(example, context, lambda call, g: linearity_error(call, example.domain, generator=g))


_KIND = ("denoiser",)

DENOISER_CHECKS: tuple[Check, ...] = (
    Check(name="lipschitz", kinds=_KIND, concerns="lipschitz", measure=_lipschitz, summary="|Dx - Dz| <= c |x - z|."),
    Check(
        name="nonexpansive",
        kinds=_KIND,
        concerns="nonexpansive",
        measure=_nonexpansive,
        summary="|Dx - Dz| <= |x - z|.",
    ),
    Check(name="averaged", kinds=_KIND, concerns="averaged", measure=_averaged, summary="D is alpha-averaged."),
    Check(
        name="firmly-nonexpansive",
        kinds=_KIND,
        concerns="firmly_nonexpansive",
        measure=_firm,
        summary="D is 1/2-averaged.",
    ),
    Check(name="linearity", kinds=_KIND, concerns="linear", measure=_linear, summary="D(ax + bz) = a Dx + b Dz."),
)
