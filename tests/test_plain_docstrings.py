"""The documentation shows a docstring as it is written, formulas included."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "docs" / "_ext" / "plain_docstrings.py"


@pytest.fixture
def extension() -> ModuleType:
    spec = importlib.util.spec_from_file_location("plain_docstrings", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("|A x - y|", r"\|A x - y\|"),
        ("A*y and x_star_", r"A\*y and x\_star\_"),
        ("the ``Spec``s of it", r"the ``Spec``\ s of it"),
        ("a ``|A|`` stays", "a ``|A|`` stays"),
        ("``x``, ``y``", r"``x``\ , ``y``"),
    ],
)
def test_markup_is_escaped_outside_of_literals(extension: ModuleType, line: str, expected: str) -> None:
    assert extension.escape(line) == expected


def test_the_summary_is_joined_an_indented_block_is_literal_and_other_lines_stay(extension: ModuleType) -> None:
    docstring = [
        "Minimise",
        "f(x).",
        "",
        "    x = |A|^2 * y",
        "",
        "x: an image",
        "    of one channel",
        "y: another",
        "",
    ]
    assert extension.to_markup(docstring) == [
        "Minimise f(x).",
        "",
        "::",
        "",
        "        x = |A|^2 * y",
        "",
        "| x: an image",
        "|     of one channel",
        "| y: another",
        "",
    ]
