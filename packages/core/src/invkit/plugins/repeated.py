"""Functions that a plugin's module defines twice: Python keeps the last in silence, and the others announce nothing."""

from __future__ import annotations

import ast
import importlib.util
from collections import Counter
from pathlib import Path

from .status import Status


def repeated_hooks(status: Status) -> tuple[str, ...]:
    """The hooks that the module, or a class in it, defines more than once; none where its source cannot be read."""
    try:
        found = importlib.util.find_spec(status.target.partition(":")[0])
        tree = (
            ast.parse(Path(found.origin).read_text(encoding="utf-8")) if found and found.origin else ast.Module([], [])
        )
    except (ImportError, OSError, SyntaxError, ValueError):
        return ()
    bodies = [tree.body, *(node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef))]
    counted = [Counter(node.name for node in body if isinstance(node, ast.FunctionDef)) for body in bodies]
    return tuple(name for count in counted for name, times in count.items() if times > 1 and name.startswith("invkit_"))


def said_of(hooks: tuple[str, ...], target: str) -> str:
    """The repetition as a sentence, empty if there is none."""
    if not hooks:
        return ""
    return (
        f"{target} defines {', '.join(hooks)} more than once, expected once: Python keeps the last one alone. "
        "Return all its Specs in one list."
    )
