"""The whole suite of a plugin as pytest items, from one line in its tests.

# tests/test_conformance.py
from invkit.testing import parametrize_with_checks

test_conformance = parametrize_with_checks(plugin="motion")
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from ..errors import ConfigError, MissingDependencyError, PluginError
from ..plugins import Entry, Registry, get_registry
from .check import CheckResult, Outcome
from .items import Item, find_status, items_of, items_of_plugin


def parametrize_with_checks(
    refs: str | Sequence[str] = (),
    *,
    plugin: str = "",
    expected_failures: Mapping[str, str] | None = None,
    strict: bool = True,
    device: str | torch.device | None = None,
    seed: int = 0,
    registry: Registry | None = None,
) -> Callable[[Item], None]:
    """A test function for pytest: one item for each object, check and dtype, called ``plugin/object::check-dtype``.

    plugin: everything that it announces, and its manifest.   refs: or only these objects, by id, name or role.
    expected_failures: ``{"plugin/object::check": "reason"}``, with or without ``-dtype`` at the end.
    strict: an expected failure that passes, or is skipped, is a failure, so that the list does not outlive its reasons.

    Raises: ConfigError if an expected failure has no reason or names nothing, or neither a plugin nor an object is
    named, or both; UnknownNameError; PluginError if the plugin cannot be used; MissingDependencyError without pytest.
    """
    try:
        import pytest
    except ImportError as error:
        raise MissingDependencyError(
            "parametrize_with_checks: module pytest is not installed, expected it to be. "
            "Run: pip install 'invkit[testing]'"
        ) from error
    registry = registry or get_registry()
    items = _items(registry, (refs,) if isinstance(refs, str) else tuple(refs), plugin, device, seed)
    reasons = _reasons(items, dict(expected_failures or {}))

    def marks(item: Item) -> tuple[Any, ...]:
        reason = reasons.get(item.id) or reasons.get(item.name)
        # Only a result that is bad is expected: an error of the kit itself is none of the author's reasons.
        return (pytest.mark.xfail(reason=reason, strict=strict, raises=pytest.fail.Exception),) if reason else ()

    @pytest.mark.parametrize("item", [pytest.param(item, id=item.id, marks=marks(item)) for item in items])
    def test_conformance(item: Item) -> None:
        result = item.run()
        if strict and result.outcome is Outcome.SKIPPED and (item.id in reasons or item.name in reasons):
            raise ConfigError(  # no pytest failure, which is what is expected
                f"parametrize_with_checks: the expected failure {item.id!r} was skipped ({result.reason}), expected it "
                "to fail. Remove it from expected_failures, or name the dtype or example in which it fails."
            )
        if result.outcome is Outcome.SKIPPED or result.blames_check:  # another plugin's crash is no failure of this one
            pytest.skip(result.reason or "does not apply")
        if result.is_bad:
            pytest.fail(_said(item, result), pytrace=False)

    return test_conformance


def _items(
    registry: Registry, refs: tuple[str, ...], plugin: str, device: str | torch.device | None, seed: int
) -> list[Item]:
    if bool(refs) == bool(plugin):
        raise ConfigError(
            f"parametrize_with_checks: plugin is {plugin!r} and refs is {refs!r}, expected one of the two. "
            "Name a plugin, or objects of it."
        )
    if not plugin:
        entries: dict[str, Entry] = {entry.id: entry for ref in refs for entry in registry.find_all(ref)}
        return items_of(registry, tuple(entries.values()), device=device, seed=seed)
    status = find_status(registry, plugin)
    if not status.state.is_healthy:
        raise PluginError(f"plugin {status.name}: state is {status.state}, expected ok. {status.reason}")
    return items_of_plugin(registry, plugin, device=device, seed=seed)


def _reasons(items: list[Item], reasons: dict[str, str]) -> dict[str, str]:
    """The expected failures, each of which has a reason and names an item."""
    names = {name for item in items for name in (item.id, item.name)}
    for name, reason in reasons.items():
        if name not in names:
            near = difflib.get_close_matches(str(name), names, n=3)
            hint = f"Did you mean {' or '.join(near)}?" if near else "Remove it."
            raise ConfigError(
                f"parametrize_with_checks: expected failure is {name!r}, expected the name of a check that is asked, "
                f"'plugin/object::check'. {hint}"
            )
        if not isinstance(reason, str) or len(re.findall(r"[^\W\d_]+", reason)) < 2:
            raise ConfigError(
                f"parametrize_with_checks: reason of the expected failure {name!r} is {reason!r}, expected a sentence. "
                "Say why it fails and when that will end."
            )
    return reasons


def _said(item: Item, result: CheckResult) -> str:
    found = result.measurement
    numbers = "" if found is None else f" {found.value:.3g} against {found.bound:.3g} in {found.trials} trials."
    return f"{item.id}: {result.outcome.value}.{numbers} {result.reason}".rstrip()
