"""Docstrings as they are read in the source: plain text with formulas, not markup.

Docstrings here say ``|A x - y|`` and ``<Ax, y>``, which reStructuredText takes for substitutions and references. The
first paragraph is set as prose; an indented block becomes a literal block; any other
block keeps its lines. Only ``double backticks`` keep their meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_LITERAL = re.compile(r"(``.+?``)")
_SPECIAL = re.compile(r"([\\*`|_<>\[\]])")


def escape(line: str) -> str:
    """The line with every character that reStructuredText would act on made harmless, outside double backticks."""
    parts = _LITERAL.split(line)
    for number in range(0, len(parts), 2):
        text = _SPECIAL.sub(r"\\\1", parts[number])
        # A literal needs a space or punctuation on either side ("``Spec``s"): an escaped space shows nothing.
        if number > 0 and text and not text[0].isspace():
            text = rf"\ {text}"
        if number + 1 < len(parts) and text and not text[-1].isspace():
            text = f"{text}\\ "
        parts[number] = text
    return "".join(parts)


def blocks(lines: list[str]) -> Iterator[list[str]]:
    """The runs of lines between empty lines."""
    block: list[str] = []
    for line in [*lines, ""]:
        if line.strip():
            block.append(line.rstrip())
        elif block:
            yield block
            block = []


def to_markup(lines: list[str]) -> list[str]:
    """The docstring's lines as reStructuredText that shows the same text."""
    result: list[str] = []
    for number, block in enumerate(blocks(lines)):
        indented = all(line.startswith(" ") for line in block)
        if indented:
            result += ["::", "", *(f"    {line}" for line in block), ""]
        elif number == 0:
            result += [" ".join(escape(line.strip()) for line in block), ""]
        else:
            result += [*(f"| {line[: len(line) - len(line.lstrip())]}{escape(line.lstrip())}" for line in block), ""]
    return result


def _process(app: Any, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    lines[:] = to_markup(lines)


def setup(app: Any) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", _process)
    return {"parallel_read_safe": True}
