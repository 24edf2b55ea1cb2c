"""Which groups leave a functional alone, and which a map commutes with, as they claim."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor

from ..derivations.symmetry import Moved
from ..errors import ConfigError, InvkitError, ShapeError
from ..functionals.base import Functional
from ..measures import Measurement
from ..measures.equivariance import equivariance_error, equivariance_error_at, off_grid_error
from ..measures.invariance import invariance_error, invariance_error_at
from ..measures.measurement import tolerance
from ..models.base import Reconstructor
from ..models.denoiser import Denoiser
from ..operators.base import LinearOperator, Operator
from ..operators.space import Space
from ..operators.symmetry.groups import group
from .cases import Example
from .check import Check, Context, Skip
from .maps import at_level, levels_of

#: Beside the images of the example: squares with an even and an odd number of pixels, and none.
_SHAPES = ((4, 4), (5, 5), (4, 5))
#: Images on which a rotation by any angle is worth measuring.
_LARGE = (32, 32)


def _invariant(example: Example, context: Context) -> Measurement:
    def measure(space: Space, name: str) -> Measurement:
        return invariance_error(example.subject, space, name, generator=context.generator())

    return _worst_of(example, context, "invariant", measure)


def _invariant_at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
    return invariance_error_at(example.subject, found["x"], found["group"], found["element"])


def _equivariant(example: Example, context: Context) -> Measurement:
    _, space, bound = _map_of(example, None)
    gain = _gain(example)
    levels = levels_of(example) if isinstance(example.subject, Denoiser) else (None,)

    def measure(space: Space, name: str) -> Measurement:
        if isinstance(example.subject, Reconstructor):
            _require_same_motion(example, name)
        found = []
        for level in levels:
            call, _, _ = _map_of(example, level)
            one = equivariance_error(call, space, name, generator=context.generator(), gain=gain, bound=bound)
            if level is not None and one.counterexample:
                one = dataclasses.replace(one, counterexample={**one.counterexample, "level": level})
            found.append(one)
        worst = max(found, key=lambda one: math.inf if math.isnan(one.value) else one.value)
        return dataclasses.replace(worst, trials=sum(one.trials for one in found))

    found = _worst_of(dataclasses.replace(example, space=space), context, "equivariant", measure)
    off_grid = _off_grid(example, context)
    return dataclasses.replace(found, where=f"{found.where}{off_grid}") if off_grid else found


def _off_grid(example: Example, context: Context) -> str:
    """A number to report of a denoiser that turns with square images: how far it is from turning by other angles."""
    groups = set(_groups(example, context, "equivariant"))
    space = dataclasses.replace(example.domain, shape=(example.domain.shape[0], *_LARGE))
    if not isinstance(example.subject, Denoiser) or not groups & {"C4", "D4"} or not _takes(example.subject, space):
        return ""
    error = off_grid_error(example.subject, space, generator=context.generator()).value
    return f"; off the grid, rotations of {_LARGE[0]} x {_LARGE[1]} pixels: {error:.2g}"


def _equivariant_at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
    call, _, _ = _map_of(example, found.get("level"))
    return equivariance_error_at(call, found["x"], found["group"], found["element"], found["gain"])


def _map_of(example: Example, level: float | None) -> tuple[Callable[[Tensor], Tensor], Space, float | None]:
    """The map, of a denoiser at that level, the space of its argument, and the error that is allowed; None is that of
    rounding.
    """
    subject = example.subject
    if isinstance(subject, Reconstructor):
        assert example.operator is not None
        space = example.operator.codomain
        return functools.partial(_reconstruct, subject, example.operator), space, max(
            example.accuracy, tolerance(space.dtype)
        )  # fmt: skip
    if isinstance(subject, Denoiser):
        return functools.partial(at_level, subject, level), example.domain, None
    return subject, example.domain, None


def _reconstruct(model: Reconstructor, operator: LinearOperator, y: Tensor) -> Tensor:
    return model(y, operator)


def _gain(example: Example) -> float:
    subject = example.subject
    if isinstance(subject, LinearOperator):
        return subject.norm().upper
    return 0.0 if isinstance(subject, Operator | Reconstructor) else 1.0  # a denoiser returns an image like its own


def _require_same_motion(example: Example, name: str) -> None:
    """What a model claims is about measurements that move as images do."""
    operator = example.operator
    assert operator is not None
    motion = Moved(name, 1, len(operator.domain.shape) - 1)
    if operator.carried(motion) != motion:
        raise Skip(f"{type(operator).__name__} is not known to move measurements by {name} as the images")


def _worst_of(
    example: Example, context: Context, about: str, measure: Callable[[Space, str], Measurement]
) -> Measurement:
    """The worst over the groups that are claimed and the images on which they act."""
    names = _groups(example, context, about)
    if not names:
        raise Skip(f"the instance does not claim to be {about}")
    found, unknown, idle = [], [], []
    for name in names:
        try:
            group(name)
        except ConfigError:
            unknown.append(name)
            continue
        here = [measure(space, name) for space in _spaces(example) if _acts_on(name, space)]
        found += here
        idle += [] if here else [name]
    if not found:
        reasons = [f"no element is known of {', '.join(unknown)}"] if unknown else []
        reasons += [f"{', '.join(idle)} does not act"] if idle else []
        raise Skip("; ".join(reasons) + (f" on images of {example.domain.shape}" if idle else ""))
    worst = max(found, key=lambda one: math.inf if math.isnan(one.value) else one.value / one.bound)
    return dataclasses.replace(worst, trials=sum(one.trials for one in found))


def _groups(example: Example, context: Context, about: str) -> tuple[str, ...]:
    """The group of the claim that is asked about, else all that the object claims."""
    claims = example.subject.claims() if context.claim is None else (context.claim,)
    return tuple(dict.fromkeys(claim.params["group"] for claim in claims if claim.property == about))


def _spaces(example: Example) -> Iterator[Space]:
    """The images of the example, and others where the object takes them."""
    subject, space = example.subject, example.domain
    yield space
    if isinstance(subject, Operator | Reconstructor) or getattr(subject, "domain", None) is not None:
        return
    for shape in _SHAPES:
        other = dataclasses.replace(space, shape=(space.shape[0], *shape))
        if other != space and _takes(subject, other):
            yield other


def _takes(subject: Any, space: Space) -> bool:
    try:
        subject.value(space.zeros()) if isinstance(subject, Functional) else subject(space.zeros())
    except InvkitError:
        return False
    return True


def _acts_on(name: str, space: Space) -> bool:
    try:
        group(name).order(space.shape[1:])
    except ShapeError:
        return False
    return name != "U1" or space.is_complex


SYMMETRY_CHECKS: tuple[Check, ...] = (
    Check(
        name="invariance",
        kinds=("regulariser",),
        concerns="invariant",
        measure=_invariant,
        at=_invariant_at,
        summary="f(g x) = f(x) for the groups it claims, on square and other images of even and odd size.",
    ),
    Check(
        name="equivariance",
        kinds=("operator", "denoiser", "model"),
        concerns="equivariant",
        measure=_equivariant,
        at=_equivariant_at,
        summary="F(g x) = g F(x) for the groups it claims, on square and other images of even and odd size.",
    ),
)
