"""The import contracts of ``pyproject.toml`` reject what they forbid: each meets sources that break it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("importlinter", reason="needs import-linter; install requirements-dev.txt")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    for source in ROOT.glob("packages/*/src/*"):
        shutil.copytree(source, tmp_path / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def broken_contracts(sources: Path) -> set[str]:
    """The names of the contracts that these sources break."""
    code = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    done = subprocess.run(
        [sys.executable, "-c", code, "--no-cache", "--config", str(ROOT / "pyproject.toml")],
        cwd=sources,
        env=os.environ | {"PYTHONPATH": str(sources)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Contracts: " in done.stdout, done.stdout + done.stderr
    names = set(re.findall(r"^(.*) BROKEN", done.stdout, flags=re.MULTILINE))
    assert bool(names) is (done.returncode != 0)
    return names


def test_the_sources_as_they_are_break_no_contract(sources: Path) -> None:
    assert broken_contracts(sources) == set()


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("invkit/operators/identity.py", "import invkit.solvers", "core is layered"),
        ("invkit/claims.py", "import invkit.operators", "core is layered"),
        ("invkit/rooms.py", "", "core is layered"),
        ("invkit/plugins/status.py", "import invkit.operators", "invkit.plugins needs only"),
        ("invkit/operators/identity.py", "import invkit_ct_astra", "core imports no plugin"),
        ("invkit/plugins/status.py", "import typer", "only the command line knows typer"),
    ],
)
def test_an_import_against_the_order_breaks_its_contract(sources: Path, module: str, line: str, contract: str) -> None:
    with (sources / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    assert any(name.startswith(contract) for name in broken_contracts(sources))
