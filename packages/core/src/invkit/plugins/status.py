"""What became of each plugin: one ``Status`` per entry point, one ``Entry`` per object that it announced."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from ..spec import Spec


class State(enum.StrEnum):
    """The outcome of discovering one plugin."""

    OK = "ok"
    UNAVAILABLE = "unavailable"  #: it loads, but every object it has needs a module that is not installed
    DISABLED = "disabled"  #: switched off by the user; not even imported
    DUPLICATE = "duplicate"  #: its name, or a name inside it, is taken
    INCOMPATIBLE = "incompatible"  #: written for another version of the interfaces
    FAILED = "failed"  #: it raised, exited, or returned something that is no list of Specs

    @property
    def is_healthy(self) -> bool:
        return self in (State.OK, State.UNAVAILABLE, State.DISABLED)


@dataclass(frozen=True)
class Entry:
    """One registered object: who provides it, its kind, and its Spec."""

    provider: str
    kind: str
    spec: Spec
    distribution: str = ""
    version: str = ""

    @property
    def id(self) -> str:
        return f"{self.provider}/{self.spec.name}"

    @property
    def origin(self) -> str:
        """The distribution and its version, for messages."""
        return " ".join(part for part in (self.distribution or self.provider, self.version) if part)


@dataclass(frozen=True, kw_only=True)
class Status:
    """The row of one plugin in ``invkit plugins list``.

    name: the entry-point name.   state: the outcome.   reason: one line, empty when all is well.
    target: the entry-point value.   api: the ``CORE_API`` it states.   entries: its objects, none unless it is healthy.
    notes: remarks that do not make it unhealthy, such as a slow import.
    """

    name: str
    state: State = State.OK
    reason: str = ""
    distribution: str = ""
    version: str = ""
    target: str = ""
    api: tuple[int, int] | None = None
    entries: tuple[Entry, ...] = ()
    notes: tuple[str, ...] = ()
