"""``invkit plugins new``: what it writes works, and nothing is written by halves."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from invkit.cli import plugin_new
from invkit.plugins import CORE_API, Registry
from invkit.testing.items import items_of_plugin

from .conftest import Run


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return plugin_new.write_plugin("two-words", tmp_path)


@pytest.fixture
def registry(written: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.syspath_prepend(written / "src")
    yield Registry([EntryPoint("two-words", "invkit_two_words._plugin", "invkit")], environ={})
    for name in [name for name in sys.modules if name.partition(".")[0] == "invkit_two_words"]:
        del sys.modules[name]


def test_the_plugin_announces_one_of_each_and_nothing_of_it_is_refuted(registry: Registry) -> None:
    assert [entry.id for entry in registry.entries(provider="two-words")] == [
        "two-words/shift",
        "two-words/negativity",
        "two-words/unitary-descent",
    ]
    results = [item.run() for item in items_of_plugin(registry, "two-words")]
    assert len(results) > 40
    assert [result for result in results if result.is_bad] == []


@pytest.mark.slow
def test_its_own_tests_pass(written: Path) -> None:
    code = (
        "import sys; from importlib.metadata import EntryPoint; from invkit.plugins import Registry, set_registry\n"
        f"sys.path.insert(0, {str(written / 'src')!r})\n"
        "point = EntryPoint('two-words', 'invkit_two_words._plugin', 'invkit')\n"
        "set_registry(Registry([point], environ={}))\n"
        "import pytest; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=written, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "failed" not in done.stdout
    assert "skipped" not in done.stdout


def test_its_files_are_those_of_a_package_and_hold_no_placeholder(written: Path) -> None:
    files = {str(path.relative_to(written)): path.read_text() for path in written.rglob("*") if path.is_file()}
    assert {"pyproject.toml", "README.md", "src/invkit_two_words/py.typed", "tests/test_conformance.py"} <= set(files)
    assert not [name for name, text in files.items() if "$" in text]
    project = tomllib.loads(files["pyproject.toml"])["project"]
    assert project["entry-points"]["invkit"] == {"two-words": "invkit_two_words._plugin"}
    assert "Private :: Do Not Upload" in project["classifiers"]
    assert f"CORE_API = {CORE_API}" in files["src/invkit_two_words/_plugin.py"]


def test_ruff_has_nothing_to_say_of_it(written: Path) -> None:
    pytest.importorskip("ruff", reason="needs ruff; install requirements-dev.txt")
    for arguments in (["ruff", "check", "--no-cache", "."], ["ruff", "format", "--no-cache", "--check", "."]):
        done = subprocess.run(
            [sys.executable, "-m", *arguments], cwd=written, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Motion", "expected words of a-z and 0-9 joined by hyphens"),
        ("9lives", "a letter first"),
        ("a_b", "joined by hyphens"),
        ("../x", "joined by hyphens"),
        ("invkit-motion", "Write 'motion'."),
        ("core", "it is a plugin of"),
        ("check", "it is a command of invkit"),
        ("nonexpansive-nets", "it is a plugin of invkit's own"),
        ("plugins", "it is a command of invkit"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused_and_nothing_is_written(
    name: str, message: str, invkit: Run, tmp_path: Path
) -> None:
    code, out, err = invkit("plugins", "new", name, "--folder", str(tmp_path))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err
    assert list(tmp_path.iterdir()) == []


def test_the_program_says_what_comes_next_and_a_second_run_touches_nothing(invkit: Run, tmp_path: Path) -> None:
    code, out, err = invkit("plugins", "new", "motion", "--folder", str(tmp_path), "--json")
    assert (code, err) == (0, "")
    answer = json.loads(out)
    assert (answer["plugin"], answer["folder"]) == ("motion", str(tmp_path / "invkit-motion"))
    assert "tests/test_conformance.py" in answer["files"]
    (tmp_path / "invkit-motion" / "README.md").write_text("mine", encoding="utf-8")
    code, out, err = invkit("plugins", "new", "motion", "--folder", str(tmp_path))
    assert (code, out) == (2, "")
    assert "exists already" in err
    assert (tmp_path / "invkit-motion" / "README.md").read_text(encoding="utf-8") == "mine"


def test_a_folder_that_is_not_there_is_refused(invkit: Run, tmp_path: Path) -> None:
    code, _, err = invkit("plugins", "new", "motion", "--folder", str(tmp_path / "nowhere"))
    assert code == 2
    assert "expected one that exists" in err


def test_what_fails_in_the_middle_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, text: str) -> None:
        if path.name == "shift.py":
            raise OSError("no space left on device")

    monkeypatch.setattr(plugin_new, "_write", full)
    with pytest.raises(OSError, match="no space left"):
        plugin_new.write_plugin("motion", tmp_path)
    assert list(tmp_path.iterdir()) == []
