"""What denoisers claim: how much they stretch distances."""

from __future__ import annotations

from ..claims import Claim, find_claim
from ..measures import Measurement, averagedness_ratio, linearity_error, lipschitz_ratio
from .cases import Example
from .check import Check, Context, Skip


def _claim(example: Example, name: str) -> Claim:
    claim = find_claim(example.subject.claims(), name)
    if claim is None:
        raise Skip(f"the instance does not claim to be {name}")
    return claim


def _lipschitz(example: Example, context: Context) -> Measurement:
    constant = _claim(example, "lipschitz").params["constant"]
    return lipschitz_ratio(example.subject, example.domain, constant, generator=context.generator())


def _nonexpansive(example: Example, context: Context) -> Measurement:
    _claim(example, "nonexpansive")
    return lipschitz_ratio(example.subject, example.domain, 1.0, generator=context.generator())


def _averaged(example: Example, context: Context) -> Measurement:
    alpha = _claim(example, "averaged").params["alpha"]
    return averagedness_ratio(example.subject, example.domain, alpha, generator=context.generator())


def _firm(example: Example, context: Context) -> Measurement:
    _claim(example, "firmly_nonexpansive")
    return averagedness_ratio(example.subject, example.domain, 0.5, generator=context.generator())


def _linear(example: Example, context: Context) -> Measurement:
    _claim(example, "linear")
    return linearity_error(example.subject, example.domain, generator=context.generator())


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
