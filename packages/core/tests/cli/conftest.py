"""Run the program in this process with a registry of one's own, or in a process of its own."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from invkit.cli import app
from invkit.plugins import Registry, set_registry

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def invkit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run ``invkit ARGS`` in this process: exit code, standard output, standard error."""
    monkeypatch.setenv("COLUMNS", "80")
    logger = logging.getLogger("invkit")
    level, handlers = logger.level, list(logger.handlers)

    def run(*arguments: str, registry: Registry | None = None) -> tuple[int, str, str]:
        set_registry(registry or Registry([], environ={}))
        code = app.main(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    yield run
    set_registry(None)
    logger.setLevel(level)
    logger.handlers[:] = handlers


@pytest.fixture
def python() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run Python code in a fresh process that sees the core and no plugin."""

    def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        environ = {key: value for key, value in os.environ.items() if not key.startswith("INVKIT_")}
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=environ | {"INVKIT_DISABLE_PLUGINS": "*"},
        )

    return run
