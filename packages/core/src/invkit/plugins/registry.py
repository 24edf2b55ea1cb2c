"""The registry: every object that the healthy plugins announce, found by id, by bare name or by role."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint
from typing import Any

from ..errors import ConfigError, UnknownNameError
from ..spec import KINDS
from .discovery import discover
from .loading import load, missing_modules
from .official import official_plugin
from .policy import Policy
from .roles import pick
from .status import Entry, Status


class Registry:
    """What is installed. Built once, then read only.

    entry_points: use these instead of the installed ones; the built-in plugin is always there.
    plugins: False leaves out everything but the built-in plugin.
    environ: where INVKIT_PLUGINS, INVKIT_DISABLE_PLUGINS and INVKIT_STRICT_PLUGINS are read from.

    Raises: PluginError if INVKIT_STRICT_PLUGINS=1 and a plugin is unhealthy; ConfigError if a variable is malformed.
    """

    def __init__(
        self,
        entry_points: Iterable[EntryPoint] | None = None,
        *,
        plugins: bool = True,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        policy = Policy.from_environment(os.environ if environ is None else environ)
        self._statuses = discover(entry_points, policy if plugins else policy.without_plugins())
        self._entries = tuple(entry for status in self._statuses for entry in status.entries)

    @property
    def statuses(self) -> tuple[Status, ...]:
        """One row per plugin, the built-in one first."""
        return self._statuses

    @property
    def unhealthy(self) -> tuple[Status, ...]:
        """The plugins that are enabled and cannot be used."""
        return tuple(status for status in self._statuses if not status.state.is_healthy)

    def entries(self, kind: str | None = None, *, provider: str | None = None) -> tuple[Entry, ...]:
        """The registered objects of one kind, of one plugin, or all, in the order of discovery."""
        wanted = None if kind is None else singular(kind)
        return tuple(
            entry
            for entry in self._entries
            if (wanted is None or entry.kind == wanted) and (provider is None or entry.provider == provider.casefold())
        )

    def find(self, kind: str, ref: str, *, device: object = None) -> Entry:
        """The object that ``ref`` means: exactly that for an id, else the only one of that name, else a role's best.

        A role is resolved by device, then by priority, and the log says what was picked.

        Raises: UnknownNameError with near names and the package that has it; ConfigError if a bare name is ambiguous;
        MissingDependencyError if the objects of that role need a device or a module that is not there.
        """
        kind, wanted = singular(kind), _folded(kind, ref)
        candidates = self.entries(kind)
        if "/" in wanted:
            exact = [entry for entry in candidates if entry.id == wanted]
            if not exact:
                raise self._unknown(kind, wanted)
            return exact[0]
        named = [entry for entry in candidates if entry.spec.name == wanted]
        if len(named) == 1:
            return named[0]
        in_role = [entry for entry in candidates if entry.spec.role == wanted]
        if in_role:
            return pick(wanted, in_role, device)
        if named:
            raise ConfigError(
                f"{kind}: name {wanted!r} has {len(named)} meanings, expected one. "
                f"Write {' or '.join(entry.id for entry in named)}."
            )
        raise self._unknown(kind, wanted)

    def find_all(self, ref: str) -> tuple[Entry, ...]:
        """Every object of any kind with this id, bare name or role. Raises: UnknownNameError if there is none."""
        wanted = _folded("object", ref)
        found = tuple(entry for entry in self._entries if wanted in (entry.id, entry.spec.name, entry.spec.role))
        if not found:
            raise self._unknown(None, wanted)
        return found

    def missing(self, entry: Entry) -> tuple[str, ...]:
        """The modules that the object requires and that are not installed."""
        return missing_modules(entry)

    def load(self, entry: Entry) -> Any:
        """The target itself. Raises: MissingDependencyError, PluginError."""
        return load(entry)

    def load_example(self, entry: Entry) -> Any:
        """The callable ``(device, dtype)`` that makes a tiny instance. Raises: MissingDependencyError, PluginError."""
        return load(entry, "example")

    def _unknown(self, kind: str | None, wanted: str) -> UnknownNameError:
        return UnknownNameError(
            f"{kind or 'object'}: name is {wanted!r}, expected a registered one. {self._way_out(kind, wanted)}"
        )

    def _way_out(self, kind: str | None, wanted: str) -> str:
        elsewhere = [entry for entry in self._entries if wanted in (entry.id, entry.spec.name)]
        if elsewhere:
            return f"{elsewhere[0].id} is a {elsewhere[0].kind}."
        provider = official_plugin(wanted) or wanted.rpartition("/")[0]
        for status in self._statuses:
            if status.name == provider and status.reason and not status.entries:
                return f"The plugin {provider} is {status.state}: {status.reason}"
        if official_plugin(wanted) and provider not in {status.name for status in self._statuses}:
            return f"Run: pip install invkit-{provider}"
        near = _near(wanted, self.entries(kind))
        if near:
            return f"Did you mean {' or '.join(near)}?"
        return f"Run 'invkit list{f' {kind}' if kind else ''}' to see them."


def singular(kind: str) -> str:
    """``"operators"`` and ``"Operator"`` are both ``"operator"``. Raises: ConfigError if it is no kind."""
    folded = kind.strip().casefold()
    for known in KINDS:
        if folded in (known, known + "s"):
            return known
    near = difflib.get_close_matches(folded, KINDS, n=2)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"Choose one of {', '.join(KINDS)}."
    raise ConfigError(f"Registry: kind is {kind!r}, expected a known one. {hint}")


def _folded(kind: str, ref: object) -> str:
    if not isinstance(ref, str) or not ref.strip():
        raise ConfigError(f"{kind}: name is {ref!r}, expected an id such as 'core/identity'. Name one.")
    return ref.strip().casefold()


def _near(wanted: str, entries: Iterable[Entry]) -> list[str]:
    """Ids and roles that look like ``wanted``, whichever half of an id the slip is in."""
    meanings: dict[str, str] = {}
    for entry in entries:
        meanings.setdefault(entry.spec.name, entry.id)
    for entry in entries:
        if entry.spec.role:
            meanings.setdefault(entry.spec.role, entry.spec.role)
    near = difflib.get_close_matches(wanted.rpartition("/")[2], meanings, n=3)
    return list(dict.fromkeys(meanings[name] for name in near))
