"""Each plugin is queried alone: what one does wrong is its own row and disturbs nothing else."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from invkit.errors import ConfigError, PluginError
from invkit.plugins import State
from invkit.plugins.discovery import describe, installed_entry_points

from .conftest import GOOD, HEAD, MakePlugin, MakeRegistry

HOOK = "\n@hookimpl\ndef invkit_operators():\n    "

BROKEN = {
    "import error": ("import invkit_not_there", State.FAILED, r"^import \w+: ModuleNotFoundError: .*invkit_not_there"),
    "syntax error": ("def", State.FAILED, r"^import \w+: SyntaxError"),
    "exit at import": ("raise SystemExit(3)", State.FAILED, r"^import \w+: SystemExit: 3$"),
    "exit in a hook": (HEAD + HOOK + "raise SystemExit", State.FAILED, r"^invkit_operators: SystemExit$"),
    "error in a hook": (HEAD + HOOK + "return 1 / 0", State.FAILED, r"^invkit_operators: ZeroDivisionError: "),
    "generator exit": (HEAD + HOOK + "raise GeneratorExit", State.FAILED, r"^invkit_operators: GeneratorExit$"),
    "no API": (GOOD.replace("CORE_API", "API"), State.FAILED, r"CORE_API is None, expected \(major, minor\)"),
    "text as API": (GOOD.replace("(1, 0)", "'1.0'"), State.FAILED, r"CORE_API is '1.0', expected \(major, minor\)"),
    "too old": (GOOD.replace("(1, 0)", "(0, 9)"), State.INCOMPATIBLE, r"is 0.9, .*Install a newer some-broken\."),
    "too new minor": (
        GOOD.replace("(1, 0)", "(1, 7)"),
        State.INCOMPATIBLE,
        r"is 1.7, .*Install a newer invkit\.",
    ),
    "too new major": (
        GOOD.replace("(1, 0)", "(2, 0)"),
        State.INCOMPATIBLE,
        r"is 2.0, .*Install a newer invkit\.",
    ),
    "unknown hook": (
        GOOD.replace("_operators", "_operator"),
        State.FAILED,
        r"'invkit_operator', .* Did you mean invkit_operators",
    ),
    "unmarked hook": (
        GOOD.replace("@hookimpl\n", ""),
        State.FAILED,
        r"invkit_operators has no marker, expected @hookimpl",
    ),
    "unknown argument": (
        GOOD.replace("operators()", "operators(color)"),
        State.FAILED,
        r"PluginValidationError: .*color",
    ),
    "renamed hook": (
        GOOD.replace("@hookimpl", "@hookimpl(specname='invkit_ops')"),
        State.FAILED,
        r"unknown hook 'invkit_ops'",
    ),
    "a number": (
        HEAD + HOOK + "return 3",
        State.FAILED,
        r"invkit_operators: result is a int, expected a list of Specs",
    ),
    "a text": (HEAD + HOOK + "return 'shift'", State.FAILED, r"invkit_operators: result is a str, expected a list"),
    "dictionaries": (
        HEAD + HOOK + "return [{'name': 'a'}]",
        State.FAILED,
        r"invkit_operators: item is a dict, expected a Spec",
    ),
    "bad name": (
        GOOD.replace('"shift"', '"Shift It"'),
        State.FAILED,
        r"ConfigError: Spec 'Shift It': name is 'Shift It'",
    ),
    "unknown field": (GOOD.replace('name="shift"', 'nom="shift"'), State.FAILED, r"invkit_operators: TypeError: .*nom"),
    "text for a tuple": (
        GOOD.replace("summary=", 'devices="cpu", summary='),
        State.FAILED,
        r"devices of shift is 'cpu', expected a tuple",
    ),
    "true for a number": (
        GOOD.replace("summary=", "dims=(True,), summary="),
        State.FAILED,
        r"dims of shift is \(True,\)",
    ),
    "no summary": (
        GOOD.replace('"Cyclic shift."', '" "'),
        State.FAILED,
        r"summary of shift is ' ', expected one sentence",
    ),
    "priority": (GOOD.replace("summary=", 'priority="high", summary='), State.FAILED, r"priority of shift is 'high'"),
    "name twice": (
        GOOD.replace('target="math:sqrt")', 'target="math:sqrt")] * 2 + ['),
        State.DUPLICATE,
        r"name 'shift' occurs twice",
    ),
}


@pytest.mark.parametrize(("source", "state", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_is_one_row_and_the_others_go_on_working(
    source: str, state: State, reason: str, make_plugin: MakePlugin, make_registry: MakeRegistry
) -> None:
    points = [make_plugin("a-good"), make_plugin("broken", source), make_plugin("z-good")]
    registry = make_registry(*points)
    rows = {status.name: status for status in registry.statuses}
    assert list(rows) == ["core", "a-good", "broken", "z-good"]
    assert rows["broken"].state is state
    assert re.search(reason, rows["broken"].reason)
    assert "\n" not in rows["broken"].reason
    assert rows["broken"].entries == ()
    assert [status.name for status in registry.unhealthy] == ["broken"]
    assert {entry.id for entry in registry.entries("operator")} >= {"core/identity", "a-good/shift", "z-good/shift"}


@pytest.mark.parametrize("source", [source for source, _, _ in BROKEN.values()], ids=BROKEN)
def test_strict_mode_raises_instead(source: str, make_plugin: MakePlugin, make_registry: MakeRegistry) -> None:
    with pytest.raises(PluginError, match=r"^Plugin broken: state is \w+, expected ok \(INVKIT_STRICT_PLUGINS\)\. "):
        make_registry(make_plugin("broken", source), INVKIT_STRICT_PLUGINS="1")


def test_a_keyboard_interrupt_is_the_users_and_passes_through(
    make_plugin: MakePlugin, make_registry: MakeRegistry
) -> None:
    with pytest.raises(KeyboardInterrupt, match="stop"):
        make_registry(make_plugin("slow", "raise KeyboardInterrupt('stop')"))


def test_an_error_that_cannot_be_printed_is_still_a_row() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    assert describe(Mute()) == "Mute: (its message cannot be printed)"
    assert describe(ValueError("a\n b " + "c" * 999)).startswith("ValueError: a b ccc")
    assert len(describe(ValueError("c" * 999))) == 240


def test_a_healthy_plugin_says_where_it_comes_from(make_plugin: MakePlugin, make_registry: MakeRegistry) -> None:
    (entry,) = make_registry(make_plugin("good")).entries(provider="good")
    assert (entry.id, entry.kind, entry.origin) == ("good/shift", "operator", "some-good 1.2")


def test_a_hook_may_be_a_generator(make_plugin: MakePlugin, make_registry: MakeRegistry) -> None:
    source = HEAD + HOOK + "yield Spec(name='shift', summary='Cyclic shift.', target='math:sqrt')"
    assert make_registry(make_plugin("good", source)).entries(provider="good")[0].id == "good/shift"


def test_of_two_plugins_with_one_name_the_official_one_is_used(
    make_plugin: MakePlugin, make_registry: MakeRegistry
) -> None:
    squatter = make_plugin("wave", distribution="a-squatter")
    official = make_plugin("wave", distribution="invkit-wave")
    rows = make_registry(squatter, official).statuses[1:]
    assert [(row.distribution, row.state) for row in rows] == [
        ("invkit-wave", State.OK),
        ("a-squatter", State.DUPLICATE),
    ]
    assert "taken by invkit-wave" in rows[1].reason


def test_no_plugin_replaces_the_core(make_plugin: MakePlugin, make_registry: MakeRegistry) -> None:
    core, intruder = make_registry(make_plugin("Core")).statuses
    assert (core.target, core.state) == ("invkit._plugin", State.OK)
    assert (intruder.name, intruder.state) == ("core", State.DUPLICATE)


@pytest.mark.parametrize("name", ["my plugin", "my/plugin", "my_plugin", "-"])
def test_a_name_that_would_spoil_the_ids_is_refused(
    name: str, make_plugin: MakePlugin, make_registry: MakeRegistry
) -> None:
    status = make_registry(make_plugin(name)).statuses[1]
    assert (status.state, status.entries) == (State.FAILED, ())
    assert "expected words of a-z and 0-9 joined by hyphens" in status.reason


def test_one_module_under_two_names_is_a_duplicate(make_plugin: MakePlugin, make_registry: MakeRegistry) -> None:
    first = make_plugin("first")
    second = make_plugin("second", module=first.value)
    assert [status.state for status in make_registry(first, second).statuses] == [State.OK, State.OK, State.DUPLICATE]


def test_a_plugin_without_its_modules_is_unavailable_and_listed(
    make_plugin: MakePlugin, make_registry: MakeRegistry
) -> None:
    registry = make_registry(make_plugin("good", GOOD.replace("summary=", "requires=('invkit_not_there',), summary=")))
    status = registry.statuses[1]
    assert (status.state, status.reason) == (State.UNAVAILABLE, "needs invkit_not_there, not installed")
    assert [entry.id for entry in status.entries] == ["good/shift"]
    assert registry.unhealthy == ()


def test_what_a_plugin_prints_goes_to_standard_error(
    make_plugin: MakePlugin, make_registry: MakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    make_registry(make_plugin("loud", GOOD + "\nprint('hello')"))
    assert capsys.readouterr() == ("", "hello\n")


def test_a_plugin_that_imports_torch_is_used_and_noted(
    make_plugin: MakePlugin, make_registry: MakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "astra", raising=False)
    source = GOOD + "\nimport sys, types\nsys.modules['astra'] = types.ModuleType('astra')"
    status = make_registry(make_plugin("heavy", source)).statuses[1]
    del sys.modules["astra"]  # the plugin put it there; monkeypatch would put it back
    assert status.state is State.OK
    assert status.notes == ("imports astra while it is discovered, which slows down every command",)


def test_a_distribution_with_a_malformed_entry_point_file_hides_no_other(
    make_plugin: MakePlugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make_plugin("good")
    metadata = tmp_path / "bad" / "bad-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "entry_points.txt").write_text("[invkit]\nno equals sign\n")
    monkeypatch.syspath_prepend(str(metadata.parent))
    assert "good" in {point.name for point in installed_entry_points()}
    assert "entry points cannot be read" in caplog.text


class TestSelection:
    """The environment variables and ``--no-plugins``."""

    @pytest.mark.parametrize(
        ("environ", "used"),
        [
            ({}, ["core", "one", "two"]),
            ({"INVKIT_PLUGINS": "One"}, ["core", "one"]),
            ({"INVKIT_PLUGINS": ""}, ["core"]),
            ({"INVKIT_DISABLE_PLUGINS": " two , core"}, ["core", "one"]),
            ({"INVKIT_DISABLE_PLUGINS": "*"}, ["core"]),
            ({"INVKIT_PLUGINS": "one,two", "INVKIT_DISABLE_PLUGINS": "one"}, ["core", "two"]),
        ],
    )
    def test_the_variables_choose_and_the_core_stays(
        self, environ: dict[str, str], used: list[str], make_plugin: MakePlugin, make_registry: MakeRegistry
    ) -> None:
        registry = make_registry(make_plugin("one"), make_plugin("two"), **environ)
        assert [status.name for status in registry.statuses if status.state is State.OK] == used
        assert len(registry.statuses) == 3
        assert registry.unhealthy == ()

    def test_a_disabled_plugin_is_not_even_imported(self, make_plugin: MakePlugin, make_registry: MakeRegistry) -> None:
        point = make_plugin("bad", "raise SystemExit")
        status = make_registry(point, plugins=False).statuses[1]
        assert status.state is State.DISABLED
        assert "--no-plugins" in status.reason
        assert point.value not in sys.modules

    def test_a_slip_in_a_variable_is_reported(
        self, make_plugin: MakePlugin, make_registry: MakeRegistry, caplog: pytest.LogCaptureFixture
    ) -> None:
        make_registry(make_plugin("one"), INVKIT_DISABLE_PLUGINS="oen")
        assert "no plugin is called 'oen'" in caplog.text

    def test_strict_is_true_or_false(self, make_registry: MakeRegistry) -> None:
        assert make_registry(INVKIT_STRICT_PLUGINS="0").unhealthy == ()
        with pytest.raises(ConfigError, match=r"^INVKIT_STRICT_PLUGINS: value is 'maybe', expected 1 or 0"):
            make_registry(INVKIT_STRICT_PLUGINS="maybe")

    def test_switching_a_name_off_switches_off_whoever_claims_it(
        self, make_plugin: MakePlugin, make_registry: MakeRegistry
    ) -> None:
        registry = make_registry(make_plugin("one"), make_plugin("one"), INVKIT_DISABLE_PLUGINS="one")
        assert [status.state for status in registry.statuses[1:]] == [State.DISABLED, State.DISABLED]
