"""Every theorem of the core has a page that says what the rule says, and whose examples hold and fail as stated."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from invkit.guarantees import Node, Rule
from invkit.guarantees.theorems import core_rules

PAGES = Path(__file__).resolve().parents[1] / "docs" / "rules"
BLOCK = re.compile(r"^```python\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
RULES = {rule.name: rule for rule in core_rules()}


def words(text: str) -> str:
    """The text on one line, so that where a page breaks its lines does not matter."""
    return " ".join(text.split())


def read(rule: Rule) -> str:
    page = PAGES / f"{rule.name}.md"
    assert page.is_file(), f"write docs/rules/{rule.name}.md"
    return page.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", RULES)
def test_the_page_states_the_theorem_as_the_rule_does(name: str) -> None:
    rule = RULES[name]
    page = words(read(rule))
    assert page.startswith(f"# {name} ")
    for text in (rule.statement, rule.formula, rule.source, *(premise.statement for premise in rule.premises)):
        assert words(text) in page


@pytest.mark.parametrize("name", RULES)
def test_the_examples_of_the_page_hold_and_fail(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = BLOCK.findall(read(RULES[name]))
    assert len(blocks) >= 2
    names: dict[str, Any] = {}
    for number, block in enumerate(blocks, 1):
        exec(compile(block, f"docs/rules/{name}.md, block {number}", "exec"), names)
    holds, fails = names["holds"], names["fails"]
    assert isinstance(holds, Node)
    assert isinstance(fails, Node)
    assert holds.rule == fails.rule == name
    assert holds.holds
    assert not fails.holds
    assert not any(node.error for node in fails.walk())
    assert fails.failing[0].remedy


def test_no_page_is_left_of_a_rule_that_is_gone() -> None:
    assert {page.stem for page in PAGES.glob("*.md")} == {"index", *RULES}
