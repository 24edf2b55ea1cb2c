"""The finished third-party plugin stands outside of everything that is ours, and uses nothing that is private."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PLUGINS = sorted(path.parent for path in (ROOT / "docs" / "examples" / "thirdparty").glob("*/pyproject.toml"))


def imported(source: Path) -> list[str]:
    """The names of invkit that a file imports, with the modules they come from."""
    found = []
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
    return [name for name in found if re.match(r"invkit\b(?!_)", name)]


def test_there_is_one() -> None:
    assert [plugin.name for plugin in PLUGINS] == ["cycle-spinning"]


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin.name)
def test_it_is_a_package_of_its_own_that_nothing_of_ours_names(plugin: Path) -> None:
    project = tomllib.loads((plugin / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module = "invkit_" + plugin.name.replace("-", "_")
    assert project["entry-points"]["invkit"] == {plugin.name: f"{module}._plugin"}
    assert "Private :: Do Not Upload" in project["classifiers"]
    assert (plugin / "src" / module / "py.typed").is_file()
    assert (plugin / project["readme"]).is_file()
    for name in ("requirements-dev.txt", "constraints.txt", "pyproject.toml"):
        assert plugin.name not in (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin.name)
def test_it_uses_public_names_only(plugin: Path) -> None:
    names = [name for source in plugin.rglob("*.py") for name in imported(source)]
    assert names
    assert [name for name in names if any(part.startswith("_") for part in name.split("."))] == []


def test_the_session_that_installs_it_is_among_those_that_run_by_default() -> None:
    noxfile = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    (sessions,) = re.findall(r"^nox\.options\.sessions = (\[.*\])$", noxfile, flags=re.MULTILINE)
    assert "kit" in ast.literal_eval(sessions)
