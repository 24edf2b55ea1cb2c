"""The page on claims takes its tables from the vocabulary and the rules themselves."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from invkit.claims import MEANING, PROPERTIES
from invkit.derivations import DERIVATIONS

DOCS = Path(__file__).resolve().parents[1] / "docs"


@pytest.fixture
def pages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generated_pages", DOCS / "_ext" / "generated_pages.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cells(row: str) -> list[str]:
    """The cells of a row, without the backslashes that a table needs."""
    parts = row.replace("\\|", "\0").strip("| ").split(" | ")
    return [part.strip("`").replace("\0", "|").replace("\\*", "*").replace("&lt;", "<") for part in parts]


def test_the_page_includes_both_tables() -> None:
    text = (DOCS / "claims.md").read_text(encoding="utf-8")
    for name in ("properties", "derivations"):
        assert f"```{{include}} _generated/claims/{name}.txt\n" in text
    assert "claims\n" in (DOCS / "index.md").read_text(encoding="utf-8")


def test_every_property_has_a_row_with_its_meaning(pages: ModuleType) -> None:
    rows = [cells(row) for row in pages.properties_table()][2:]
    assert [row[0] for row in rows] == list(PROPERTIES)
    assert [row[-1] for row in rows] == [MEANING[name] for name in PROPERTIES]
    assert all(parameter in row[1] for row in rows for parameter in PROPERTIES[row[0]])


def test_every_rule_has_a_row_with_its_statement_and_its_source(pages: ModuleType) -> None:
    rows = [cells(row) for row in pages.derivations_table() if row.startswith("| `")]
    assert rows == [[rule.construction, rule.property, rule.statement, rule.source] for rule in DERIVATIONS]
    assert all(MEANING.keys() >= {rule.property} for rule in DERIVATIONS)
