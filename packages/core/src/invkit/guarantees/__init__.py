"""Guarantees: theorems that combine claims into statements about a method and an operator, printed before a run."""

from __future__ import annotations

from .explain import explain
from .node import Node
from .require import missing, require
from .rule import Conclusion, Premise, Rule, Setting

__all__ = ["Conclusion", "Node", "Premise", "Rule", "Setting", "explain", "missing", "require"]
