"""What maps claim, operators, denoisers and models alike: how much they stretch distances, and their values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..claims import Claim
from ..errors import InvkitError
from ..measures import (
    Measurement,
    averagedness_ratio,
    block_ratio,
    blocks_of,
    jacobian_asymmetry,
    linearity_error,
    lipschitz_ratio,
    range_ratio,
)
from ..measures.blocks import block_ratio_at
from ..measures.gradient_field import jacobian_asymmetry_at
from ..measures.linearity import linearity_error_at
from ..measures.lipschitz import averagedness_ratio_at, lipschitz_ratio_at
from ..measures.range_ratio import range_ratio_at
from ..operators.base import Operator
from ..operators.nonlinear.algebra import NonlinearComposition
from ..operators.nonlinear.blocks import Block, HasBlocks
from ..operators.nonlinear.gradient_flow_step import GradientFlowStep
from .cases import Example
from .check import Check, Context, Evaluate, Skip
from .maps import Map, maps_of, reconstruction

#: One map and the parameters of the claim, measured with a fresh generator.
_Measure = Callable[[Map, Mapping[str, Any], Any], Measurement]

#: Images of this size show a fault of 1 % in the norm of a convolution, small ones do not.
_BLOCK_SIZE = 64


def _stretch(one: Map, params: Mapping[str, Any], generator: Any) -> Measurement:
    settings = {"generator": generator, "rounding": one.rounding, "attacks": one.attacks}
    return lipschitz_ratio(one.call, one.space, params.get("constant", 1.0), **settings)


def _averaged(one: Map, params: Mapping[str, Any], generator: Any) -> Measurement:
    x = one.space.zeros(1)
    if one.call(x).shape != x.shape:
        raise Skip("its values are not in the space of its arguments")
    settings = {"generator": generator, "rounding": one.rounding, "attacks": one.attacks}
    return averagedness_ratio(one.call, one.space, params.get("alpha", 0.5), **settings)


def _gradient_field(one: Map, params: Mapping[str, Any], generator: Any) -> Measurement:
    return jacobian_asymmetry(one.call, one.space, generator=generator)


def _bounded(one: Map, params: Mapping[str, Any], generator: Any) -> Measurement:
    return range_ratio(one.call, one.space, params["radius"], generator=generator)


def _linear(one: Map, params: Mapping[str, Any], generator: Any) -> Measurement:
    return linearity_error(one.call, one.space, generator=generator)


def _over_maps(concerns: str, measure: _Measure) -> Callable[[Example, Context], Measurement]:
    """The worst over the maps of the object, with the parameters of the claim."""

    def run(example: Example, context: Context) -> Measurement:
        params = _claim(example, context, concerns).params
        # The radius is that of images of one size; everything else holds for all that the map takes.
        asked = [one for one in maps_of(example) if not (concerns == "bounded_range" and one.is_of_other_images)]
        return _worst([(one, measure(one, params, context.generator())) for one in asked])

    return run


def _stable(example: Example, context: Context) -> Measurement:
    params = _claim(example, context, "stable").params
    one = reconstruction(example, "A R", measured=True)
    return _worst([(one, _stretch(one, params, context.generator()))])


def _claim(example: Example, context: Context, name: str) -> Claim:
    claim = context.claim_of(example.subject, name)
    if claim is None:
        raise Skip(f"the instance does not claim to be {name}")
    return claim


def _worst(found: list[tuple[Map, Measurement]]) -> Measurement:
    one, worst = max(found, key=lambda pair: math.inf if math.isnan(pair[1].value) else pair[1].value)
    counterexample = {"map": one.name, **worst.counterexample} if worst.counterexample else {}
    where = worst.where if len(found) == 1 else f"{one.name}, {worst.where}"
    trials = sum(here.trials for _, here in found)
    return replace(worst, trials=trials, where=where, counterexample=counterexample)


def _blocks(example: Example, context: Context) -> Measurement:
    small, large = blocks_of(example.subject, example.domain), _large_blocks(example)
    if not small + large:
        raise Skip("none of its parts claims a constant")
    generator = context.generator()
    # The large images are where power iteration has its power; the small ones show what odd sizes break.
    found = [block_ratio(large, generator=generator)] if large else []
    found.append(block_ratio(small, generator=generator, num_steps=40 if large else 150))
    worst = max(found, key=lambda here: math.inf if math.isnan(here.value) else here.value)
    return replace(worst, trials=sum(here.trials for here in found))


def _large_blocks(example: Example) -> tuple[Block, ...]:
    """The blocks for larger images, of what takes any size."""
    if isinstance(example.subject, Operator):
        return ()
    space = example.domain
    large = replace(space, shape=(space.shape[0], *(max(n, _BLOCK_SIZE) for n in space.shape[1:])))
    try:
        found = blocks_of(example.subject, large)
    except InvkitError:  # it takes images of one size only
        return ()
    return tuple(replace(block, name=f"{block.name} of {large.shape}") for block in found)


def _at(evaluate: Callable[..., float]) -> Evaluate:
    """That function of the map which a counterexample names."""

    def at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
        rest = dict(found)
        name = rest.pop("map")
        return evaluate(next(one for one in maps_of(example) if one.name == name).call, **rest)

    return at


def _stable_at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
    rest = {name: datum for name, datum in found.items() if name != "map"}
    return lipschitz_ratio_at(reconstruction(example, "A R", measured=True).call, **rest)


def _blocks_at_pair(example: Example, context: Context, found: Mapping[str, Any]) -> float:
    blocks = (*blocks_of(example.subject, example.domain), *_large_blocks(example))
    return block_ratio_at(blocks, **found)


def _check(name: str, kinds: tuple[str, ...], concerns: str, asked: tuple[_Measure, Evaluate], summary: str) -> Check:
    measure, at = asked
    return Check(
        name=name, kinds=kinds, concerns=concerns, measure=_over_maps(concerns, measure), at=at, summary=summary
    )


_MAPS = ("operator", "denoiser", "model")
_PAIRS = (_stretch, _at(lipschitz_ratio_at))
_AVERAGED = (_averaged, _at(averagedness_ratio_at))

MAP_CHECKS: tuple[Check, ...] = (
    _check("lipschitz", (*_MAPS, "regulariser"), "lipschitz", _PAIRS, "|Fx - Fz| <= c |x - z|, under attack."),
    _check("nonexpansive", _MAPS, "nonexpansive", _PAIRS, "|Fx - Fz| <= |x - z|, under attack."),
    _check("averaged", _MAPS, "averaged", _AVERAGED, "F is alpha-averaged, under attack."),
    _check("firmly-nonexpansive", _MAPS, "firmly_nonexpansive", _AVERAGED, "F is 1/2-averaged, under attack."),
    _check(
        "gradient-field",
        ("operator", "denoiser"),
        "gradient_field",
        (_gradient_field, _at(jacobian_asymmetry_at)),
        "The Jacobian is symmetric: <F'v, w> = <v, F'w>.",
    ),
    _check("bounded-range", _MAPS, "bounded_range", (_bounded, _at(range_ratio_at)), "|F(x)| <= radius."),
    _check("linearity", ("denoiser",), "linear", (_linear, _at(linearity_error_at)), "D(ax + bz) = a Dx + b Dz."),
    Check(
        name="stable",
        kinds=("model",),
        concerns="stable",
        measure=_stable,
        at=_stable_at,
        summary="|A R(y1) - A R(y2)| <= c |y1 - y2|.",
    ),
    Check(
        name="blocks",
        kinds=("operator", "denoiser"),
        needs=(HasBlocks, NonlinearComposition, GradientFlowStep),
        measure=_blocks,
        at=_blocks_at_pair,
        summary="Every block is as Lipschitz as it says, by itself and with all units active.",
    ),
)
