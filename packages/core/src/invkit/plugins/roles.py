"""Resolve a role: which of several implementations of one interface suits the device."""

from __future__ import annotations

import functools
import logging
from collections.abc import Sequence

from ..errors import MissingDependencyError
from .loading import missing_modules, pip_line
from .status import Entry

logger = logging.getLogger("invkit")


def pick(role: str, candidates: Sequence[Entry], device: object = None) -> Entry:
    """The implementation for the device (None: the CPU) with the largest priority; ids break a tie, so it is stable.

    Raises: MissingDependencyError if none works on that device, or those that do need a module that is not installed.
    """
    wanted = device_type(device)
    suitable = [entry for entry in candidates if wanted in entry.spec.devices]
    if not suitable:
        offers = "; ".join(f"{entry.id} works on {', '.join(entry.spec.devices)}" for entry in candidates)
        raise MissingDependencyError(
            f"{role}: device is {wanted!r}, expected one that an implementation supports. {offers}."
        )
    installed = [entry for entry in suitable if not missing_modules(entry)]
    if not installed:
        best = _best(suitable)
        missing = missing_modules(best)
        raise MissingDependencyError(
            f"{role}: {best.id} needs {', '.join(missing)}, expected it to be installed. Run: {pip_line(missing)}"
        )
    chosen = _best(installed)
    others = ", ".join(entry.id for entry in candidates if entry is not chosen)
    announce(f"{role}: picked {chosen.id} for {wanted}" + (f" (others: {others})" if others else ""))
    return chosen


@functools.cache
def announce(message: str) -> None:
    """Log this once in a process: a role is resolved wherever it is used, and that is the same news each time."""
    logger.info("%s", message)


def device_type(device: object) -> str:
    """``"cuda"`` of ``"cuda:1"``; a ``torch.device`` is read by its text, so that torch is not needed here."""
    return "cpu" if device is None else str(device).partition(":")[0].strip().casefold()


def _best(entries: Sequence[Entry]) -> Entry:
    return min(entries, key=lambda entry: (-entry.spec.priority, entry.id))
