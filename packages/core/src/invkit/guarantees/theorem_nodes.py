"""The nodes of all theorems that speak of a setting, and one for each rule that could not be loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

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
    found, broken = registered_rules(registry) if rules is None else (tuple((rule, "the rule") for rule in rules), ())
    nodes = (_applied(rule, owner, setting) for rule, owner in found)
    return tuple(node for node in nodes if node is not None), broken


def registered_rules(registry: Registry | None = None) -> tuple[tuple[tuple[Rule, str], ...], tuple[Node, ...]]:
    """The registered rules, each with its id and distribution, and a node for each that could not be loaded."""
    registry = registry or get_registry()
    found: list[tuple[Rule, str]] = []
    broken: list[Node] = []
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
            found.append((rule, f"{entry.id} ({entry.origin})"))
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


def _applied(rule: Rule, owner: str, setting: Setting) -> Node | None:
    """The node of the theorem, None if it does not speak of this setting. What raises concludes nothing."""
    try:
        if not rule.about(setting):
            return None
    except Exception as error:  # whether it speaks of this is not known, so that its premises prove nothing
        return Node(
            statement=rule.statement,
            holds=False,
            rule=rule.name,
            concludes=rule.concludes,
            further=rule.further,
            source=rule.source,
            error=f"rule {rule.name}: about() raised {type(error).__name__}: {' '.join(str(error).split())}",
            remedy=f"report this to the author of {owner}",
        )
    node = rule.apply(setting)
    return replace(node, remedy=f"report this to the author of {owner}") if node.error else node


def _broken(name: str, reason: str) -> Node:
    return Node(
        statement=f"rule {name}", holds=False, error=" ".join(reason.split()), remedy="run 'invkit plugins doctor'"
    )
