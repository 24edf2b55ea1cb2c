"""The theorems of the core, a file each, in rooms as the solvers they speak of; ``core_rules`` loads them all.

They speak of exact arithmetic; step sizes use rigorous upper bounds.
"""

from __future__ import annotations

import importlib

from ..._announced.rules import SPECS
from ..rule import Rule


def core_rules() -> tuple[Rule, ...]:
    """The rules of the core in the order in which they are announced, whatever plugins are installed."""
    found = []
    for spec in SPECS:
        module, _, name = spec.target.partition(":")
        rule = getattr(importlib.import_module(module), name)
        assert isinstance(rule, Rule)
        found.append(rule)
    return tuple(found)
