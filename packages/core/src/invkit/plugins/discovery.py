"""Find the installed plugins and query each alone: whatever one of them does becomes its row and nothing else.

Entry points execute the code of installed packages, nothing is fetched or installed. A plugin may raise anything, try
to exit, or return nonsense; only KeyboardInterrupt, which is the user's, passes through.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint, distributions, entry_points

import pluggy

from ..errors import PluginError
from ..spec import HOOKS
from . import hookspecs
from .handshake import Rejected, check_api, check_hook_names, check_plugin_name, check_specs
from .loading import missing_modules
from .policy import BUILTIN, Policy
from .status import Entry, State, Status

logger = logging.getLogger("invkit")

GROUP = "invkit"
_BUILTIN_TARGET = "invkit._plugin"
#: Importing one of these during discovery makes every command slow; the doctor says so.
_HEAVY = ("torch", "astra", "e2cnn", "matplotlib", "skimage")
_REASON_LENGTH = 240


def discover(points: Iterable[EntryPoint] | None, policy: Policy) -> tuple[Status, ...]:
    """One status per plugin, the built-in one first, then by name.

    points: the entry points to use instead of the installed ones.

    Raises: PluginError if the policy is strict and a plugin is unhealthy.
    """
    found = list(installed_entry_points() if points is None else points)
    known = frozenset(point.name.casefold() for point in found)
    for name in policy.unknown_names(known):
        logger.warning(
            "INVKIT_PLUGINS, INVKIT_DISABLE_PLUGINS: no plugin is called %r. Run 'invkit plugins list'.", name
        )

    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    statuses: list[Status] = []
    for point in _ordered(found):
        status = _query(point, manager, policy, {status.name: status for status in statuses})
        if policy.strict and not status.state.is_healthy:
            raise PluginError(
                f"Plugin {status.name}: state is {status.state}, expected ok (INVKIT_STRICT_PLUGINS). {status.reason}"
            )
        statuses.append(status)
    return tuple(statuses)


def installed_entry_points() -> list[EntryPoint]:
    """The entry points of the group in this environment; a distribution with unreadable metadata is passed over."""
    try:
        return list(entry_points(group=GROUP))
    except Exception:
        # One malformed entry_points.txt anywhere breaks the joint call, so read each distribution alone.
        found: list[EntryPoint] = []
        for distribution in distributions():
            try:
                found.extend(distribution.entry_points.select(group=GROUP))
            except Exception as error:
                logger.warning("A distribution's entry points cannot be read: %s", describe(error))
        return found


def _ordered(points: list[EntryPoint]) -> list[EntryPoint]:
    """Built-in first; of two plugins with one name, the distribution called ``invkit-<name>`` first."""
    builtin = [point for point in points if point.name == BUILTIN and point.value == _BUILTIN_TARGET][:1]
    others = [point for point in points if point not in builtin]
    if not builtin:  # run from a source tree that is not installed
        builtin = [EntryPoint(name=BUILTIN, value=_BUILTIN_TARGET, group=GROUP)]

    def order(point: EntryPoint) -> tuple[str, bool, str, str]:
        distribution = _origin(point)[0]
        return (point.name.casefold(), distribution != f"invkit-{point.name}", distribution, point.value)

    return builtin + sorted(others, key=order)


def _query(point: EntryPoint, manager: pluggy.PluginManager, policy: Policy, taken: dict[str, Status]) -> Status:
    name = point.name.casefold()
    distribution, version = _origin(point)
    status = Status(name=name, distribution=distribution, version=version, target=point.value)
    if reason := policy.reason_to_disable(name):
        return replace(status, state=State.DISABLED, reason=reason)
    if name in taken:
        holder = taken[name]
        reason = (
            f"the name {name!r} is taken by {holder.distribution or holder.target}. Uninstall or rename one of the two."
        )
        return replace(status, state=State.DUPLICATE, reason=reason)
    light = {module for module in _HEAVY if module not in sys.modules}
    try:
        # Standard output is data, so what a plugin prints while it is imported goes to standard error.
        with contextlib.redirect_stdout(sys.stderr):
            status = _load(point, manager, status)
    except Rejected as rejection:
        if manager.has_plugin(name):
            manager.unregister(name=name)
        return replace(status, state=rejection.state, reason=rejection.reason)
    heavy = tuple(sorted(module for module in light if module in sys.modules))
    notes = (f"imports {', '.join(heavy)} while it is discovered, which slows down every command",) if heavy else ()
    return replace(status, notes=notes)


def _load(point: EntryPoint, manager: pluggy.PluginManager, status: Status) -> Status:
    check_plugin_name(status.name)
    with _stage(f"import {point.value}"):
        plugin = point.load()
    with _stage("hooks"):
        api = check_api(plugin, status.distribution)
        check_hook_names(plugin)
        for other, holder in manager.list_name_plugin():
            if holder is plugin:
                raise Rejected(
                    State.DUPLICATE, f"it is the same module as the plugin {other!r}. Uninstall one of the two."
                )
        manager.register(plugin, name=status.name)
        manager.check_pending()
    others = [holder for other, holder in manager.list_name_plugin() if other != status.name]
    entries: list[Entry] = []
    for kind, hook in HOOKS.items():
        with _stage(hook):
            for result in manager.subset_hook_caller(hook, others)():
                specs = check_specs(hook, result)
                entries += [Entry(status.name, kind, spec, status.distribution, status.version) for spec in specs]
    missing = sorted({module for entry in entries for module in missing_modules(entry)})
    if entries and all(missing_modules(entry) for entry in entries):
        reason = f"needs {', '.join(missing)}, not installed"
        return replace(status, state=State.UNAVAILABLE, reason=reason, api=api, entries=tuple(entries))
    return replace(status, api=api, entries=tuple(entries))


@contextlib.contextmanager
def _stage(what: str) -> Iterator[None]:
    """Turn whatever a plugin raises into its rejection. SystemExit too: a plugin does not end the program."""
    try:
        yield
    except (KeyboardInterrupt, Rejected):
        raise
    except BaseException as error:
        raise Rejected(State.FAILED, f"{what}: {describe(error)}") from error


def describe(error: BaseException) -> str:
    """One line for any exception, even one that cannot be printed."""
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = "(its message cannot be printed)"
    line = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return line if len(line) <= _REASON_LENGTH else line[: _REASON_LENGTH - 1] + "…"


def _origin(point: EntryPoint) -> tuple[str, str]:
    """Name and version of the distribution, empty where its metadata do not say."""
    try:
        return (point.dist.name or "", point.dist.version or "") if point.dist is not None else ("", "")
    except Exception:
        return ("", "")
