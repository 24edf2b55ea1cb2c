"""What an object's past may change: nothing by its first call, and its claims when its parameters are moved."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InvkitError
from ..measures import Measurement, averagedness_ratio, lipschitz_ratio
from ..measures.attacks import jacobian_power, local_pairs, random_pairs, structured_pairs
from ..measures.input_mutation import same
from ..measures.lipschitz import averagedness_ratio_at, lipschitz_ratio_at
from ..measures.measurement import Worst, length, ratio, tolerance
from ..models.denoiser import Denoiser
from .cases import Example
from .check import Check, Context, Skip
from .interface_checks import calls_of, find_call
from .state_checks import _learned, _trained

#: By how much the parameters are moved; a certificate of before is exceeded by about as much.
_MOVED = 0.1

_ATTACKS = (random_pairs, local_pairs, structured_pairs, jacobian_power)


@torch.no_grad()
def _first_call(example: Example, context: Context) -> Measurement:
    """F(x) of a fresh copy, and of another that saw other images before: equal bit for bit.

    Asked before any other check, because a call of those may be the first.
    """
    worst = Worst(0.0 if context.device.type == "cpu" else 1e3 * tolerance(context.dtype))
    for name, _, space, _, _ in calls_of(_copied(example)):
        generator = context.generator()
        x, z = space.randn(2, generator=generator), 10 * space.randn(2, generator=generator)
        worst.offer(
            _order_matters(example, name, x, z), f"{name}: its first call changes the later ones", call=name, x=x, z=z
        )
    return worst.measurement()


def _order_matters(example: Example, name: str, x: Tensor, z: Tensor) -> float:
    alone = find_call(_copied(example), name)[1](x.clone())
    after = find_call(_copied(example), name)[1]
    after(z.clone())
    second = after(x.clone())
    if alone.shape != second.shape:
        return float("inf")
    if same(alone, second):
        return 0.0
    return max(ratio(length(alone - second), length(alone)), torch.finfo(torch.float64).tiny)


@torch.no_grad()
def _first_call_at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
    return _order_matters(example, found["call"], found["x"], found["z"])


def _copied(example: Example) -> Example:
    try:
        return replace(example, subject=copy.deepcopy(example.subject))
    except Exception as error:  # whatever stands in the way of a copy
        raise Skip(f"it cannot be copied ({type(error).__name__}: {error})") from error


def _moved_claims(example: Example, context: Context) -> Measurement:
    """What it claims once its parameters were moved, as training does, measured then."""
    moved = _moved(example, context)
    found = []
    for claim in moved.claims():
        if claim.property in ("lipschitz", "nonexpansive"):
            constant = claim.params.get("constant", 1.0)
            found.append(
                lipschitz_ratio(moved, example.domain, constant, generator=context.generator(), attacks=_ATTACKS)
            )
        elif claim.property in ("averaged", "firmly_nonexpansive"):
            alpha = claim.params.get("alpha", 0.5)
            found.append(
                averagedness_ratio(moved, example.domain, alpha, generator=context.generator(), attacks=_ATTACKS)
            )
    if not found:
        raise Skip("it claims nothing of this kind once its parameters are moved")
    worst = max(found, key=lambda one: float("inf") if one.value != one.value else one.value)
    return replace(worst, trials=sum(one.trials for one in found), where=f"after moving its parameters: {worst.where}")


def _moved(example: Example, context: Context) -> Denoiser:
    if not any(True for _ in _learned(example.subject)):
        raise Skip("it has no parameters")
    try:
        moved = _trained(example, context, _MOVED).eval()
        assert isinstance(moved, Denoiser)
        with torch.no_grad():
            moved(example.domain.zeros(1))
        tuple(moved.claims())
    except InvkitError as error:  # it was certified for its parameters, and says so
        raise Skip(f"it refuses to work with other parameters ({error})") from error
    return moved


def _moved_claims_at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
    evaluate = averagedness_ratio_at if "alpha" in found else lipschitz_ratio_at
    return evaluate(_moved(example, context), **found)


FIRST_CALL_CHECK = Check(
    name="first-call",
    kinds=("operator", "regulariser", "denoiser"),
    measure=_first_call,
    at=_first_call_at,
    summary="What a fresh copy gives does not depend on what it was called with first.",
)

MOVED_CLAIMS_CHECK = Check(
    name="moved-claims",
    kinds=("denoiser",),
    needs=nn.Module,
    measure=_moved_claims,
    at=_moved_claims_at,
    summary="What it claims after its parameters were moved holds then: no certificate is stale.",
)
