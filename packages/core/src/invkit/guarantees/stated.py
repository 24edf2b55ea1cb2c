"""What an object states of itself, as nodes: no stronger than its class and its parts are known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from torch import nn

from ..claims import ASSUMED, BY_CONSTRUCTION, Basis, Claim
from ..models.base import Reconstructor
from ..models.calls import basis_of_calls, changes
from ..operators.moving import basis_of
from ..solvers.fixed_point import FixedPointProblem
from ..solvers.problems import Problem
from .node import Node
from .premises import resting_on
from .rule import Premise


def claim_nodes(subject: Any, *parts: Any, part: str = "") -> tuple[Node, ...]:
    """A node for each claim of the object; parts are what it works with, such as the operator of a model.

    part: what the object is, where the tree is about a method and the object only a part of it.
    """
    states = getattr(subject, "claims", None)
    found = tuple(_claim_node(subject, parts, claim) for claim in (states() if callable(states) else ()))
    return tuple(replace(node, part=part) for node in found)


def _claim_node(subject: Any, parts: tuple[Any, ...], claim: Claim) -> Node:
    name = type(subject).__name__
    stated = Premise(statement=f"{name} is {claim}", holds=True, basis=claim.basis, how=claim.evidence)
    node = resting_on(stated, *parts).as_node()
    assert node.basis is not None
    return limited(replace(node, claim=replace(claim, basis=node.basis), source=claim.source), subject)


def limited(node: Node, subject: Any) -> Node:
    """The node, no stronger than it is known that the object does what it says."""
    known, name = known_basis(subject), type(subject).__name__
    if known is BY_CONSTRUCTION:
        return node
    between = next(changes(subject), "") if isinstance(subject, nn.Module) else ""
    does = "its objective, solver and claims say" if isinstance(subject, Reconstructor) else "its claims say"
    premise = Premise(
        statement=f"calling {name} does what {does}",
        holds=True,
        basis=known,
        how="" if known > ASSUMED else between or f"{name} does not state that it is by construction",
        remedy=f"remove {between}"
        if between
        else f"the author of {name} would state it in the class: basis: ClassVar[Basis] = BY_CONSTRUCTION",
    )
    return limited_by(node, premise)


def limited_by(node: Node, premise: Premise) -> Node:
    """The node with one more premise, and no stronger than that is known."""
    if not node.holds or node.basis is None or premise.basis is BY_CONSTRUCTION:
        return node
    basis = min(node.basis, premise.basis)
    claim = None if node.claim is None else replace(node.claim, basis=basis)
    return replace(node, basis=basis, claim=claim, children=(*node.children, premise.as_node()))


def posed_by_hand(problem: Problem) -> Premise:
    """That the parts of a problem make up its objective, or its map: nothing shows it where no solver prepared it."""
    maps = isinstance(problem, FixedPointProblem)
    return Premise(
        statement="T is the composition of its factors" if maps else "the parts of the problem make up its objective",
        holds=True,
        basis=ASSUMED,
        how="posed by hand",
        remedy="pose it by a model, such as PlugAndPlay" if maps else "pass the objective: the solver prepares it",
    )


def known_basis(subject: Any) -> Basis:
    """How strongly it is known that an object does what it says: see ``basis_of_calls`` of modules."""
    return basis_of_calls(subject) if isinstance(subject, nn.Module) else basis_of(subject)


def strongest_of(nodes: Iterator[Node] | tuple[Node, ...]) -> Basis | None:
    """The strongest basis among nodes that hold."""
    return max((node.basis for node in nodes if node.holds and node.basis is not None), default=None)
