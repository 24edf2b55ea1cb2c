"""The nodes of all theorems that speak of a setting, and one for each rule that could not be loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..claims import BY_CONSTRUCTION
from ..errors import InvkitError
from ..plugins import Entry, Registry, get_registry
from ..plugins.policy import BUILTIN
from .claimants import named
from .node import Node
from .rule import Premise, Rule, Setting
from .stated import limited_by


def theorem_nodes(
    setting: Setting, rules: Sequence[Rule] | None, registry: Registry | None
) -> tuple[tuple[Node, ...], tuple[Node, ...]]:
    """(the theorems that speak of the setting, evaluated; the rules that could not be loaded).

    rules: these instead of those that the registry has, the core's and the plugins'.
    """
    registry = registry or get_registry()
    found, broken = registered_rules(registry) if rules is None else (_by_hand(rules, registry), ())
    nodes = (_applied(rule, entry, setting) for rule, entry in found)
    return tuple(node for node in nodes if node is not None), broken


def registered_rules(registry: Registry | None = None) -> tuple[tuple[tuple[Rule, Entry], ...], tuple[Node, ...]]:
    """The registered rules, each with its entry, and a node for each that could not be loaded."""
    registry = registry or get_registry()
    found: list[tuple[Rule, Entry]] = []
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
            found.append((rule, entry))
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


def vouched(rule: Rule, entry: Entry | None) -> Premise:
    """That the theorem is true of what the code does: the core answers for its rules, anybody else has to say so."""
    name, author = (f"rule {rule.name}", "its author") if entry is None else (entry.id, entry.provider)
    basis = BY_CONSTRUCTION if entry is not None and entry.provider == BUILTIN else rule.basis
    return Premise(
        statement=f"the theorem is as {author} states it",
        holds=True,
        basis=basis,
        how=f"{name} states no more of itself" if basis < BY_CONSTRUCTION else "",
        remedy=f"the author of {name}, where it is proved, would state in the Rule: basis=BY_CONSTRUCTION",
    )


def _by_hand(rules: Sequence[Rule], registry: Registry) -> tuple[tuple[Rule, Entry | None], ...]:
    """The rules, each with its entry if it is a registered one."""
    known = {id(rule): entry for rule, entry in reversed(registered_rules(registry)[0])}  # the core's last: it wins
    return tuple((rule, known.get(id(rule))) for rule in rules)


def _applied(rule: Rule, entry: Entry | None, setting: Setting) -> Node | None:
    """The node of the theorem, None if it does not speak of this setting. What raises concludes nothing."""
    name, owner = ("", "the rule") if entry is None else (entry.id, f"{entry.id} ({entry.origin})")
    try:
        if not rule.about(setting):
            return None
    except Exception as error:  # whether it speaks of this is not known, so that its premises prove nothing
        return Node(
            statement=rule.statement,
            holds=False,
            rule=rule.name,
            id=name,
            concludes=rule.concludes,
            further=rule.further,
            source=rule.source,
            error=f"rule {rule.name}: about() raised {named(error)}",
            remedy=f"report this to the author of {owner}",
        )
    node = replace(rule.apply(setting), id=name)
    if node.error:
        return replace(node, remedy=f"report this to the author of {owner}")
    return limited_by(node, vouched(rule, entry))


def _broken(name: str, reason: str) -> Node:
    return Node(
        statement=f"rule {name}",
        holds=False,
        id=name,
        error=" ".join(reason.split()),
        remedy="run 'invkit plugins doctor'",
    )
