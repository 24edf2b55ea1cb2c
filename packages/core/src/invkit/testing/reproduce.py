"""A saved counterexample evaluated again: that very one, not a new search."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from ..claims import Claim
from ..errors import ConfigError, UnknownNameError
from ..plugins import Registry, get_registry
from ..plugins.device import resolve_device, resolve_dtype
from .cases import Example, as_examples, kind_of
from .check import Check, Context
from .declared import compare_declared
from .registered import registered_checks
from .saved import Counterexample, load, versions


@dataclass(frozen=True, eq=False, kw_only=True)
class Reproduction:
    """What a counterexample says of the object as it is now.

    value: the number now.   bound: the largest that a true claim allows, as it was when the file was written.
    how: what was evaluated.   claimed: what the object claims today of that property; "" if it does not claim it any
    more, which nothing can refute; None if the check is about no claim.
    changed: the versions that differ from those of the file, as ``name: then -> now``.
    """

    counterexample: Counterexample
    value: float
    how: str
    changed: Mapping[str, str]
    claimed: str | None = None

    @property
    def bound(self) -> float:
        return self.counterexample.bound

    @property
    def refutes(self) -> bool:
        """Whether it still refutes what the object claims today; not-a-number does, a dropped claim cannot be."""
        return self.claimed != "" and not self.value <= self.bound

    def __str__(self) -> str:
        saved = self.counterexample
        verdict = "still refuted" if self.refutes else "no longer refuted"
        example = f" (example {saved.example})" if saved.example else ""
        lines = [
            f"{saved.subject}{example}, {saved.dtype}: check {saved.check} is {verdict} by this counterexample.",
            f"  value {self.value:.9g}, allowed {self.bound:.9g}; when it was saved {saved.value:.9g}",
            f"  where: {saved.where}" if saved.where else "",
            f"  evaluated: {self.how}",
            f"  the object claims today: {self.claimed}" if self.claimed else "",
            f"  the object does not claim to be {saved.property} any more" if self.claimed == "" else "",
            *(f"  {name}: {change}" for name, change in self.changed.items()),
        ]
        return "\n".join(line for line in lines if line)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        saved = self.counterexample
        return {
            "subject": saved.subject,
            "example": saved.example,
            "check": saved.check,
            "property": saved.property,
            "dtype": saved.dtype,
            "device": saved.device,
            "seed": saved.seed,
            "value": self.value if math.isfinite(self.value) else str(self.value),
            "bound": self.bound if math.isfinite(self.bound) else str(self.bound),
            "saved_value": saved.value if math.isfinite(saved.value) else str(saved.value),
            "where": saved.where,
            "how": self.how,
            "refuted": self.refutes,
            "claimed": self.claimed,
            "changed_versions": dict(self.changed),
        }


def reproduce(path: str | Path, subject: Any = None, *, registry: Registry | None = None) -> Reproduction:
    """Evaluate a saved counterexample on the object again.

    path: the .json file.   subject: the object, or ``Example``, where it is not a registered one; None finds that by
        the id in the file, and makes its example as ``invkit check`` does.

    Raises: DataError if the file is broken or no counterexample; ConfigError if the object or the check is not known
    here, or the counterexample does not fit the object any more.
    """
    registry = registry or get_registry()
    saved = load(Path(path))
    context = Context(resolve_device(saved.device or "cpu"), resolve_dtype(saved.dtype), saved.seed)
    if saved.check == "declared":
        return _declared(saved, registry, context)
    example = _example(saved, subject, registry, context)
    check = _check(saved, example, registry)
    settings: dict[str, Any] = {"counterexample": saved, "changed": _changed(saved)}
    if saved.claim is None or check.always:
        value, how = _evaluate(saved, check, example, context)
        return Reproduction(value=value, how=how, **settings)
    today = _today(saved, example)
    if not today:
        return Reproduction(value=saved.value, how="nothing", claimed="", **settings)
    # A claim that was repaired is another: its own parameters stand in the place of those that were saved.
    found = [(*_evaluate(saved, check, example, replace(context, claim=claim)), str(claim)) for claim in today]
    value, how, claimed = max(found, key=lambda one: math.inf if math.isnan(one[0]) else one[0])
    return Reproduction(value=value, how=how, claimed=claimed, **settings)


def _today(saved: Counterexample, example: Example) -> list[Claim]:
    """The claim that was refuted if the object still makes it, else all of that property, and of the same group."""
    then = saved.claim or {}
    words = {name: word for name, word in then.items() if isinstance(word, str)}
    claims = [claim for claim in example.subject.claims() if claim.property == saved.property]
    claims = [claim for claim in claims if words.items() <= claim.params.items()]
    return [claim for claim in claims if dict(claim.params) == then] or claims


def _evaluate(saved: Counterexample, check: Check, example: Example, context: Context) -> tuple[float, str]:
    try:
        if check.at is None or not saved.data:
            value = check.measure(example, context).value
            return value, f"the whole check with seed {saved.seed}: it has no way to look at one point"
        data = {name: _placed(datum, context) for name, datum in saved.data.items()}
        if context.claim is not None:
            data |= {name: value for name, value in context.claim.params.items() if name in data}
        return float(check.at(example, context, data)), f"the check at the saved {', '.join(data)}"
    except Exception as error:  # another object may raise anything at tensors that were not made for it
        raise ConfigError(
            f"{saved.subject}: the counterexample of check {saved.check} does not fit it any more "
            f"({type(error).__name__}: {' '.join(str(error).split())}), expected the object that it was found for. "
            "Check the object again."
        ) from error


def _placed(datum: Any, context: Context) -> Any:
    return datum.to(context.device) if isinstance(datum, Tensor) and datum.ndim else datum


def _example(saved: Counterexample, subject: Any, registry: Registry, context: Context) -> Example:
    if subject is not None:
        several = as_examples(subject)
    else:
        try:
            (entry,) = [entry for entry in registry.find_all(saved.subject) if entry.id == saved.subject]
        except (UnknownNameError, ValueError) as error:
            raise ConfigError(
                f"{saved.subject}: no object of that id is registered here, expected the one that was refuted. "
                "Install its plugin, or pass the object: invkit.testing.reproduce(path, subject)."
            ) from error
        several = as_examples(registry.load_example(entry)(context.device, context.dtype))
    bare = subject is not None and not isinstance(subject, Example) and len(several) == 1
    found = [one for one in several if one.name == saved.example or bare]
    if not found:
        raise ConfigError(
            f"{saved.subject}: its examples are {', '.join(repr(one.name) for one in several)}, expected "
            f"{saved.example!r} among them. Check the object again."
        )
    return found[0]


def _check(saved: Counterexample, example: Example, registry: Registry) -> Check:
    kind = kind_of(example.subject)
    for check in registered_checks(registry):
        if saved.check in (check.id, check.name) and kind in check.kinds:
            return check
    raise ConfigError(
        f"{saved.subject}: there is no check {saved.check!r} of {kind}s here, expected the one that refuted it. "
        "Install the plugin that brings it."
    )


def _declared(saved: Counterexample, registry: Registry, context: Context) -> Reproduction:
    """What a Spec declares against what the instance claims: there are no tensors to look at."""
    example = _example(saved, None, registry, context)
    (entry,) = [entry for entry in registry.find_all(saved.subject) if entry.id == saved.subject]
    stated = tuple(example.subject.claims())
    results = [
        compare_declared(claim, stated, saved.subject, context)
        for claim in entry.spec.claims
        if claim.property == saved.property
    ]
    value = float(any(result.is_bad for result in results))
    return Reproduction(
        counterexample=replace(saved, value=1.0, bound=0.0),
        value=value,
        how="what the Spec declares against what the instance claims",
        changed=_changed(saved),
    )


def _changed(saved: Counterexample) -> dict[str, str]:
    now = versions(saved.subject)
    names = [name for name in (*saved.versions, *now) if saved.versions.get(name) != now.get(name)]
    return {name: f"{saved.versions.get(name, 'none')} -> {now.get(name, 'none')}" for name in dict.fromkeys(names)}
