"""The script that proves a package's siblings absent must notice one that is present."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).with_name("assert_isolated.py")


@pytest.fixture
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("assert_isolated", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_everything_present_is_isolated_from_what_does_not_exist(script: ModuleType) -> None:
    assert script.problems(["invkit", "invkit_ct_astra"], ["invkit_not_there"]) == []


def test_an_importable_sibling_is_reported_with_its_distribution_and_its_entry_point(script: ModuleType) -> None:
    assert script.problems(["invkit"], ["invkit_ct_astra"]) == [
        "invkit_ct_astra can be imported",
        "the distribution of invkit_ct_astra is installed",
        "an entry point names invkit_ct_astra._plugin",
    ]


def test_a_package_that_should_be_there_and_is_not_is_reported(script: ModuleType) -> None:
    found = script.problems(["invkit", "invkit_ct_astra", "invkit_not_there"], [])
    assert found == ["invkit_not_there cannot be imported"]


def test_the_script_ends_with_one_when_a_sibling_is_present(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["assert_isolated.py", "--present", "invkit", "--absent", "invkit_ct_astra"])
    assert script.main() == 1
    assert "not isolated: invkit_ct_astra can be imported" in capsys.readouterr().err
