"""A plugin's commands: listed after the core's, passed their arguments unread, their exit codes passed on."""

from __future__ import annotations

import sys
import types
from importlib.metadata import EntryPoint

import pytest

from invkit.plugins import Registry, Spec, hookimpl

from .conftest import Run


def registry_of(monkeypatch: pytest.MonkeyPatch, name: str, *commands: str, code: object = None) -> Registry:
    """A registry with one plugin that has these commands; each prints what it was called with."""
    module = types.ModuleType(f"plugin_with_commands_{name.replace('-', '_')}")

    @hookimpl
    def invkit_commands() -> list[Spec]:
        target = f"{module.__name__}:run"
        return [Spec(name=command, summary=f"Does {command}.", target=target) for command in commands]

    def run(args: list[str], prog_name: str) -> object:
        print(prog_name, *args, sep="|")  # noqa: T201
        if isinstance(code, BaseException):
            raise code
        return code

    vars(module).update(CORE_API=(1, 0), invkit_commands=invkit_commands, run=run)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return Registry([EntryPoint(name=name, value=module.__name__, group="invkit")], environ={})


def test_plugin_commands_stand_after_the_cores_with_their_provider(
    invkit: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, out, _ = invkit("--help", registry=registry_of(monkeypatch, "my-ct", "scan", "view"))
    own, _, plugged = out.partition("\nFrom plugins:\n")
    assert "  plugins " in own
    assert "my-ct" not in own
    assert plugged.split() == ["my-ct", "Commands:", "scan,", "view.", "[my-ct]"]


def test_every_argument_is_passed_on_unread(invkit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = registry_of(monkeypatch, "my-ct", "scan")
    arguments = ["a", "--set", "x=1", "-q", "--", "--json", "--help"]
    assert invkit("my-ct", "scan", *arguments, registry=registry)[:2] == (
        0,
        "invkit my-ct scan|" + "|".join(arguments) + "\n",
    )
    assert invkit("my-ct", "scan", "--help", registry=registry)[:2] == (0, "invkit my-ct scan|--help\n")


def test_the_help_of_the_plugin_lists_its_commands(invkit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = invkit("my-ct", "--help", registry=registry_of(monkeypatch, "my-ct", "scan"))
    assert code == 0
    assert "scan  Does scan." in out


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (4, 4), (SystemExit(2), 2), (SystemExit("no"), 1)])
def test_the_exit_code_of_the_command_is_passed_on(
    returned: object, code: int, invkit: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert invkit("my-ct", "scan", registry=registry_of(monkeypatch, "my-ct", "scan", code=returned))[0] == code


def test_no_plugin_takes_the_place_of_a_core_command(invkit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, err = invkit("list", registry=registry_of(monkeypatch, "list", "scan"))
    assert code == 0
    assert "core/identity" in out
    assert err == "invkit: the commands of the plugin 'list' are not mounted: 'invkit list' is a core command.\n"
