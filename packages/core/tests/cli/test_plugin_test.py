"""``invkit plugins test``: one table, and an exit code for each way in which it can end."""

from __future__ import annotations

import json
import sys
import types
from importlib.metadata import EntryPoint

import pytest

from invkit.plugins import Registry

from .conftest import Run
from .test_check import LYING

HONEST = LYING.replace("1.01 * x", "1.0 * x").replace("(Identity):", "(Identity):\n    basis = BY_CONSTRUCTION")


def registered(source: str, monkeypatch: pytest.MonkeyPatch, **environ: str) -> Registry:
    module = types.ModuleType("tested_plugin")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(source, module.__dict__)
    return Registry([EntryPoint("tested", module.__name__, "invkit")], environ=environ)


def test_a_refuted_claim_ends_with_four_and_stands_in_the_table(invkit: Run, monkeypatch) -> None:
    code, out, err = invkit("plugins", "test", "tested", registry=registered(LYING, monkeypatch))
    assert (code, err) == (4, "")
    assert any(line.split()[:3] == ["tested/scaled", "adjoint", "refuted"] for line in out.splitlines())


def test_json_has_every_answer(invkit: Run, monkeypatch) -> None:
    registry = registered(HONEST, monkeypatch)
    code, out, _ = invkit("plugins", "test", "tested", "--json", "--dtype", "float64", registry=registry)
    answer = json.loads(out)
    # A module that exists in this process alone cannot be imported in another one.
    assert [row["check"] for row in answer["results"] if row["outcome"] in ("refuted", "failed to run")] == [
        "light-import"
    ]
    assert (code, answer["schema_version"], answer["plugin"], answer["state"]) == (4, 1, "tested", "ok")
    assert {row["dtype"] for row in answer["results"] if row["dtype"]} == {"float64"}


def test_nothing_refuted_ends_with_zero(invkit: Run, tmp_path, monkeypatch) -> None:
    (tmp_path / "light_plugin.py").write_text(
        "from invkit.plugins import Spec, hookimpl\nCORE_API = (1, 0)\n@hookimpl\ndef invkit_operators():\n"
        "    return [Spec(name='identity', summary='One.', target='invkit.operators:Identity', "
        "example='invkit.testing.examples.operators:identity')]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    code, out, _ = invkit(
        "plugins", "test", "light", registry=Registry([EntryPoint("light", "light_plugin", "invkit")], environ={})
    )
    assert code == 0
    assert "light/identity  adjoint" in out
    assert out.endswith("it never proves one.\n")


def test_a_plugin_that_cannot_be_used_ends_with_three(invkit: Run, monkeypatch) -> None:
    registry = registered("CORE_API = (0, 1)", monkeypatch)
    code, out, err = invkit("plugins", "test", "tested", registry=registry)
    assert (code, out) == (3, "")
    assert err.startswith("invkit: plugin tested: state is incompatible, expected ok. CORE_API is 0.1")
    code, out, _ = invkit("plugins", "test", "tested", "--json", registry=registry)
    assert (code, json.loads(out)["passed"]) == (3, False)


@pytest.mark.parametrize(
    ("name", "environ", "message"),
    [("tsted", {}, "Did you mean tested?"), ("tested", {"INVKIT_DISABLE_PLUGINS": "*"}, "state is disabled")],
)
def test_what_is_not_there_ends_with_two(name: str, environ, message: str, invkit: Run, monkeypatch) -> None:
    code, out, err = invkit("plugins", "test", name, registry=registered(HONEST, monkeypatch, **environ))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err
