"""The pages of the theorems show what their examples print, and their formulas as text."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs"


@pytest.fixture(scope="module")
def extension() -> ModuleType:
    spec = importlib.util.spec_from_file_location("rule_outputs", DOCS / "_ext" / "rule_outputs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_page_of_a_theorem_shows_what_holds_and_what_fails(extension: ModuleType) -> None:
    source = [(DOCS / "rules" / "fista-rate.md").read_text(encoding="utf-8")]
    extension.extend(None, "rules/fista-rate", source)
    page = source[0]
    assert page.count("\nprints\n\n```text\n") == 2
    assert "core/fista-rate; source: Beck, Teboulle (2009), Theorem 4.4" in page
    assert "\n+ FISTA: the objective converges" in page
    assert "\nx FISTA: the objective converges" in page
    assert "```text\nF(x_k) - F* <= 2 |x_0 - x*|^2" in page


def test_a_block_that_prints_nothing_and_other_pages_stay_as_they_are(extension: ModuleType) -> None:
    page = "# a\n\n```python\nx = 1\n```\n"
    assert extension.with_outputs(page, "a") == page
    source = ["# index\n\n    formula\n\n"]
    extension.extend(None, "rules/index", source)
    assert source == ["# index\n\n    formula\n\n"]
