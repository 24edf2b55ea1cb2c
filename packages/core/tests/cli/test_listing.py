"""``list``, ``info`` and ``plugins``: plain aligned tables for people, JSON with a schema version for programs."""

from __future__ import annotations

import json
import logging
import sys
import types
from importlib.metadata import EntryPoint

import pytest
import torch

from invkit.claims import PROPERTIES
from invkit.cli import plugins as plugin_commands
from invkit.cli.output import table, write_json
from invkit.plugins import KINDS, Registry

from .conftest import Run


def test_columns_are_aligned_and_nothing_is_cut() -> None:
    text = table(("ID", "SUMMARY"), [("core/identity", "The identity."), ("a", "b" * 200)])
    assert text.splitlines() == [
        "ID             SUMMARY",
        "core/identity  The identity.",
        "a              " + "b" * 200,
    ]


def test_json_carries_the_schema_version_and_refuses_what_json_has_not(capsys: pytest.CaptureFixture[str]) -> None:
    write_json({"a": [1]})
    assert json.loads(capsys.readouterr().out) == {"schema_version": 1, "a": [1]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json({"a": float("nan")})


@pytest.mark.parametrize("kind", KINDS)
def test_the_table_and_the_json_list_the_same_objects(kind: str, invkit: Run) -> None:
    _, text, _ = invkit("list", kind)
    objects = json.loads(invkit("list", kind + "s", "--json")[1])["objects"]
    assert [line.split()[1] for line in text.splitlines()[1:]] == [item["id"] for item in objects]
    assert {item["kind"] for item in objects} <= {kind}


def test_messages_are_lines_of_the_program_once_however_often_logging_is_set_up(
    invkit: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    invkit("list")
    invkit("list")
    logging.getLogger("invkit").info("picked %s", "core/tv")
    logging.getLogger("invkit").debug("too much")
    assert capsys.readouterr().err == "invkit: picked core/tv\n"


def test_nothing_found_is_empty_data_and_a_word_on_standard_error(invkit: Run) -> None:
    assert invkit("list", "operator", "--claim", "gradient-field") == (0, "", "invkit: no registered object matches.\n")


def test_claims_and_devices_select(invkit: Run) -> None:
    def ids(*options: str) -> set[str]:
        return {item["id"] for item in json.loads(invkit("list", *options, "--json")[1])["objects"]}

    assert ids("--claim", "unitary") == {"core/haar", "core/identity"}
    assert ids("--claim", "Linear", "--device", "cuda:0") == ids("operator") - {"core/gradient-flow-step"}
    assert ids("--device", "mps") == set()


def test_info_tells_the_parameters_with_types_and_defaults(invkit: Run) -> None:
    code, out, err = invkit("info", "identity")
    assert (code, err) == (0, "")
    assert out.startswith("core/identity (operator): The identity")
    assert "parameter   image_shape: tuple[int, ...] (required)" in out
    assert "parameter   channels: int = 1" in out
    assert "claim       unitary (by construction)" in out
    (item,) = json.loads(invkit("info", "core/identity", "--json")[1])["objects"]
    assert item["parameters"][1] == {"name": "channels", "type": "int", "required": False, "default": "1"}


def test_a_device_that_nothing_runs_on_is_refused(invkit: Run) -> None:
    for device in ("tpu", "cuda:x", ""):
        code, out, err = invkit("list", "--device", device)
        assert (code, out) == (2, "")
        assert f"--device: name is {device!r}, expected cpu, cuda, mps, xpu" in err


def test_info_tells_what_a_configuration_sets_beside_the_parameters(invkit: Run) -> None:
    _, out, _ = invkit("info", "core/tv")
    assert "config key  weight: float | Tensor = 1.0 (in the regulariser table of a model)" in out
    assert "domain" not in out
    (item,) = json.loads(invkit("info", "core/pdhg", "--json")[1])["objects"]
    assert [key["name"] for key in item["configuration_keys"]] == ["rtol", "atol", "max_steps", "check_every"]
    assert [parameter["name"] for parameter in item["parameters"]] == ["tau", "sigma", "balance"]


def test_info_of_a_name_with_two_kinds_tells_both(invkit: Run) -> None:
    assert [item["kind"] for item in json.loads(invkit("info", "gradient-descent", "--json")[1])["objects"]] == [
        "solver",
        "rule",
    ]


def test_info_of_a_target_that_cannot_be_imported_tells_the_rest(invkit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "invkit.operators.identity", None)
    code, out, _ = invkit("info", "core/identity")
    assert code == 0
    assert "parameters  cannot be read: core/identity" in out


def test_the_doctor_ends_with_0_when_all_is_well(invkit: Run) -> None:
    code, out, _ = invkit("plugins", "doctor", "--json")
    report = json.loads(out)
    assert (code, report["healthy"]) == (0, True), [plugin["troubles"] for plugin in report["plugins"]]
    assert report["versions"]["torch"]
    assert report["devices"]["cuda"].startswith("yes" if torch.cuda.is_available() else "no")


def test_the_doctor_ends_with_3_when_a_target_cannot_be_loaded(invkit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "invkit.operators.identity", None)
    code, out, _ = invkit("plugins", "doctor")
    assert code == 3
    assert "  core/identity" in out
    assert "Run 'invkit plugins doctor'" not in out
    assert "Something is wrong: see above." in out


def test_the_doctor_survives_a_broken_torch(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    plugin_commands.doctor(Registry([], environ={}), as_json=True)
    assert "cannot be imported" in json.loads(capsys.readouterr().out)["devices"]["torch"]


def test_the_vocabulary_of_claims_is_listed_with_ranges_and_meanings(invkit: Run) -> None:
    code, out, _ = invkit("list", "claims")
    assert code == 0
    (row,) = [line for line in out.splitlines() if line.startswith("averaged")]
    assert "alpha in (0, 1)" in row
    assert "N nonexpansive" in row
    rows = json.loads(invkit("list", "claims", "--json")[1])["properties"]
    assert {row["property"] for row in rows} == set(PROPERTIES)


def test_a_rule_prints_its_theorem_with_every_premise(invkit: Run) -> None:
    assert any(line.split()[:2] == ["rule", "core/fista-rate"] for line in invkit("list", "rule")[1].splitlines())
    code, text, _ = invkit("info", "core/fista-rate")
    assert code == 0
    for line in (
        "theorem     FISTA: the objective converges to its minimum like 1/k^2",
        "source      Beck, Teboulle (2009), Theorem 4.4",
        "concludes   convergent",
        "premise     the gradient of f is Lipschitz with a known constant L",
    ):
        assert f"  {line}\n" in text


def test_the_json_of_a_rule_has_the_theorem_and_that_of_another_object_has_none(invkit: Run) -> None:
    (rule,) = json.loads(invkit("info", "core/fista-rate", "--json")[1])["objects"]
    assert set(rule["theorem"]) == {"statement", "formula", "source", "concludes", "further", "premises"}
    assert {"statement": "f is convex", "concerns": ["convex"]} in rule["theorem"]["premises"]
    (solver,) = json.loads(invkit("info", "core/fista", "--json")[1])["objects"]
    assert "theorem" not in solver


def test_a_rule_that_is_none_says_so(invkit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("ruleless_plugin")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(
        "from invkit.plugins import Spec, hookimpl\nCORE_API = (1, 0)\n@hookimpl\ndef invkit_rules():\n"
        "    return [Spec(name='none', summary='One.', target='math:pi')]\n",
        module.__dict__,
    )
    registry = Registry([EntryPoint("ruleless", module.__name__, "invkit")], environ={})
    code, text, _ = invkit("info", "ruleless/none", registry=registry)
    assert code == 0
    assert "theorem     cannot be read: ruleless/none (ruleless): target is float, expected an" in text
    (described,) = json.loads(invkit("info", "ruleless/none", "--json", registry=registry)[1])["objects"]
    assert set(described["theorem"]) == {"trouble"}
