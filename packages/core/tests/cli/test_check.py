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
