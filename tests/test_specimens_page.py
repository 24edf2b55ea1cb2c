"""The page of specimens has every wrong object of the tests, with the check that catches it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs"


@pytest.fixture
def pages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generated_pages", DOCS / "_ext" / "generated_pages.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_has_a_row_for_every_specimen_under_its_kind(pages: ModuleType) -> None:
    specimens = pages.load_specimens()
    lines = list(pages.specimens_page(sorted(specimens, key=lambda one: one.kind)))
    rows = [line for line in lines if line.startswith("| ") and not line.startswith(("| ---", "| what"))]
    assert len(rows) == len(specimens) > 80
    for one in specimens:
        assert f"| {pages.cell(one.what_is_wrong)} | `{pages.cell(one.caught_by)}` |" in rows
        assert f"\n## {one.kind}\n" in lines


def test_no_two_specimens_have_one_name(pages: ModuleType) -> None:
    names = [one.name for one in pages.load_specimens()]
    assert len(set(names)) == len(names)


def test_the_page_is_linked() -> None:
    assert "_generated/specimens\n" in (DOCS / "index.md").read_text(encoding="utf-8")
    assert "(_generated/specimens.md)" in (DOCS / "checks.md").read_text(encoding="utf-8")
