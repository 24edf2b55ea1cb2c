"""The shape of the repository: what every package has, and what no tracked file contains."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = sorted(path.parent for path in ROOT.glob("packages/*/pyproject.toml"))
SOURCES = sorted(ROOT.glob("packages/*/src/**/*.py"))
LONGEST_FILE = 400
# Written in pieces, so that this file does not contain what it looks for.
PRIVATE_PATH = re.compile(r"(?<![\w.])/" + r"(?:work|root|home/\w+|tmp/\w+|opt/pypi|opt/wheels)\b")


def project(package: Path) -> dict:
    return tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def import_folder(package: Path) -> Path:
    name = "invkit" if package.name == "core" else "invkit_" + package.name.replace("-", "_")
    return package / "src" / name


def tool(name: str) -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][name]


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is not a git checkout; run it in a clone")
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in files if path.is_file() and not path.is_symlink()]


def find_private_paths(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if PRIVATE_PATH.search(line)]


def test_there_are_packages_and_sources_to_look_at() -> None:
    assert {"core", "ct-astra"} <= {package.name for package in PACKAGES}
    assert len(SOURCES) > 20


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_every_package_is_typed_and_announces_itself(package: Path) -> None:
    folder = import_folder(package)
    missing = [name for name in ("__init__.py", "py.typed", "_plugin.py") if not (folder / name).is_file()]
    assert not missing
    assert project(package)["entry-points"]["invkit"] == {package.name: f"{folder.name}._plugin"}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_every_package_has_a_readme_and_tests(package: Path) -> None:
    assert (package / project(package)["readme"]).read_text(encoding="utf-8").strip()
    assert list((package / "tests").rglob("test_*.py"))


def test_all_packages_carry_one_version() -> None:
    assert len({project(package)["version"] for package in PACKAGES}) == 1


def test_every_plugin_needs_the_core_of_its_own_minor_version() -> None:
    for package in PACKAGES:
        major, minor = project(package)["version"].split(".")[:2]
        needed = [line for line in project(package)["dependencies"] if re.match(r"invkit\b(?!-)", line)]
        expected = f"invkit>={major}.{minor},<{major}.{int(minor) + 1}"
        assert needed == ([] if package.name == "core" else [expected])


def test_no_package_depends_on_a_sibling_plugin() -> None:
    plugins = {project(package)["name"] for package in PACKAGES} - {"invkit"}
    for package in PACKAGES:
        named = {re.split(r"[\s<>=!~\[;]", line)[0] for line in project(package)["dependencies"]}
        assert not named & plugins


def test_the_import_contracts_name_every_package() -> None:
    names = [import_folder(package).name for package in PACKAGES]
    contracts = {contract["name"]: contract for contract in tool("importlinter")["contracts"]}
    assert sorted(tool("importlinter")["root_packages"]) == sorted(names)
    plugins = sorted(set(names) - {"invkit"})
    assert sorted(contracts["core imports no plugin"]["forbidden_modules"]) == plugins
    assert sorted(contracts["plugins do not import each other"]["modules"]) == plugins


def test_the_development_requirements_install_every_package() -> None:
    lines = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8").splitlines()
    assert "-c constraints.txt" in lines
    for package in PACKAGES:
        assert any(line.startswith(f"-e ./packages/{package.name}[") for line in lines)


def test_every_dependency_is_pinned_in_the_constraints() -> None:
    def name(line: str) -> str:
        return re.split(r"[\s<>=!~\[;]", line)[0].lower()

    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {name(line) for line in lines if "==" in line}
    ours = {project(package)["name"] for package in PACKAGES}
    for package in PACKAGES:
        extras = project(package).get("optional-dependencies", {}).values()
        needed = {name(line) for group in [project(package)["dependencies"], *extras] for line in group}
        assert needed - ours <= pinned


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "packages")))
def test_a_source_file_stays_short_enough_to_be_read_at_once(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


def test_no_tracked_file_names_a_path_of_one_machine() -> None:
    found = {}
    for path in tracked_files():
        try:
            lines = find_private_paths(path.read_text(encoding="utf-8"))
        except UnicodeDecodeError:  # an image
            continue
        if lines:
            found[str(path.relative_to(ROOT))] = lines
    assert not found


@pytest.mark.parametrize(
    ("line", "is_private"),
    [
        ("data = '/" + "work/shared/data'", True),
        ("see /" + "root/notes", True),
        ("/" + "tmp/scratch/a.npy", True),
        ("the work/rest ratio of network/workers", False),
        ("https://example.org/" + "work/shop", False),
    ],
)
def test_the_search_for_private_paths_finds_them(line: str, is_private: bool) -> None:
    assert bool(find_private_paths(line)) is is_private


def test_the_readme_names_the_commands_that_newcomers_and_ci_run() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert "python -m pip install -r requirements-dev.txt && invkit demo" in readme
    assert "python -m pip install nox && nox" in readme
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.search(r"^python -m pip install (--quiet )?nox\b", script, flags=re.MULTILINE)
    assert re.search(r"^nox </dev/null", script, flags=re.MULTILINE)


def test_the_licence_is_there_and_says_why_astra_stands_apart() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert text.startswith("BSD 3-Clause License")
    assert "astra-toolbox" in text
    assert all(project(package)["license"] == "BSD-3-Clause" for package in PACKAGES)


def test_the_changelog_has_a_place_for_the_next_change() -> None:
    assert "\n## [Unreleased]\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
