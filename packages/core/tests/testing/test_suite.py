"""Checks of registered objects: of a plugin as a whole, of what it adds, and of what goes wrong in it."""

from __future__ import annotations

import json
import sys
import types
from importlib.metadata import EntryPoint

import pytest
import torch

from invkit.errors import ClaimRefutedError, ConfigError, UnknownNameError
from invkit.functionals import L1
from invkit.measures import Measurement
from invkit.operators import Identity, Space
from invkit.plugins import Registry
from invkit.testing import Check, Outcome, check

SOURCE = """
from __future__ import annotations
from dataclasses import dataclass
import torch
from invkit.claims import BY_CONSTRUCTION, Claim
from invkit.measures import Measurement
from invkit.operators import Identity
from invkit.plugins import Spec, hookimpl
from invkit.testing import Check

CORE_API = (1, 0)

def identity(device, dtype):
    return Identity((3, 2), 1, dtype, torch.device(device))

def explodes(device, dtype):
    raise OSError("the example is broken")

NOT_A_CHECK = 3
CHANNELS = Check(name="one-channel", kinds=("operator",), measure=lambda e, c: Measurement(e.subject.channels, 1.0, 1))
DIVIDES = Check(name="divides", kinds=("operator",), measure=lambda e, c: 1 / 0)

@hookimpl
def invkit_operators():
    isometric = Claim(property="isometric", basis=BY_CONSTRUCTION)
    averaged = Claim(property="averaged", params={"alpha": 0.5}, basis=BY_CONSTRUCTION)
    here = dict(summary="One.", target=f"{__name__}:identity", dtypes=("float64",))
    return [
        Spec(name="honest", example=f"{__name__}:identity", claims=(isometric,), **here),
        Spec(name="lying", example=f"{__name__}:identity", claims=(averaged,), **here),
        Spec(name="broken", example=f"{__name__}:explodes", **here),
        Spec(name="bare", **here),
    ]

@hookimpl
def invkit_checks():
    return [
        Spec(name="one-channel", summary="One.", target=f"{__name__}:CHANNELS"),
        Spec(name="divides", summary="One.", target=f"{__name__}:DIVIDES"),
    ]
"""


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    module = types.ModuleType("third_party_plugin")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(SOURCE, module.__dict__)
    return Registry([EntryPoint("third", module.__name__, "invkit")], environ={})


def test_a_plugin_is_checked_as_a_whole_and_one_bad_object_disturbs_no_other(registry: Registry) -> None:
    report = check("third", registry=registry)
    outcomes = {(r.subject, r.check, r.concerns): r for r in report.results}
    assert outcomes["third/honest", "isometric", "isometric"].outcome is Outcome.NOT_REFUTED
    assert outcomes["third/honest", "declared", "isometric"].outcome is Outcome.NOT_REFUTED
    broken = outcomes["third/broken", "example", ""]
    assert (broken.outcome, broken.reason) == (Outcome.FAILED, "OSError: the example is broken")
    assert outcomes["third/bare", "loads", ""].reason == "loads; no example to measure"


def test_a_claim_that_the_instance_does_not_make_is_refuted(registry: Registry) -> None:
    report = check("third/lying", registry=registry)
    (lie,) = report.refuted
    assert (lie.check, lie.concerns) == ("declared", "averaged")
    assert lie.reason == "the Spec declares it and the instance does not claim it"


def test_checks_of_plugins_are_asked_of_every_object(registry: Registry) -> None:
    report = check("core/identity", dtype="float64", registry=registry)
    found = {r.check: r for r in report.results}
    assert found["third/one-channel"].outcome is Outcome.REFUTED
    divides = found["third/divides"]
    assert (divides.outcome, divides.blames_check) == (Outcome.FAILED, True)
    assert divides.reason == (
        "the check third/divides raised ZeroDivisionError: division by zero; it failed, not core/identity. Report this "
        "to the author of third, or leave it out: INVKIT_DISABLE_PLUGINS=third"
    )
    assert found["adjoint"].outcome is Outcome.NOT_REFUTED


def test_the_crash_of_a_plugins_own_check_is_a_failure_of_that_plugin(registry: Registry) -> None:
    found = {r.check: r for r in check("third/honest", dtype="float64", registry=registry).results}
    assert found["third/divides"].reason == "ZeroDivisionError: division by zero"
    assert not found["third/divides"].blames_check


def test_a_check_that_measures_nothing_is_a_failure_of_that_check() -> None:
    empty = Check(name="empty", kinds=("operator",), measure=lambda example, context: None)
    (result,) = check(Identity((2, 2)), checks=(empty,)).failed
    assert result.reason == "TypeError: measure returned NoneType, expected a Measurement"


def test_a_printed_report_is_the_table_of_the_program_and_its_repr_is_short(registry: Registry) -> None:
    report = check("third/lying", registry=registry)
    lines = str(report).splitlines()
    assert lines[0].split()[:3] == ["OBJECT", "CHECK", "RESULT"]
    assert any(line.split()[:4] == ["third/lying", "declared", "averaged", "refuted"] for line in lines)
    assert lines[-1].endswith("it never proves one.")
    assert repr(report).startswith("Report(1 refuted, ")
    assert len(repr(report)) < 80


def test_the_report_is_json_and_raises_on_request(registry: Registry) -> None:
    report = check("third/lying", registry=registry)
    assert json.loads(json.dumps(report.as_dict(), allow_nan=False))["passed"] is False
    with pytest.raises(ClaimRefutedError, match=r"third/lying: check declared \(float64\) is refuted"):
        report.require_passed()
    fine = check(Identity((3, 2)))
    assert fine.require_passed() is fine


def test_a_device_or_dtype_that_the_object_does_not_support_is_skipped_with_the_reason(registry: Registry) -> None:
    (row,) = check("third/honest", dtype="complex64", registry=registry).results
    assert (row.outcome, row.reason) == (Outcome.SKIPPED, "it works in float64")


def test_an_unknown_name_says_what_is_near(registry: Registry) -> None:
    with pytest.raises(UnknownNameError, match="core/identity"):
        check("identiti", registry=registry)


def test_what_is_no_part_is_refused() -> None:
    with pytest.raises(ConfigError, match="object is int, expected an operator, functional, solver, model or denoiser"):
        check(3, space=Space((1, 2)))


def test_a_functional_of_any_shape_needs_a_space() -> None:
    with pytest.raises(ConfigError, match=r"check of GroupL1: space is None, expected that of the images"):
        check(L1())


def test_the_seed_is_what_makes_trials_differ() -> None:
    operator = Identity((3, 2), dtype=torch.float64)
    seen: list[float] = []

    def draw(example, context) -> Measurement:
        seen.append(float(operator.domain.randn(generator=context.generator()).sum()))
        return Measurement(0.0, 0.0, 1)

    once = Check(name="draw", kinds=("operator",), measure=draw)
    for seed in (0, 0, 1):
        check(operator, seed=seed, checks=(once,))
    assert seen[0] == seen[1] != seen[2]
