"""What the README and the pages show must work as it stands there."""

from __future__ import annotations

import importlib
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
import torch

import invkit
from invkit.functionals import least_squares
from invkit.guarantees import Node
from invkit.operators import Blur, inner
from invkit.plugins import Registry, build_with
from invkit.solvers import GradientDescent

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)


def code_blocks(page: str, language: str) -> list[str]:
    return [body for name, body in BLOCK.findall((ROOT / page).read_text(encoding="utf-8")) if name == language]


@pytest.fixture
def written_plugin(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The files that a page shows under ``# src/...``, written and importable."""
    source = tmp_path / "src"
    for body in code_blocks(request.param, "python"):
        named = re.match(r"# (src/\S+\.py)\n", body)
        if named:
            path = tmp_path / named[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body, encoding="utf-8")
    (source / "invkit_motion" / "__init__.py").write_text("", encoding="utf-8")
    monkeypatch.syspath_prepend(source)
    yield source
    for name in [name for name in sys.modules if name.partition(".")[0] == "invkit_motion"]:
        del sys.modules[name]


@pytest.mark.parametrize("written_plugin", ["README.md", "docs/plugins.md"], indirect=True)
def test_the_plugin_that_a_page_shows_is_discovered_and_builds_a_working_operator(written_plugin: Path) -> None:
    point = EntryPoint(name="motion", value="invkit_motion._plugin", group="invkit")
    registry = Registry([point], environ={})
    assert not registry.unhealthy
    blur = build_with(registry, "operator", "motion/motion-blur", {"image_shape": (5, 8), "length": 2})
    step = torch.zeros(1, 1, 5, 8)
    step[..., 4:] = 1.0
    values = blur.forward(step)[0, 0, 0].unique()
    torch.testing.assert_close(values, torch.tensor([0.0, 0.5, 1.0]), atol=1e-6, rtol=0)


@pytest.mark.parametrize("written_plugin", ["docs/plugins.md"], indirect=True)
def test_the_operator_that_the_page_defines_has_an_exact_adjoint(written_plugin: Path) -> None:
    mirror = importlib.import_module("invkit_motion.mirror").Mirror(image_shape=(3, 7))
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(2, 1, 3, 7, generator=generator) for _ in range(2))
    torch.testing.assert_close(inner(mirror.forward(x), y), inner(x, mirror.adjoint(y)))
    assert not torch.equal(mirror.forward(x), x)


@pytest.mark.parametrize("written_plugin", ["docs/plugins.md"], indirect=True)
def test_the_theorem_that_the_page_states_is_true_and_fails_where_it_should(written_plugin: Path) -> None:
    one_step = importlib.import_module("invkit_motion.one_step")
    mirror = one_step.Mirror(image_shape=(3, 7))
    y = torch.randn(2, 1, 3, 7, generator=torch.Generator().manual_seed(0))
    objective = least_squares(mirror, y)

    def theorem(tau: float) -> Node:
        return invkit.explain(objective, solver=GradientDescent(tau), rules=[one_step.ONE_STEP]).theorem("one-step")

    assert theorem(1.0).holds
    x = invkit.solve(objective, GradientDescent(1.0), torch.full_like(y, 3.0), max_steps=1).x
    torch.testing.assert_close(x, mirror.forward(y))
    assert [premise.remedy for premise in theorem(0.5).failing] == ["set step_size to 1"]


def test_the_entry_point_that_the_page_shows_names_the_module_that_it_shows() -> None:
    (manifest,) = (tomllib.loads(body) for body in code_blocks("docs/plugins.md", "toml"))
    assert manifest["project"]["entry-points"]["invkit"] == {"motion": "invkit_motion._plugin"}


def test_the_readme_shows_the_configuration_of_the_documentation() -> None:
    configuration = (ROOT / "docs" / "first_config.toml").read_text(encoding="utf-8")
    assert configuration in code_blocks("README.md", "toml")


def test_the_python_of_getting_started_runs_as_it_stands(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # it writes a file
    names: dict[str, object] = {}
    for body in code_blocks("docs/getting_started.md", "python"):
        # A smaller grid: the page shows a size that people use.
        exec(body.replace("(512, 512)", "(64, 64)").replace("(128, 128)", "(32, 32)"), names)
    solution = names["solution"]
    assert solution.converged  # type: ignore[attr-defined]
    assert "saddle point" in capsys.readouterr().out


#: Pages whose Python runs as it stands, one block after the other.
PAGES = (
    "solvers",
    "regularisers",
    "operators",
    "parameter_choice",
    "differentiation",
    "plug_and_play",
    "guarantees",
    "claims",
)
ANY_BLOCK = re.compile(r"^```(python|text)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)


def ran_and_shown(text: str, capsys: pytest.CaptureFixture[str]) -> Iterator[tuple[str, str]]:
    """What each Python block prints, beside the text block that follows it in the page."""
    names: dict[str, object] = {}
    printed = ""
    for language, body in ANY_BLOCK.findall(text):
        if language == "python":
            # The page's own Python: not with the __future__ imports of this file.
            exec(compile(body, "page", "exec", dont_inherit=True), names)
            printed = capsys.readouterr().out
        else:
            yield printed.strip(), body.strip()
            printed = ""


@pytest.mark.parametrize("page", PAGES)
def test_the_python_of_a_page_runs_and_prints_what_the_page_shows(
    page: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    results = list(ran_and_shown(text, capsys))
    assert results, f"{page} shows no result of its code"
    for printed, shown in results:
        assert printed == shown


def test_a_page_that_shows_what_its_code_does_not_print_is_noticed(capsys: pytest.CaptureFixture[str]) -> None:
    page = "```python\nprint(1 + 1)\n```\n\nis\n\n```text\n3\n```\n"
    assert list(ran_and_shown(page, capsys)) == [("2", "3")]


@pytest.mark.parametrize(
    ("page", "kind"), [("solvers", "solver"), ("regularisers", "regulariser"), ("operators", "operator")]
)
def test_the_page_of_a_kind_names_every_registered_object(page: str, kind: str) -> None:
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    ours = {path.name for path in (ROOT / "packages").iterdir()}  # a registry may hold further plugins
    entries = [entry for entry in invkit.get_registry().entries(kind) if entry.id.partition("/")[0] in ours]
    assert entries
    for entry in entries:
        assert f"`{entry.id}`" in text, entry.id


def test_the_models_that_the_configuration_page_shows_can_be_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from invkit.experiments.config import Use
    from invkit.experiments.methods import build_model

    np.save(tmp_path / "t1.npy", np.ones((6, 5), dtype=np.float32))
    monkeypatch.chdir(tmp_path)
    tables = [tomllib.loads(body) for body in code_blocks("docs/configuration.md", "toml") if "[model]" in body]
    models = [build_model(Use(**table["model"]), invkit.get_registry()) for table in tables]
    assert len(models) >= 4
    blur = Blur(torch.full((3, 3), 1 / 9), (6, 5))
    for model in models:
        assert model(torch.ones(1, 1, 6, 5), blur).shape == (1, 1, 6, 5)


def test_the_configuration_page_names_every_key() -> None:
    from invkit.experiments import Config

    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    for name in Config.model_fields:
        assert f"`{name}`" in page or f"[{name}]" in page, name
