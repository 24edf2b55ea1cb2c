"""Every publication that a theorem or a rule of the algebra cites stands in full on the page of references."""

from __future__ import annotations

import re
from pathlib import Path

from invkit.derivations import DERIVATIONS
from invkit.guarantees.theorems import core_rules

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "references.md").read_text(encoding="utf-8")
NAME = r"[A-Z][a-z]\w*"
CITED = re.compile(rf"{NAME}(?:, {NAME})* \(\d{{4}}\)|{NAME}(?:, {NAME})* \d{{4}}\b")


def test_what_the_core_cites_is_in_the_references() -> None:
    sources = {rule.source for rule in (*core_rules(), *DERIVATIONS)}
    cited = {re.sub(r" \(?(\d{4})\)?$", r" (\1)", found) for source in sources for found in CITED.findall(source)}
    assert len(cited) > 20
    assert sorted(one for one in cited if one not in PAGE) == []


def test_the_dissertation_is_identified() -> None:
    assert "Ferdia Sherry, *Structure-preserving machine learning for inverse problems*" in PAGE
