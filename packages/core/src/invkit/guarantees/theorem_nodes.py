"""The nodes of all theorems that speak of a setting, and one for each rule that could not be loaded."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import InvkitError
from ..plugins import Entry, Registry, get_registry
from .node import Node
from .rule import Rule, Setting


def theorem_nodes(
    setting: Setting, rules: Sequence[Rule] | None, registry: Registry | None
) -> tuple[tuple[Node, ...], tuple[Node, ...]]:
    """(the theorems that speak of the setting, evaluated; the rules that could not be loaded).

    rules: these instead of those that the registry has, the core's and the plugins'.
    """
    found, broken = registered_rules(registry) if rules is None else (tuple(rules), ())
    return tuple(rule.apply(setting) for rule in found if _speaks_of(rule, setting)), broken


def registered_rules(registry: Registry | None = None) -> tuple[tuple[Rule, ...], tuple[Node, ...]]:
    """The registered rules, and a node for each that could not be loaded."""
    registry = registry or get_registry()
    found, broken = [], []
    for entry in registry.entries("rule"):
        try:
            rule = registry.load(entry)
        except InvkitError as error:
            broken.append(_broken(entry.id, str(error)))
            continue
        problem = problem_of_rule(entry, rule)
        if problem:
            broken.append(_broken(entry.id, problem))
        else:
            found.append(rule)
    return tuple(found), tuple(broken)


def problem_of_rule(entry: Entry, found: object) -> str:
    """What is wrong with the target of a rule's Spec, naming the plugin; empty if nothing is."""
    if not isinstance(found, Rule):
        return (
            f"{entry.id} ({entry.origin}): target is {type(found).__name__}, expected an invkit.guarantees.Rule. "
            "Ask its author."
        )
    if found.name != entry.spec.name:
        return (
            f"{entry.id} ({entry.origin}): name of the rule is {found.name!r}, expected {entry.spec.name!r}, that of "
            "its Spec. Rename one of them."
        )
    return ""


def _speaks_of(rule: Rule, setting: Setting) -> bool:
    try:
        return bool(rule.about(setting))
    except Exception:  # then ``apply`` meets it too, and reports it
        return True


def _broken(name: str, reason: str) -> Node:
    return Node(
        statement=f"rule {name}", holds=False, error=" ".join(reason.split()), remedy="run 'invkit plugins doctor'"
    )
