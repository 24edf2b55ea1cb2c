"""Does this plugin fit this core? Its API version, its hook names, and every Spec that it returns."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Iterable
from dataclasses import dataclass

from ..claims import Claim
from ..spec import CORE_API, HOOKS, Spec
from .status import State

_PLUGIN_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class Rejected(Exception):
    """The plugin is not used; ``state`` and ``reason`` become its row."""

    def __init__(self, state: State, reason: str) -> None:
        super().__init__(reason)
        self.state = state
        self.reason = reason


def check_plugin_name(name: str) -> None:
    """The name is the first half of every id, so it holds no slash, space or capital. Raises: Rejected."""
    if not _PLUGIN_NAME.fullmatch(name):
        raise Rejected(
            State.FAILED, f"name is {name!r}, expected words of a-z and 0-9 joined by hyphens. Rename the entry point."
        )


def check_api(plugin: object, distribution: str) -> tuple[int, int]:
    """The ``CORE_API`` that the plugin states. It fits if its major is ours and its minor not larger than ours.

    Raises: Rejected, saying which side is too old.
    """
    api = getattr(plugin, "CORE_API", None)
    if not (isinstance(api, tuple) and len(api) == 2 and all(type(part) is int for part in api)):
        raise Rejected(
            State.FAILED,
            f"CORE_API is {api!r}, expected (major, minor) such as {CORE_API}. State it in the plugin module.",
        )
    major, minor = api
    if (major, minor) > CORE_API:
        outdated = "invkit"
    elif major < CORE_API[0]:
        outdated = distribution or "version of the plugin"
    else:
        return (major, minor)
    raise Rejected(
        State.INCOMPATIBLE,
        f"CORE_API is {major}.{minor}, expected {CORE_API[0]}.0 to {CORE_API[0]}.{CORE_API[1]}. "
        f"Install a newer {outdated}.",
    )


def check_hook_names(plugin: object) -> None:
    """Every function called ``invkit_*`` is a known hook and carries the marker; pluggy would pass over it in silence.

    Raises: Rejected with near names.
    """
    known = tuple(HOOKS.values())
    for name in dir(plugin):
        if not name.startswith("invkit_"):
            continue
        # Static, because a property of a plugin object must not run here.
        value = inspect.getattr_static(plugin, name)
        function = value.__func__ if isinstance(value, staticmethod | classmethod) else value
        if not inspect.isroutine(function):
            continue
        if name not in known:
            near = difflib.get_close_matches(name, known, n=2)
            hint = f"Did you mean {' or '.join(near)}?" if near else f"Choose one of {', '.join(known)}."
            raise Rejected(State.FAILED, f"hook is {name!r}, expected a known one. {hint}")
        if not hasattr(function, "invkit_impl"):
            raise Rejected(State.FAILED, f"{name} has no marker, expected @hookimpl. Import it from invkit.plugins.")


@dataclass(frozen=True)
class _TupleOf:
    """A tuple whose items are all of one type."""

    item: type
    words: str

    def accepts(self, value: object) -> bool:
        # bool is an int to Python, and no dimension.
        return isinstance(value, tuple) and all(
            isinstance(part, self.item) and not isinstance(part, bool) for part in value
        )


_FIELDS = {
    "devices": _TupleOf(str, "a tuple of strings"),
    "dtypes": _TupleOf(str, "a tuple of strings"),
    "dims": _TupleOf(int, "a tuple of integers"),
    "claims": _TupleOf(Claim, "a tuple of Claims"),
    "requires": _TupleOf(str, "a tuple of strings"),
    "references": _TupleOf(str, "a tuple of strings"),
}


def check_specs(hook: str, result: object) -> tuple[Spec, ...]:
    """What one hook returned, as Specs with sound fields and distinct names.

    Raises: Rejected if it is no iterable of Specs, a field has the wrong type, or a name occurs twice.
    """
    if isinstance(result, str | bytes | Spec) or not isinstance(result, Iterable):
        raise Rejected(
            State.FAILED, f"{hook}: result is a {type(result).__name__}, expected a list of Specs. Return one."
        )
    specs: dict[str, Spec] = {}
    for spec in result:
        if not isinstance(spec, Spec):
            raise Rejected(
                State.FAILED, f"{hook}: item is a {type(spec).__name__}, expected a Spec. Return Specs only."
            )
        _check_fields(hook, spec)
        if spec.name in specs:
            raise Rejected(
                State.DUPLICATE,
                f"{hook}: name {spec.name!r} occurs twice, expected distinct names. Rename one of the two.",
            )
        specs[spec.name] = spec
    return tuple(specs.values())


def _check_fields(hook: str, spec: Spec) -> None:
    if not isinstance(spec.summary, str) or not spec.summary.strip():
        raise Rejected(
            State.FAILED, f"{hook}: summary of {spec.name} is {spec.summary!r}, expected one sentence. Write it."
        )
    if type(spec.priority) is not int:
        raise Rejected(
            State.FAILED, f"{hook}: priority of {spec.name} is {spec.priority!r}, expected an integer. Correct it."
        )
    for name, wanted in _FIELDS.items():
        value = getattr(spec, name)
        if not wanted.accepts(value):
            raise Rejected(
                State.FAILED, f"{hook}: {name} of {spec.name} is {value!r}, expected {wanted.words}. Correct it."
            )
