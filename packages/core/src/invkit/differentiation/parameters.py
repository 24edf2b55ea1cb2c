"""The tensors that a solution depends on: those its problem was built from, and those that closures hold.

A gradient reaches a tensor only if it is known, so that one that is not known is an error rather than a silent zero.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import get_gradient_edge

from ..errors import ConfigError
from ..operators.moving import Movable, tensors_of
from ..operators.nonlinear.autograd_operator import is_own_leaf

#: A node of autograd's graph and which of its outputs.
_Edge = tuple[Any, int]


@dataclass(frozen=True, eq=False)
class Parameters:
    """The tensors of ``thing`` that require a gradient.

    built_in: those that a movable thing was built from; it can be rebuilt from others.
    explicit: those that the caller named; what uses them cannot be rebuilt.
    """

    thing: Any
    built_in: tuple[Tensor, ...]
    explicit: tuple[Tensor, ...]

    @property
    def all(self) -> tuple[Tensor, ...]:
        return self.built_in + self.explicit

    def leaves(self) -> Leaves:
        """The thing built from new leaves, to be differentiated with respect to its own tensors only.

        With sigmoid(a) and a both built in, the derivative with respect to a holds sigmoid(a) fixed: autograd adds the
        other part when it goes on from sigmoid(a), and would count it twice without the new leaves.
        """
        fresh = tuple(tensor.detach().requires_grad_() for tensor in self.built_in)
        by_id = {id(old): new for old, new in zip(self.built_in, fresh, strict=True)}
        return Leaves(rebuilt(self.thing, by_id), self, fresh)

    def check_reached(self, value: Tensor, who: str) -> None:
        """Raises: ConfigError if autograd leads from ``value`` to a leaf without passing a known tensor."""
        known = {_edge(tensor) for tensor in self.all}
        for leaf in _leaves_of(value, known):
            if is_own_leaf(leaf):
                continue
            raise ConfigError(
                f"{who}: the solution depends on a tensor of shape {tuple(leaf.shape)} that is hidden in a closure or "
                "a module, expected one that the objective was built from. Name it: theta=(...), such as "
                "theta=tuple(network.parameters()), or switch its requires_grad off."
            )


@dataclass(frozen=True, eq=False)
class Leaves:
    """A thing that was built anew from ``fresh`` leaves, one for each built-in tensor.

    What a closure holds cannot be built anew: it still uses the old tensors, also those that are built in elsewhere.
    """

    thing: Any
    parameters: Parameters
    fresh: tuple[Tensor, ...]

    def vjp(
        self, outputs: Tensor, others: tuple[Tensor, ...], q: Tensor, *, create_graph: bool = False
    ) -> tuple[list[Tensor], list[Tensor]]:
        """The gradients of Re <outputs, q> with respect to other leaves, and to each tensor of the parameters.

        The latter hold the other parameters fixed. Autograd's G_s for an old tensor s holds nothing fixed, so that

            g_s = G_s - sum over the old tensors r computed from s of (dr/ds)* g_r,   the last computed ones first.
        """
        known = self.parameters.all
        edges = {_edge(tensor) for tensor in known}
        met = set(_walk(outputs, edges))
        old = [index for index, tensor in enumerate(known) if _edge(tensor) in met]
        if any(known[index].grad_fn is not None for index in old):
            behind = {index: set(_walk(known[index], set())) for index in old}
            old.sort(key=lambda index: -sum(_edge(known[other]) in behind[index] for other in old))
        inputs = (*others, *self.fresh, *(known[index] for index in old))
        found = vjp(outputs, inputs, q, create_graph=create_graph)
        first, rest = found[: len(others)], found[len(others) :]
        parts = rest[: len(self.fresh)] + [torch.zeros_like(tensor) for tensor in self.parameters.explicit]
        held: list[tuple[Tensor, Tensor]] = []
        for index, total in zip(old, rest[len(self.fresh) :], strict=True):
            own = total
            for later, part in held:
                own = own - vjp(later, (known[index],), part, create_graph=create_graph)[0]
            held.append((known[index], own))
            parts[index] = parts[index] + own
        return first, parts


def parameters_of(thing: Any, theta: Iterable[Tensor] | nn.Module, who: str) -> Parameters:
    """What ``thing`` (a movable object, a module or any function) was built from, and ``theta`` beside it.

    Raises: ConfigError if theta is not of tensors, or one of them is computed from another.
    """
    built_in = _distinct(tensor for tensor in tensors_of(thing) if tensor.requires_grad)
    theta = tensors_in(theta, who)
    given = theta + (tuple(thing.parameters()) if isinstance(thing, nn.Module) else ())
    inside = {id(tensor) for tensor in built_in}
    explicit = tuple(t for t in _distinct(given) if t.requires_grad and id(t) not in inside)
    for index, tensor in enumerate(explicit):
        others = [other for other in explicit if other is not tensor]
        if tensor.grad_fn is not None and len(not_reached(tensor, others)) < len(others):
            raise ConfigError(
                f"{who}: theta[{index}] of shape {tuple(tensor.shape)} is computed from another tensor of theta, "
                "expected independent ones. Name one of the two."
            )
    return Parameters(thing, built_in, explicit)


def tensors_in(theta: Iterable[Tensor] | nn.Module, who: str) -> tuple[Tensor, ...]:
    """The tensors that the caller named.

    Raises: ConfigError if theta is not a tuple of tensors or a module.
    """
    if isinstance(theta, Tensor | str):
        raise ConfigError(
            f"{who}: theta is a {type(theta).__name__}, expected a tuple of tensors. Use theta=(tensor,)."
        )
    named = tuple(theta.parameters()) if isinstance(theta, nn.Module) else tuple(theta)
    for tensor in named:
        if not isinstance(tensor, Tensor):
            raise ConfigError(f"{who}: theta holds {type(tensor).__name__}, expected tensors. Use theta=(tensor,).")
    return named


def rebuilt(thing: Any, by_id: Mapping[int, Tensor]) -> Any:
    """The thing with the tensors in ``by_id`` in place of those with that id; untouched parts are kept as they are."""
    if isinstance(thing, Tensor):
        return by_id.get(id(thing), thing)
    if isinstance(thing, tuple):
        items = tuple(rebuilt(item, by_id) for item in thing)
        return thing if all(new is old for new, old in zip(items, thing, strict=True)) else items
    if isinstance(thing, Movable):
        old = {field.name: getattr(thing, field.name) for field in dataclasses.fields(thing) if field.init}  # type: ignore[arg-type]
        new = {name: rebuilt(value, by_id) for name, value in old.items()}
        return thing if all(new[name] is old[name] for name in old) else type(thing)(**new)
    return thing


def _distinct(tensors: Iterable[Tensor]) -> tuple[Tensor, ...]:
    return tuple({id(tensor): tensor for tensor in tensors}.values())


def _edge(tensor: Tensor) -> _Edge:
    edge = get_gradient_edge(tensor)
    return edge.node, edge.output_nr


def _walk(value: Tensor, stops: set[_Edge]) -> Iterator[_Edge]:
    """The edges behind ``value``, not going beyond the stops."""
    if not value.requires_grad:
        return
    # The nodes are kept alive by ``seen``: one that is dropped comes back as another Python object.
    todo, seen = [_edge(value)], set()
    while todo:
        edge = todo.pop()
        if edge in seen:
            continue
        seen.add(edge)
        yield edge
        if edge not in stops:
            todo.extend((node, number) for node, number in edge[0].next_functions if node is not None)


def _leaves_of(value: Tensor, known: set[_Edge]) -> Iterator[Tensor]:
    for edge in _walk(value, known):
        if edge not in known and not edge[0].next_functions and hasattr(edge[0], "variable"):
            yield edge[0].variable


def not_reached(value: Tensor, tensors: Iterable[Tensor]) -> list[Tensor]:
    """Those of the tensors that autograd does not lead to from ``value``."""
    found = set(_walk(value, set()))
    return [tensor for tensor in tensors if not tensor.requires_grad or _edge(tensor) not in found]


def vjp(outputs: Tensor, inputs: tuple[Tensor, ...], q: Tensor, *, create_graph: bool = False) -> list[Tensor]:
    """The gradients of Re <outputs, q> with respect to ``inputs``; zeros for those that play no part."""
    if not outputs.requires_grad or not inputs:
        return [torch.zeros_like(tensor) for tensor in inputs]
    # The graph is retained: a closure may hold a part of it that belongs to the caller.
    found = torch.autograd.grad(outputs, inputs, q, retain_graph=True, create_graph=create_graph, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for g, x in zip(found, inputs, strict=True)]
