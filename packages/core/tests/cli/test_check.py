from __future__ import annotations

import json
import sys
import types
from importlib.metadata import EntryPoint

import pytest

from invkit.plugins import Registry

LYING = """
from __future__ import annotations
import torch
from invkit.claims import BY_CONSTRUCTION, Claim
from invkit.operators import Identity
from invkit.plugins import Spec, hookimpl

CORE_API = (1, 0)

class Scaled(Identity):
    def _forward(self, x):
        return 1.01 * x

def make(device, dtype):
    return Scaled((3, 2), 1, dtype, torch.device(device))

@hookimpl
def invkit_operators():
    claim = Claim(property="unitary", basis=BY_CONSTRUCTION)
    here = dict(target=f"{__name__}:Scaled", example=f"{__name__}:make")
    return [Spec(name="scaled", summary="One.", claims=(claim,), **here)]
"""


@pytest.fixture
def lying(monkeypatch: pytest.MonkeyPatch) -> Registry:
    module = types.ModuleType("lying_plugin")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(LYING, module.__dict__)
    return Registry([EntryPoint("liar", module.__name__, "invkit")], environ={})


def test_an_honest_object_ends_with_zero_and_a_table(invkit) -> None:
    code, out, err = invkit("check", "core/identity", "--dtype", "float64")
    assert (code, err) == (0, "")
    assert out.splitlines()[0].split()[:3] == ["OBJECT", "CHECK", "RESULT"]
    assert "core/identity  adjoint" in out
    assert "never proves" in out


def test_a_refuted_claim_ends_with_four_and_is_named(invkit, lying: Registry) -> None:
    code, out, _ = invkit("check", "liar/scaled", registry=lying)
    assert code == 4
    rows = [line for line in out.splitlines() if " refuted " in line and "not refuted" not in line]
    assert any(line.startswith("liar/scaled  adjoint") for line in rows)
    assert any(line.startswith("liar/scaled  unitary") for line in rows)


def test_a_plugin_is_checked_by_its_name_and_the_answer_is_json(invkit, lying: Registry) -> None:
    code, out, _ = invkit("check", "liar", "--json", "--seed", "3", registry=lying)
    answer = json.loads(out)
    assert code == 4
    assert (answer["schema_version"], answer["ref"], answer["seed"], answer["passed"]) == (1, "liar", 3, False)
    assert {row["dtype"] for row in answer["results"]} == {"float32", "float64"}
    assert {"subject", "check", "property", "outcome", "measurement", "reason"} <= set(answer["results"][0])


CRASHING = """
from invkit.plugins import Spec, hookimpl
from invkit.testing import Check

CORE_API = (1, 0)
CRASH = Check(name="crash", kinds=("operator",), measure=lambda example, context: 1 / 0)

@hookimpl
def invkit_checks():
    return [Spec(name="crash", summary="One.", target=f"{__name__}:CRASH")]
"""


def test_the_crash_of_another_plugins_check_refutes_nothing_and_ends_with_one(invkit, monkeypatch) -> None:
    module = types.ModuleType("crashing_check")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(CRASHING, module.__dict__)
    registry = Registry([EntryPoint("other", module.__name__, "invkit")], environ={})
    code, out, _ = invkit("check", "core/identity", registry=registry)
    assert code == 1
    (row,) = [line for line in out.splitlines() if "failed to run" in line and line.startswith("core/identity")]
    assert "other/crash" in row
    assert "INVKIT_DISABLE_PLUGINS=other" in row


def test_a_rule_is_no_object_to_measure_and_the_row_says_what_applies_it(invkit) -> None:
    code, out, _ = invkit("check", "core/fista-rate")
    assert code == 0
    assert "'invkit explain' applies it" in out


def test_a_folder_is_no_counterexample(invkit, tmp_path) -> None:
    (tmp_path / "found.json").write_text("{}")
    code, _, err = invkit("check", "--reproduce", str(tmp_path))
    assert code == 2
    assert f"{tmp_path} is a folder, expected one saved .json file. Name one of {tmp_path / 'found.json'}." in err


def test_an_unknown_name_is_one_line_and_ends_with_two(invkit) -> None:
    code, out, err = invkit("check", "core/identiti")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "Did you mean core/identity?" in err


def test_a_dtype_of_integers_ends_with_two(invkit) -> None:
    code, out, err = invkit("check", "core/identity", "--dtype", "int8")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "dtype: name is 'int8'" in err


def test_a_target_that_does_not_resolve_ends_with_four(invkit, monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("lying_plugin")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(LYING.replace('target=f"{__name__}:Scaled"', 'target=f"{__name__}:Scald"'), module.__dict__)
    code, out, _ = invkit(
        "check", "liar", registry=Registry([EntryPoint("liar", module.__name__, "invkit")], environ={})
    )
    assert code == 4
    assert "failed to run" in out
    assert "lying_plugin:Scald" in out


def test_a_device_that_is_not_there_ends_with_two(invkit) -> None:
    code, out, err = invkit("check", "core/identity", "--device", "cuda:99")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "cuda:99" in err


def test_counterexamples_are_saved_evaluated_again_and_pass_once_the_object_is_repaired(
    invkit, lying: Registry, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = invkit("check", "liar/scaled", "--dtype", "float64", "--save", str(tmp_path), registry=lying)
    assert code == 4
    (file,) = tmp_path.glob("liar-scaled-adjoint-float64-*.json")
    assert f"saved: {file}" in out
    assert json.loads(file.read_text(encoding="utf-8"))["check"] == "adjoint"
    code, out, _ = invkit("check", "--reproduce", str(file), registry=lying)
    assert code == 4
    assert "check adjoint is still refuted" in out
    wrong = sys.modules["lying_plugin"].Scaled
    monkeypatch.setattr(wrong, "_forward", lambda self, x: x.clone())
    code, out, _ = invkit("check", "--reproduce", str(file), "--json", registry=lying)
    answer = json.loads(out)
    assert (code, answer["refuted"], answer["value"], answer["schema_version"]) == (0, False, 0.0, 1)
    assert answer["saved_value"] > 1e-3


def test_json_names_the_files_and_carries_every_field(invkit, lying: Registry, tmp_path) -> None:
    code, out, _ = invkit("check", "liar/scaled", "--json", "--save", str(tmp_path / "new"), registry=lying)
    answer = json.loads(out)
    assert code == 4
    assert len(answer["saved"]) == answer["counts"]["refuted"] == len(list((tmp_path / "new").glob("*.json")))
    row = next(row for row in answer["results"] if row["check"] == "norm-interval")
    assert {"example", "seed", "stated", "counterexample"} <= set(row)
    assert row["stated"]["property"] == "norm_bound"


def test_nothing_to_check_and_two_things_at_once_end_with_two(invkit, tmp_path) -> None:
    code, out, err = invkit("check")
    assert (code, out) == (2, "")
    assert "neither REF nor --reproduce is given" in err
    code, out, err = invkit("check", "core/identity", "--reproduce", str(tmp_path / "a.json"))
    assert (code, out) == (2, "")
    assert "both REF and --reproduce are given" in err


def test_a_file_that_is_no_counterexample_ends_with_two(invkit, tmp_path) -> None:
    foreign = tmp_path / "foreign.json"
    foreign.write_text("{}", encoding="utf-8")
    code, out, err = invkit("check", "--reproduce", str(foreign))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "it is another JSON" in err


def test_where_a_counterexample_was_found_stands_in_its_file(invkit, tmp_path) -> None:
    code, out, err = invkit("check", "--reproduce", str(tmp_path / "a.json"), "--dtype", "float32")
    assert (code, out) == (2, "")
    assert "the file says where it was found" in err
