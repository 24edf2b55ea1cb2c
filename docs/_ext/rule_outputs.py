"""What the examples of a theorem's page print, put below them at build time, so that it cannot drift from the code.

The pages of ``rules/`` end their examples in ``print(holds)`` and ``print(fails)``; formulas stand in them as indented
lines, and are shown as text that wraps.
"""

from __future__ import annotations

import contextlib
import io
import re
import textwrap
from typing import Any

_PYTHON = re.compile(r"^```python\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
_FORMULA = re.compile(r"(?<=\n\n)((?:    .+\n)+)(?=\n)")
_WIDTH = 100


def with_outputs(page: str, name: str) -> str:
    """The page with the output of each of its Python blocks below it, run one after the other."""
    names: dict[str, Any] = {}

    def shown(block: re.Match[str]) -> str:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block[1], name, "exec", dont_inherit=True), names)
        lines = printed.getvalue().rstrip().splitlines()
        if not lines:
            return block[0]
        return f"{block[0]}\n\nprints\n\n```text\n" + "\n".join(map(_broken, lines)) + "\n```"

    return _PYTHON.sub(shown, page)


def with_formulas(page: str) -> str:
    """The page with its indented formulas as plain text: no highlighter takes them for a program."""
    return _FORMULA.sub(lambda found: f"```text\n{textwrap.dedent(found[1])}```\n", page)


def _broken(line: str) -> str:
    margin = " " * (len(line) - len(line.lstrip()) + 4)
    return textwrap.fill(line, _WIDTH, subsequent_indent=margin, break_long_words=False, break_on_hyphens=False)


def extend(app: Any, document: str, source: list[str]) -> None:
    """Where a page of a theorem is read."""
    if document.startswith("rules/") and document != "rules/index":
        before, heading, after = with_outputs(source[0], document).partition("\n## ")
        source[0] = with_formulas(before) + heading + after


def setup(app: Any) -> dict[str, bool]:
    app.connect("source-read", extend)
    return {"parallel_read_safe": True}
