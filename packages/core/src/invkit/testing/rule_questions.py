"""Is a rule sound as a program? It says of every setting whether it speaks of it, and applies where it does."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import torch

from ..functionals import SquaredL2, least_squares
from ..guarantees import Node, Rule, Setting, explain
from ..models import Adjoint
from ..operators import Identity
from ..plugins import Entry, Registry
from ..plugins.device import resolve_dtype
from ..plugins.discovery import describe
from ..plugins.policy import BUILTIN
from ..solvers import GradientDescent
from .cases import Example, as_examples
from .check import Context, Skip


def speaks(rule: Rule, context: Context) -> str:
    """What is wrong with ``about``, which ``explain`` asks of any setting; empty if nothing is."""
    for what, setting in _settings(context):
        try:
            rule.about(setting)
        except Exception as error:  # an author's function may raise anything
            return f"about() raised {describe(error)} for {what}, expected True or False. Look at the types first."
    return ""


def applies(registry: Registry, entry: Entry, rule: Rule, context: Context) -> str:
    """What raises when the rule meets the examples of its own plugin and of the core; empty if nothing does.

    Raises: Skip if it speaks of none of them, so that no premise of it was evaluated.
    """
    spoke = 0
    own = registry.entries(provider=entry.provider)
    others = registry.entries(provider=BUILTIN) if entry.provider != BUILTIN else ()
    for name, example in _examples(registry, itertools.chain(own, others), context):
        try:
            tree = _explained(example, rule, registry)
        except Exception:  # of the example, not of the rule: its own row says so
            continue
        for node in tree.walk():
            if node.rule == rule.name:
                spoke += 1
                if node.error:
                    return f"{node.error}, for the example of {name}. Correct the premise, the conclusion or about()."
    if not spoke:
        raise Skip("it speaks of no example of its plugin or of the core, so that no premise of it was evaluated")
    return ""


def _explained(example: Example, rule: Rule, registry: Registry) -> Node:
    if example.objective is not None and example.y is not None:
        return explain(example.objective(example.y), solver=example.subject, rules=[rule], registry=registry)
    if example.operator is not None:
        return explain(example.subject, example.operator, rules=[rule], registry=registry)
    return explain(example.subject, rules=[rule], registry=registry)


def _examples(registry: Registry, entries: Iterable[Entry], context: Context) -> Iterator[tuple[str, Example]]:
    """Every example that can be made on this device, in the last of its dtypes, which is the most precise one."""
    for entry in entries:
        if not entry.spec.example or registry.missing(entry) or context.device.type not in entry.spec.devices:
            continue
        try:
            dtype = resolve_dtype(entry.spec.dtypes[-1]) if entry.spec.dtypes else torch.float32
            made = as_examples(registry.load_example(entry)(context.device, dtype))
        except Exception:  # its own row says so
            continue
        for one in made:
            yield entry.id, one


def _settings(context: Context) -> Iterator[tuple[str, Setting]]:
    """Settings of each shape that ``explain`` knows: an object alone, a problem with its solver, a model."""
    place = Identity((4, 5), 1, context.dtype, context.device)
    y = place.domain.zeros(1)
    yield "an operator", Setting(subject=place)
    yield "a functional", Setting(subject=SquaredL2())
    yield "a model without iteration", Setting(subject=Adjoint(), operator=place, y=y)
    solver, objective = GradientDescent(), least_squares(place, y)
    yield "a problem", Setting(subject=objective, solver=solver, problem=solver.prepare(objective))
