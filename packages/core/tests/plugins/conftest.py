"""Plugins made of a few lines of source, installed in a folder of their own with real metadata."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Callable
from importlib.metadata import Distribution, EntryPoint
from pathlib import Path

import pytest

from invkit.plugins import Registry

_numbers = itertools.count()

HEAD = """
from invkit.plugins import Spec, hookimpl
CORE_API = (1, 0)
"""

GOOD = (
    HEAD
    + """
@hookimpl
def invkit_operators():
    return [Spec(name="shift", summary="Cyclic shift.", target="math:sqrt")]
"""
)

MakePlugin = Callable[..., EntryPoint]
MakeRegistry = Callable[..., Registry]


@pytest.fixture
def make_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakePlugin:
    """Write a module and the metadata of a distribution that announces it; return its entry point."""

    def make(
        name: str, source: str = GOOD, *, distribution: str = "", version: str = "1.2", module: str = ""
    ) -> EntryPoint:
        number = next(_numbers)
        folder = tmp_path / f"site{number}"
        folder.mkdir()
        monkeypatch.syspath_prepend(str(folder))
        if not module:
            module = f"invkit_test_plugin_{number}"
            (folder / f"{module}.py").write_text(textwrap.dedent(source), encoding="utf-8")
        metadata = folder / f"plugin_{number}-{version}.dist-info"
        metadata.mkdir()
        distribution = distribution or f"some-{name}"
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (metadata / "entry_points.txt").write_text(f"[invkit]\n{name} = {module}\n")
        (point,) = Distribution.at(metadata).entry_points
        return point

    return make


@pytest.fixture
def make_registry() -> MakeRegistry:
    """A registry of the given entry points that no variable of the caller's shell influences."""

    def make(*points: EntryPoint, plugins: bool = True, **environ: str) -> Registry:
        return Registry(entry_points=points, plugins=plugins, environ=environ)

    return make
