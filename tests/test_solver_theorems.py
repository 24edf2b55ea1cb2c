"""The page on solvers names the theorems of each: those that speak of its example, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

import invkit
from invkit.guarantees.theorems import core_rules
from invkit.plugins import Registry
from invkit.testing.cases import as_examples

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "solvers.md").read_text(encoding="utf-8")
REGISTRY = Registry([], environ={})
SOLVERS = {entry.id: entry for entry in REGISTRY.entries("solver")}
RULES = {rule.name: rule for rule in core_rules()}
#: What a row may name beside: these speak of another setting of the solver than its example has.
ELSEWHERE = {
    "core/conjugate-gradient": {"preconditioned-conjugate-gradient"},
    "core/cgls": {"cgls-discrepancy"},
    "core/landweber": {"landweber-discrepancy"},
}


def named(solver: str) -> set[str]:
    """The theorems to which the row of the solver links."""
    (row,) = re.findall(rf"^\| `{solver}` .*$", PAGE, flags=re.MULTILINE)
    return set(re.findall(r"\]\(rules/([a-z0-9-]+)\.md\)", row))


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_row_of_a_solver_names_the_theorems_that_speak_of_its_example(solver: str) -> None:
    entry = SOLVERS[solver]
    made = REGISTRY.load_example(entry)(torch.device("cpu"), getattr(torch, entry.spec.dtypes[-1]))
    spoken: set[str] = set()
    for example in as_examples(made):
        assert example.objective is not None
        assert example.y is not None
        tree = invkit.explain(example.objective(example.y), solver=example.subject, rules=core_rules())
        spoken |= {node.rule for node in tree.children if node.rule}
    main = {name for name in spoken if not RULES[name].further}
    assert main <= named(solver)
    assert named(solver) <= spoken | ELSEWHERE.get(solver, set())
    assert bool(named(solver)) == ("**rule**" in re.findall(rf"^\| `{solver}` .*$", PAGE, flags=re.MULTILINE)[0])
