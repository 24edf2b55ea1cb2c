"""The program as a whole: its help, and one line and one exit code for every error."""

from __future__ import annotations

import json
import sys
import types
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from invkit import __version__, errors
from invkit.cli.output import ExitCode, exit_code
from invkit.plugins import Registry

from .conftest import Run


def a_command(monkeypatch: pytest.MonkeyPatch, name: str, error: BaseException | int) -> list[tuple[tuple, dict]]:
    """Put a module in the place of a heavy command; it records its arguments and raises, or returns, ``error``."""
    calls: list[tuple[tuple, dict]] = []

    def run(*arguments: object, **options: object) -> int:
        calls.append((arguments, options))
        if isinstance(error, BaseException):
            raise error
        return error

    module = types.ModuleType(name)
    module.run = run  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, f"invkit.cli.{name}", module)
    return calls


def test_the_help_lists_every_command_with_one_whole_line(invkit: Run) -> None:
    code, out, _ = invkit("--help")
    assert code == 0
    for name in ("demo", "list", "info", "check", "explain", "reconstruct", "evaluate", "plugins"):
        assert f"\n  {name} " in out
    assert "..." not in out.partition("Commands:")[2]


def test_the_version_is_data(invkit: Run) -> None:
    code, out, err = invkit("--version")
    assert (code, err) == (0, "")
    assert out.strip() == __version__


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ConfigError("a"), 2),
        (errors.DataError("a"), 2),
        (errors.ShapeError("a"), 2),
        (errors.UnknownNameError("a"), 2),
        (errors.MissingDependencyError("a"), 2),
        (errors.ClaimRefutedError("a"), 4),
        (errors.GuaranteeError("a"), 4),
        (errors.ConvergenceError("a"), 1),
        (errors.InvkitError("a"), 1),
        (errors.PluginError("a"), 3),
        (FileNotFoundError(2, "No such file", "a.npy"), 2),
        (OSError(28, "No space left on device"), 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_an_error_is_one_line_and_its_exit_code(
    error: Exception, code: int, invkit: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_command(monkeypatch, "demo", error)
    done, out, err = invkit("demo")
    assert (done, out) == (code, "")
    assert err.startswith("invkit: ")
    assert err.count("\n") == 1


def test_a_message_with_line_breaks_is_still_one_line(invkit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    a_command(monkeypatch, "demo", errors.DataError("truncated\n  at byte 7"))
    assert invkit("demo")[2] == "invkit: truncated at byte 7\n"


def test_a_defect_keeps_its_traceback(invkit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    a_command(monkeypatch, "demo", ZeroDivisionError("defect"))
    with pytest.raises(ZeroDivisionError, match="defect"):
        invkit("demo")
    assert exit_code(ZeroDivisionError()) is None


def test_an_interrupt_ends_with_130_and_one_line(invkit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    a_command(monkeypatch, "demo", KeyboardInterrupt())
    assert invkit("demo") == (130, "", "invkit: interrupted.\n")


@pytest.mark.parametrize("code", list(ExitCode)[:5])
def test_a_command_chooses_its_exit_code(code: int, invkit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    a_command(monkeypatch, "demo", int(code))
    assert invkit("demo")[0] == code


class TestArguments:
    """Every option reaches the command that runs it."""

    @pytest.fixture
    def config(self, tmp_path: Path) -> Path:
        path = tmp_path / "config.toml"
        path.write_text("seed = 0\n")
        return path

    def test_reconstruct(self, config: Path, invkit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        calls = a_command(monkeypatch, "reconstruct", 0)
        options = [
            "--input",
            str(config),
            "--output",
            "x.png",
            "--set",
            "a=1",
            "--set",
            "b=2",
            "--runs",
            "r",
            "--json",
            "--quiet",
        ]
        assert invkit("reconstruct", str(config), *options)[0] == 0
        expected = {
            "input_file": config,
            "output": Path("x.png"),
            "overrides": ["a=1", "b=2"],
            "runs": Path("r"),
            "as_json": True,
            "quiet": True,
        }
        assert calls == [((config,), expected)]

    def test_explain(self, config: Path, invkit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        calls = a_command(monkeypatch, "explain", 0)
        invkit("explain", str(config))
        assert calls == [((config,), {"overrides": [], "input_file": None, "as_json": False, "brief": False})]

    def test_check(self, invkit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        calls = a_command(monkeypatch, "check", 4)
        assert invkit("check", "core/tv", "--device", "cpu", "--dtype", "float64", "--seed", "3", "--json")[0] == 4
        files = {"save": None, "reproduced": None}
        assert calls == [(("core/tv",), {"device": "cpu", "dtype": "float64", "as_json": True, "seed": 3, **files})]

    def test_evaluate_and_demo(self, tmp_path: Path, invkit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        evaluated, shown = a_command(monkeypatch, "evaluate", 0), a_command(monkeypatch, "demo", 0)
        invkit("evaluate", str(tmp_path))
        invkit("demo", "--output", "d", "--seed", "1")
        assert evaluated == [((tmp_path,), {"truth": None, "mask": None, "as_json": False})]
        assert shown == [((), {"output": Path("d"), "seed": 1})]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["reconstruct", "nowhere.toml"], "nowhere.toml: it cannot be read"),
            (["lst"], "No such command 'lst'"),
            (["list", "--colour"], "No such option"),
            (["demo", "--seed", "-1"], "should be greater than or equal to 0"),
            (["demo", "--seed", "many"], "should be a valid integer"),
            (["list", "op"], "kind is 'op', expected a known one"),
            (["list", "--claim", "linar"], "Did you mean linear?"),
            (["info", "core/tvv"], "Did you mean core/tv"),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_wrong_arguments_are_refused_with_2(self, arguments: list[str], message: str, invkit: Run) -> None:
        code, out, err = invkit(*arguments)
        assert (code, out) == (2, "")
        assert message in err
        assert "Traceback" not in err


def test_one_line_names_the_plugin_that_is_left_out(invkit: Run) -> None:
    registry = Registry([EntryPoint(name="bad", value="not_there_at_all", group="invkit")], environ={})
    line = "invkit: plugin bad is left out (failed). Run 'invkit plugins doctor'.\n"
    assert invkit("list", registry=registry)[2] == line
    assert invkit("--help", registry=registry)[2] == line
    code, out, err = invkit("plugins", "list", registry=registry)
    assert (code, err) == (0, "")
    assert "bad" in out


def test_no_plugins_leaves_the_core_alone(invkit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INVKIT_STRICT_PLUGINS", raising=False)
    code, out, _ = invkit("--no-plugins", "plugins", "list", "--json")
    rows = json.loads(out)["plugins"]
    assert code == 0
    assert [row["name"] for row in rows if row["state"] == "ok"] == ["core"]
    assert {row["state"] for row in rows} <= {"ok", "disabled"}
