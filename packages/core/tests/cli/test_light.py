"""What only lists things stays light: no torch, and few modules. Times are measured in ``benchmarks/``, not here."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

#: ``invkit --help`` imports about 300 modules with Python 3.11, of which typer and the standard library are most.
MOST_MODULES = 450
HEAVY = ("torch", "numpy", "scipy", "skimage", "matplotlib", "astra", "rich")

PROGRAM = """
import json, sys
from invkit.cli.app import main
code = main(sys.argv[1:])
sys.stderr.write(json.dumps({"code": code, "modules": sorted(sys.modules)}))
"""

Python = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["list"],
        ["list", "operator", "--claim", "linear", "--device", "cuda", "--json"],
        ["plugins", "list"],
        ["plugins", "--help"],
        ["plugins", "test", "--help"],
        ["plugins", "new", "--help"],
        *([name, "--help"] for name in ("demo", "info", "check", "explain", "reconstruct", "evaluate")),
    ],
    ids=" ".join,
)
def test_help_and_lists_import_nothing_heavy(arguments: list[str], python: Python) -> None:
    done = python(PROGRAM, *arguments)
    seen = json.loads(done.stderr)
    assert seen["code"] == 0
    assert done.stdout
    assert [name for name in HEAVY if name in seen["modules"]] == []
    assert len(seen["modules"]) < MOST_MODULES


def test_writing_a_plugin_imports_nothing_heavy(python: Python, tmp_path: Path) -> None:
    seen = json.loads(python(PROGRAM, "plugins", "new", "motion", "--folder", str(tmp_path)).stderr)
    assert (tmp_path / "invkit-motion" / "pyproject.toml").is_file()
    assert [name for name in HEAVY if name in seen["modules"]] == []


def test_importing_invkit_or_reading_a_name_of_the_registry_imports_no_torch(python: Python) -> None:
    code = "import sys, invkit; invkit.Registry, invkit.Claim, invkit.build, dir(invkit); print('torch' in sys.modules)"
    assert python(code).stdout == "False\n"
