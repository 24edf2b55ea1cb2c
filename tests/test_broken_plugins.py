"""Every fixture plugin installed at once, seen by the real program: one row for each, and nothing else disturbed."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

FIXTURES = Path(__file__).with_name("fixtures") / "plugins"

#: Module -> the plugin's name, its state, and what its reason says.
ROWS = {
    "good": ("good", "ok", r"^$"),
    "lying_claim": ("lying-claim", "ok", r"^$"),
    "missing_module": ("missing-module", "unavailable", r"^needs a_package_that_is_not_installed, not installed$"),
    "import_error": ("import-error", "failed", r"^import import_error: ModuleNotFoundError: .*a_package_that_is"),
    "system_exit": ("system-exit", "failed", r"^invkit_solvers: SystemExit: no licence found$"),
    "old_api": ("old-api", "incompatible", r"is 0\.9, expected 1\.0 to .* Install a newer fixture-old-api\.$"),
    "new_api": ("new-api", "incompatible", r"is 1\.99, expected 1\.0 to .* Install a newer invkit\.$"),
    "duplicate_name": ("duplicate-name", "duplicate", r"'twice' occurs twice"),
    "taken_name": ("good", "duplicate", r"the name 'good' is taken by fixture-good"),
    "unknown_hook": ("unknown-hook", "failed", r"'invkit_operator', .* Did you mean invkit_operators"),
    "wrong_type": ("wrong-type", "failed", r"invkit_operators: item is a dict, expected a Spec"),
    "unknown_property": (
        "unknown-property",
        "failed",
        r"^invkit_operators: ConfigError: Claim: property is 'nonexpansiv', .* Did you mean nonexpansive",
    ),
    "alpha_out_of_range": (
        "alpha-out-of-range",
        "failed",
        r"^invkit_models: ConfigError: Claim averaged: alpha is 1\.2, expected a value in \(0, 1\)\.",
    ),
    # What is wrong with these is seen when a target is loaded: listing imports none.
    "broken_rule": ("broken-rule", "ok", r"^$"),
    "wrong_check": ("wrong-check", "ok", r"^$"),
    "raising_example": ("raising-example", "ok", r"^$"),
    "false_claims": ("false-claims", "ok", r"^$"),
}
#: Modules that are the target of a plugin beside them.
TARGETS = {"lying_claim_operator", "broken_rule_theorem", "false_claims_parts"}
LEFT_OUT = [name for name, state, _ in ROWS.values() if state in ("failed", "incompatible", "duplicate")]
PROGRAM = "import sys; from invkit.cli.app import main; sys.exit(main())"

Invkit = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as pip would leave it after installing every fixture plugin."""
    site = tmp_path_factory.mktemp("site")
    for source in FIXTURES.glob("*.py"):
        shutil.copy(source, site)
    for module, (name, _, _) in ROWS.items():
        distribution = f"fixture-{module.replace('_', '-')}"
        metadata = site / f"{distribution.replace('-', '_')}-0.1.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 0.1\n")
        (metadata / "entry_points.txt").write_text(f"[invkit]\n{name} = {module}\n")
    return site


@pytest.fixture
def invkit(site: Path) -> Invkit:
    """Run ``invkit ARGS`` in a process that sees the fixture plugins beside what is installed."""

    return functools.partial(run_with, site)


def run_with(site: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environ = {key: value for key, value in os.environ.items() if not key.startswith("INVKIT_")}
    environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(site), environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environ | variables,
    )


@pytest.fixture(scope="module")
def doctor(site: Path) -> str:
    """What the doctor says of all of them."""
    return run_with(site, "plugins", "doctor").stdout


def test_every_fixture_has_its_row() -> None:
    assert {path.stem for path in FIXTURES.glob("*.py")} == {*ROWS, *TARGETS}


def test_each_plugin_is_one_row_with_its_state_and_its_reason(invkit: Invkit) -> None:
    done = invkit("plugins", "list", "--json")
    rows = {row["target"]: row for row in json.loads(done.stdout)["plugins"]}
    assert (done.returncode, done.stderr) == (0, "")
    for module, (name, state, reason) in ROWS.items():
        assert (rows[module]["name"], rows[module]["state"]) == (name, state)
        assert re.search(reason, rows[module]["reason"]), rows[module]["reason"]
        assert (rows[module]["distribution"], rows[module]["version"]) == (f"fixture-{module.replace('_', '-')}", "0.1")
    assert rows["invkit._plugin"]["state"] == "ok"


def test_the_table_for_people_has_one_line_for_each(invkit: Invkit) -> None:
    lines = invkit("plugins", "list").stdout.splitlines()
    for module, (name, state, _) in ROWS.items():
        row = [name, state, f"fixture-{module.replace('_', '-')}"]
        assert sum(line.split()[:3] == row for line in lines) == 1


def test_the_others_go_on_working_and_each_left_out_is_one_line(invkit: Invkit) -> None:
    done = invkit("list", "operator", "--json")
    ids = [item["id"] for item in json.loads(done.stdout)["objects"]]
    assert done.returncode == 0
    assert {"core/identity", "good/identity", "lying-claim/scaled-adjoint", "missing-module/faraway"} <= set(ids)
    assert not [name for name in ids if name.partition("/")[0] in set(LEFT_OUT) - {"good"}]
    lines = [line for line in done.stderr.splitlines() if "left out" in line]
    assert sorted(line.split()[2] for line in lines) == sorted(LEFT_OUT)
    assert all(line.endswith("Run 'invkit plugins doctor'.") for line in lines)


def test_the_command_of_a_good_plugin_runs_beside_broken_ones(invkit: Invkit) -> None:
    done = invkit("good", "count", "a", "--b", "c")
    assert (done.returncode, done.stdout) == (0, "invkit good count 3\n")
    assert "From plugins:\n  good" in invkit("--help").stdout


def test_the_doctor_ends_with_3_and_names_every_patient(invkit: Invkit) -> None:
    done = invkit("plugins", "doctor")
    assert done.returncode == 3
    assert [name for name in LEFT_OUT if f"{name} (fixture-" not in done.stdout] == []


@pytest.mark.parametrize(
    "line",
    [
        r"broken-rule/about-nothing .* raised ConfigError: Hypothesis 'all is well': concerns names 'wellness', ",
        r"broken-rule/no-rule .* target is builtin_function_or_method, expected an invkit\.guarantees\.Rule",
        r"broken-rule/alias .* name of the rule is 'fista-rate', expected 'alias'",
        r"raising-example/fragile .*: RuntimeError: the data of the example are gone$",
        r"false-claims/denoiser .*: claims\(\) of its example raised ConfigError: Claim averaged: alpha is 1\.2, ",
        r"false_claims defines invkit_rules more than once",
        r"false-claims/about .*: about\(\) raised AttributeError: ",
        r"false-claims/premise .*: rule premise: KeyError: 'weight', for the example of ",
        r"wrong-check/no-check .* expected an invkit\.testing\.Check",
        r"wrong-check/nowhere .* expected a name that math defines",
    ],
)
def test_the_doctor_loads_every_target_and_names_what_is_none(line: str, doctor: str) -> None:
    assert re.search(rf"^  {line}", doctor, flags=re.MULTILINE)


def test_a_rule_that_cannot_be_used_is_an_error_in_the_tree_that_names_its_plugin(invkit: Invkit) -> None:
    config = str(FIXTURES.parents[2] / "docs" / "first_config.toml")
    arguments = ("--set", "data={use='core/ellipses',image_shape=[16,16]}", "--set", "compare=[]")
    operator = ("--set", "operator={use='core/identity'}", "--set", "noise={use='core/gaussian',std=0.1}")
    done = invkit("explain", config, *arguments, *operator)
    assert done.returncode == 0, done.stderr
    for name in ("about-nothing", "no-rule", "alias"):
        assert f"broken-rule/{name} (fixture-broken-rule 0.1)" in done.stdout
    assert "the iterates converge to a saddle point" in done.stdout


def test_a_check_that_is_none_is_named_and_the_others_are_asked(invkit: Invkit) -> None:
    done = invkit("check", "good/identity")
    assert done.returncode == 0
    assert "a check is left out: wrong-check/no-check (fixture-wrong-check 0.1): target is" in done.stderr
    assert invkit("check", "wrong-check").returncode == 4


def test_an_example_that_raises_is_a_failure_of_that_object_alone(invkit: Invkit) -> None:
    for arguments in (("check", "raising-example"), ("plugins", "test", "raising-example")):
        done = invkit(*arguments)
        assert done.returncode == 4
        assert "RuntimeError: the data of the example are gone" in done.stdout


def test_strict_mode_ends_with_3_at_the_first_broken_one(invkit: Invkit) -> None:
    done = invkit("list", INVKIT_STRICT_PLUGINS="1")
    assert (done.returncode, done.stdout) == (3, "")
    assert re.fullmatch(r"invkit: Plugin [\w-]+: state is \w+, expected ok .*\n", done.stderr)


@pytest.mark.parametrize(
    ("arguments", "variables", "used"),
    [
        (["--no-plugins"], {}, {"core"}),
        ([], {"INVKIT_DISABLE_PLUGINS": "*"}, {"core"}),
        ([], {"INVKIT_PLUGINS": "lying-claim"}, {"core", "lying-claim"}),
    ],
)
def test_broken_plugins_can_be_switched_off(
    arguments: list[str], variables: dict[str, str], used: set[str], invkit: Invkit
) -> None:
    done = invkit(*arguments, "list", "--json", **variables)
    assert {item["plugin"] for item in json.loads(done.stdout)["objects"]} == used
    assert done.stderr == ""


def test_what_needs_a_missing_module_says_what_to_install(invkit: Invkit) -> None:
    done = invkit("check", "missing-module/faraway")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Run: pip install a_package_that_is_not_installed" in done.stderr


def test_a_lying_claim_is_refuted_by_measuring(invkit: Invkit) -> None:
    lying = invkit("check", "lying-claim/scaled-adjoint")
    assert lying.returncode == 4
    assert "adjoint" in lying.stdout
    assert invkit("check", "good/identity").returncode == 0
