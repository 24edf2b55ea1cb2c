"""Every theorem meets the example of every registered object: it speaks of it or not, and none raises."""

from __future__ import annotations

import pytest
import torch

from invkit.guarantees import Node, explain
from invkit.guarantees.theorems import core_rules
from invkit.plugins import Registry
from invkit.testing.cases import Example, as_examples

REGISTRY = Registry([], environ={})


def examples(kind: str) -> list[tuple[str, Example]]:
    found = []
    for entry in REGISTRY.entries(kind):
        dtype = getattr(torch, entry.spec.dtypes[-1])
        made = REGISTRY.load_example(entry)(torch.device("cpu"), dtype)
        found += [(entry.id, example) for example in as_examples(made)]
    return found


def explained(example: Example) -> Node:
    if example.objective is not None and example.y is not None:
        return explain(example.objective(example.y), solver=example.subject, rules=core_rules())
    if example.operator is not None:
        return explain(example.subject, example.operator, rules=core_rules())
    return explain(example.subject, rules=core_rules())


@pytest.mark.parametrize("kind", ["operator", "regulariser", "solver", "model"])
def test_no_rule_raises_on_any_registered_object(kind: str) -> None:
    trees = {name: explained(example) for name, example in examples(kind)}
    assert len(trees) > 5
    assert {name: node.error for name, tree in trees.items() for node in tree.walk() if node.error} == {}


def test_nothing_is_stronger_than_what_it_rests_on() -> None:
    for name, example in examples("solver"):
        for node in explained(example).walk():
            if node.rule and node.holds and node.basis is not None:
                bases = [child.basis for child in node.children]
                assert None not in bases, (name, node.rule)
                assert node.basis <= min(base for base in bases if base is not None), (name, node.rule)
