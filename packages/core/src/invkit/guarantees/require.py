"""Required guarantees: which of them a tree does not give."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..claims import CERTIFIED, PROPERTIES, Basis, Claim
from ..errors import ConfigError, GuaranteeError
from .node import Node
from .rule import THE_MINIMISER

#: What ``convergent`` says of methods whose limit has every property of a minimiser that is concluded of those. Another
#: one may be the minimiser of another objective.
_MINIMISERS = (
    "a minimiser",
    "a minimiser over the set",
    "the least-squares solution nearest to the start",
    "the minimal objective value",
    "the minimiser",
    "the minimiser nearest to the start",
    "the minimiser of smallest norm, from zero",
    "the minimiser, in mean square over the draws",
)

#: What is said of a method in closed form, and what asks for steps, of which such a method has none.
DIRECT, _OF_ITERATIONS = "computed without iteration", ("convergent", "descent", "fejer_monotone")


def missing(tree: Node, required: Sequence[str], *, at_least: Basis = CERTIFIED) -> list[str]:
    """The required properties that no conclusion about the method gives on that basis or a stronger one.

    Only conclusions count, not their premises: a convex regulariser does not make a method convex. What is concluded
    of the minimiser counts if the method converges to it, on that basis too. What is only measured or assumed is no
    guarantee.

    Raises: ConfigError if a required property is unknown.
    """
    for name in required:
        if name not in PROPERTIES:
            near = difflib.get_close_matches(name, PROPERTIES, n=2)
            hint = f"Did you mean {' or '.join(near)}?" if near else f"Choose one of {', '.join(PROPERTIES)}."
            raise ConfigError(f"require: property is {name!r}, expected a known one. {hint}")
    arrives = any(_converges_to_minimisers(claim) for claim in _given(tree, ("",), at_least))
    parts = ("", THE_MINIMISER) if arrives else ("",)
    given = {claim.property for claim in _given(tree, parts, at_least)}
    return [name for name in dict.fromkeys(required) if name not in given]


def _given(tree: Node, parts: tuple[str, ...], at_least: Basis) -> Iterator[Claim]:
    """What the conclusions about these parts amount to; the method itself has no name."""
    for node in (tree, *tree.children):
        if node.holds and node.part in parts and node.claim is not None and node.claim.basis >= at_least:
            yield node.claim


def _converges_to_minimisers(claim: Claim) -> bool:
    return claim.property == "convergent" and claim.params["to"] in _MINIMISERS


def require(tree: Node, required: Sequence[str], *, at_least: Basis = CERTIFIED) -> None:
    """Raises: GuaranteeError naming the missing guarantees, the premise that fails, and what to change."""
    absent = missing(tree, required, at_least=at_least)
    if absent:
        raise GuaranteeError(
            f"require: {', '.join(absent)} is not guaranteed, expected on the basis '{at_least.label}' or stronger. "
            f"{_why(tree, absent[0], at_least)}"
        )


def _why(tree: Node, name: str, at_least: Basis) -> str:
    """Why it is not guaranteed: what its own theorem lacks, or for one about minimisers that of convergence."""
    if name in _OF_ITERATIONS and tree.statement.endswith(DIRECT):
        return f"It is {DIRECT}: there is nothing that could fail to converge. Drop {name} from require."
    if name not in {claim.property for claim in _given(tree, (THE_MINIMISER,), at_least)}:
        return _reason(_closest(tree, name), at_least)
    main = replace(tree, children=tuple(node for node in tree.children if not node.further))
    return f"It holds of the minimiser, to which no theorem takes this method. {_reason(main, at_least)}"


def _closest(tree: Node, name: str) -> Node:
    """The theorem about the method that would conclude it, else the tree: where to look for the reason."""
    about = [node for node in tree.children if node.concludes == name]
    about.sort(key=lambda node: (node.further, bool(node.part), len(node.failing)))
    return about[0] if about else replace(tree, children=tuple(node for node in tree.children if not node.further))


def _reason(tree: Node, at_least: Basis) -> str:
    """The first premise that fails, or the first that is too weak, and what to do about it."""
    if tree.failing:
        node = tree.failing[0]
        return f"{_failure(node)} {_sentence(node.remedy or 'change the method, or drop the requirement')}"
    for node in tree.walk():
        if node.basis is not None and node.basis < at_least and not node.children:
            why = f" ({node.how})" if node.how and node.how != node.basis.label else ""
            advice = _sentence(node.remedy or "choose parts for which it is known")
            return f"This is only {node.basis.label}: {node.statement}{why}. {advice}"
    if tree.part:
        return f"It holds of {tree.part} only: {tree.statement}. Change the method, or drop the requirement."
    return "No theorem concludes it. Change the method, or drop the requirement."


def _failure(node: Node) -> str:
    if node.error:
        return _sentence(node.error)
    numbers = "" if node.value is None else f" (value {node.value:.6g}"
    if numbers:
        numbers += ")" if node.bound is None else f", bound {node.bound:.6g})"
    return f"This does not hold: {node.statement}{numbers}."


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
