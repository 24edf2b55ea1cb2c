"""Guarantees: theorems that combine claims into statements about a method and an operator, printed before a run."""

from __future__ import annotations

from .explain import explain
from .node import Node
from .require import missing, require
from .rule import Conclusion, Hypothesis, Premise, Rule, Setting, solved_by

__all__ = [
    "Conclusion",
    "explain",
    "Hypothesis",
    "missing",
    "Node",
    "Premise",
    "require",
    "Rule",
    "Setting",
    "solved_by",
]
