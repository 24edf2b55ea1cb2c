"""The checks that there are: the core's, and those that plugins add. One that is broken stops nothing else."""

from __future__ import annotations

import logging
from dataclasses import replace

from ..errors import InvkitError
from ..plugins import Entry, Registry
from .check import Check
from .checks import CHECKS

logger = logging.getLogger("invkit")


def registered_checks(registry: Registry) -> tuple[Check, ...]:
    """The checks of the core, then those of plugins; one that is no check is left out, and the log says whose it is."""
    added = []
    for entry in registry.entries("check"):
        try:
            found = registry.load(entry)
            problem = problem_of_check(entry, found)
        except InvkitError as error:
            problem = str(error)
        if problem:
            logger.warning("a check is left out: %s", problem)
        else:
            added.append(replace(found, plugin=entry.provider))
    return (*CHECKS, *added)


def problem_of_check(entry: Entry, found: object) -> str:
    """What is wrong with the target of a check's Spec, naming the plugin; empty if nothing is."""
    if not isinstance(found, Check):
        return (
            f"{entry.id} ({entry.origin}): target is {type(found).__name__}, expected an invkit.testing.Check. "
            "Ask its author."
        )
    if found.name != entry.spec.name:
        return (
            f"{entry.id} ({entry.origin}): name of the check is {found.name!r}, expected {entry.spec.name!r}, that of "
            "its Spec. Rename one of them."
        )
    if found.name in {check.name for check in CHECKS}:
        return (
            f"{entry.id} ({entry.origin}): name of the check is {found.name!r}, expected none of the core's. "
            "Rename it, in its Spec as well."
        )
    return ""
