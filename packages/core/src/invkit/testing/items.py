"""The suite of a plugin, item by item: one question about one object in one dtype, asked when it is run."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from ..claims import Claim
from ..errors import ConfigError, MissingDependencyError, UnknownNameError
from ..plugins import Entry, Registry, State, Status
from ..plugins.device import resolve_device, resolve_dtype
from ..plugins.discovery import describe
from .cases import Example, kind_of
from .check import Check, CheckResult, Context, Outcome
from .declared import compare_declared
from .manifest import announces, ask, examples_of, light_import, questions_for
from .registered import registered_checks
from .suite import CHECKED_KINDS


@dataclass(frozen=True, eq=False, kw_only=True)
class Item:
    """One question.

    subject: the id of an object, or a plugin.   dtype: empty where it makes no difference.
    example, claim: which of several examples of the object, and of several claims of the property; empty for the only
        one.
    """

    subject: str
    check: str
    run: Callable[[], CheckResult]
    dtype: str = ""
    example: str = ""
    claim: str = ""

    @property
    def name(self) -> str:
        """``plugin/object::check``, under which all examples and dtypes of a check are expected to fail together."""
        return f"{self.subject}::{self.check}"

    @property
    def id(self) -> str:
        """``plugin/object::check-float32``: the name with the example and the claim, if there are several."""
        return "-".join(filter(None, (self.name, self.example, self.claim, self.dtype)))


def find_status(registry: Registry, plugin: str) -> Status:
    """The row of that plugin, whatever its state. Raises: UnknownNameError with near names."""
    rows = {status.name: status for status in registry.statuses}
    wanted = plugin.strip().casefold()
    if wanted not in rows:
        near = difflib.get_close_matches(wanted, rows, n=2)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"Installed: {', '.join(rows)}."
        raise UnknownNameError(f"plugin: name is {plugin!r}, expected an installed one. {hint}")
    return rows[wanted]


def items_of_plugin(
    registry: Registry,
    plugin: str,
    *,
    device: str | torch.device | None = None,
    dtype: str | torch.dtype | None = None,
    seed: int = 0,
) -> list[Item]:
    """The whole suite of a plugin that can be used: its manifest, then every check of every object and dtype.

    Raises: UnknownNameError if it is not installed; ConfigError if it is switched off; MissingDependencyError if a
    module it needs is not installed.
    """
    status = find_status(registry, plugin)
    if status.state is State.DISABLED:
        raise ConfigError(f"plugin {status.name}: state is disabled, expected ok. It is {status.reason}: change that.")
    if status.state is State.UNAVAILABLE:
        raise MissingDependencyError(f"plugin {status.name}: it {status.reason}, expected that to be. Install it.")
    manifest = [
        Item(subject=status.name, check="announces", run=lambda: announces(status)),
        Item(subject=status.name, check="light-import", run=lambda: light_import(status)),
    ]
    return [*manifest, *items_of(registry, status.entries, device=device, dtype=dtype, seed=seed)]


def items_of(
    registry: Registry,
    entries: Sequence[Entry],
    *,
    device: str | torch.device | None = None,
    dtype: str | torch.dtype | None = None,
    seed: int = 0,
) -> list[Item]:
    """The questions about these objects. Examples are made to see which checks apply, and afresh for each check."""
    place = resolve_device("cpu" if device is None else device)
    wanted = None if dtype is None else resolve_dtype(dtype)
    checks = registered_checks(registry)
    found: list[Item] = []
    for entry in entries:
        dtypes = [resolve_dtype(name) for name in entry.spec.dtypes]
        here = [one for one in dtypes if wanted in (None, one)]
        context = Context(place, (here or dtypes or [torch.float32])[0], seed)
        found += _manifest_items(registry, entry, context)
        if entry.kind not in CHECKED_KINDS or not entry.spec.example or registry.missing(entry):
            continue
        if not here or place.type not in entry.spec.devices:
            works = f"it works on {', '.join(entry.spec.devices)} in {', '.join(entry.spec.dtypes)}"
            found.append(_fixed(entry, Outcome.SKIPPED, context, works))
            continue
        for one in here:
            found += _items_in(registry, entry, Context(place, one, seed), checks)
    return found


def _fixed(entry: Entry, outcome: Outcome, context: Context, reason: str) -> Item:
    """The item in the place of the checks where no example can be made."""
    row = _row(entry, "example", outcome, context, reason)
    return Item(subject=entry.id, check=row.check, dtype=row.dtype, run=lambda: row)


def _manifest_items(registry: Registry, entry: Entry, context: Context) -> Iterator[Item]:
    for name in questions_for(entry):
        yield Item(subject=entry.id, check=name, run=functools.partial(ask, name, registry, entry, context))


def _items_in(registry: Registry, entry: Entry, context: Context, checks: Sequence[Check]) -> Iterator[Item]:
    """The questions in one dtype; one alone, which fails, where no example can be made."""
    try:
        examples = examples_of(registry, entry, context)
        kinds = [kind_of(example.subject) for example in examples]
    except Exception as error:  # an author's example may raise anything
        outcome = Outcome.SKIPPED if isinstance(error, MissingDependencyError) else Outcome.FAILED
        yield _fixed(entry, outcome, context, describe(error))
        return
    text = str(context.dtype).removeprefix("torch.")
    for number, (example, kind) in enumerate(zip(examples, kinds, strict=True)):
        # An example of its own for each item, so that no check sees what another one did to it.
        fresh = functools.partial(_one_of, registry, entry, context, number)
        item = functools.partial(Item, subject=entry.id, dtype=text, example=example.name)
        yield item(check="claims", run=functools.partial(_claims, entry, context, fresh))
        claims = (*_stated(example.subject), *entry.spec.claims)
        for one in checks:
            if one.applies_to(example.subject, kind, claims):
                name = one.name if one.plugin == entry.provider else one.id
                for asked in one.contexts(context, _stated(example.subject)):
                    claim = "" if asked.claim is None else str(asked.claim)
                    yield item(check=name, claim=claim, run=functools.partial(_asked, entry, asked, one, fresh))


def _one_of(registry: Registry, entry: Entry, context: Context, number: int) -> Example:
    return examples_of(registry, entry, context)[number]


def _asked(entry: Entry, context: Context, check: Check, fresh: Callable[[], Example]) -> CheckResult:
    return check.run(fresh(), context, entry.id)


def _stated(subject: object) -> tuple[Claim, ...]:
    """What the instance claims; nothing if asking raises, which the item ``claims`` reports."""
    states = getattr(subject, "claims", None)
    try:
        return tuple(states()) if callable(states) else ()
    except Exception:
        return ()


def _claims(entry: Entry, context: Context, fresh: Callable[[], Example]) -> CheckResult:
    """Whether the instance states at least what its Spec declares."""
    states = getattr(fresh().subject, "claims", None)
    try:
        stated: tuple[Claim, ...] = tuple(states()) if callable(states) else entry.spec.claims
    except Exception as error:
        return _row(entry, "claims", Outcome.FAILED, context, describe(error))
    for declared in entry.spec.claims:
        result = compare_declared(declared, stated, entry.id, context)
        if result.is_bad:
            return _row(entry, "claims", Outcome.REFUTED, context, result.reason)
    return _row(entry, "claims", Outcome.NOT_REFUTED, context, "")


def _row(entry: Entry, check: str, outcome: Outcome, context: Context, reason: str) -> CheckResult:
    return CheckResult(
        check=check,
        subject=entry.id,
        outcome=outcome,
        dtype=str(context.dtype).removeprefix("torch."),
        device=str(context.device),
        reason=reason,
    )
