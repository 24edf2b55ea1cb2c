"""What tests nothing is not passed: an example of something else, checks that are all skipped, a Check of no kind."""

from __future__ import annotations

import json
import sys
import types
from importlib.metadata import EntryPoint

import pytest

from invkit.errors import ConfigError
from invkit.measures import Measurement
from invkit.operators import Identity
from invkit.plugins import Registry
from invkit.testing import Check, check, parametrize_with_checks
from invkit.testing import suite as suite_module
from invkit.testing.check import Skip
from invkit.testing.items import items_of_plugin
from invkit.testing.registered import registered_checks

pytest_plugins = ("pytester",)

SOURCE = """
import torch
from invkit.measures import Measurement
from invkit.operators import Identity
from invkit.plugins import Spec, hookimpl
from invkit.testing import Check
from invkit.testing.check import Skip

CORE_API = (1, 0)

class Wrong(Identity):
    def _forward(self, x):
        return 2 * x

def identity(device, dtype):
    return Identity((3, 2), 1, dtype)

def never(example, context):
    raise Skip("the library of the vendor is not here")

ADJOINT = Check(name="adjoint", kinds=("operator",), measure=lambda e, c: Measurement(0.0, 1.0, 1))
NEVER = Check(name="never", kinds=("operator",), measure=never)

@hookimpl
def invkit_operators():
    here = dict(summary="One.", target=f"{__name__}:Wrong", dtypes=("float64",))
    return [Spec(name="wrong", example=f"{__name__}:identity", **here),
            Spec(name="bare", **here),
            Spec(name="made", summary="One.", target=f"{__name__}:identity", example=f"{__name__}:identity",
                 dtypes=("float64",))]

@hookimpl
def invkit_checks():
    return [Spec(name=name, summary="One.", target=f"{__name__}:{name.upper()}") for name in ("adjoint", "never")]
"""
NAME = "a_plugin_of_test_empty_suites"


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    module = types.ModuleType(NAME)
    monkeypatch.setitem(sys.modules, NAME, module)
    exec(SOURCE, module.__dict__)
    return Registry([EntryPoint("third", NAME, "invkit")], environ={})


def skips(example, context):
    raise Skip("no images")


SKIPS = Check(name="skips", kinds=("operator",), measure=skips)


def test_an_example_of_another_class_than_the_target_is_a_failure(registry: Registry) -> None:
    report = check("third/wrong", registry=registry)
    (row,) = report.failed
    assert row.reason.startswith("the example is a Identity, the target makes Wrong")
    assert not report.passed
    interface = next(item for item in items_of_plugin(registry, "third") if item.name == "third/wrong::interface")
    assert "the target makes Wrong" in interface.run().reason
    assert check("third/made", registry=registry).passed


def test_an_object_of_which_every_check_is_skipped_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite_module, "CHECKS", (SKIPS,))
    (row,) = check(Identity((2, 2))).failed
    assert row.reason.startswith("nothing was measured (skips: no images)")
    # Whoever names the checks knows what he asks.
    assert check(Identity((2, 2)), checks=(SKIPS,)).passed


def test_what_cannot_be_measured_here_is_named_in_the_last_line(registry: Registry) -> None:
    report = check("third/bare", registry=registry)
    assert report.passed
    assert report.not_measured == ("third/bare",)
    assert "Nothing was measured of third/bare." in str(report).splitlines()[-1]
    assert json.loads(json.dumps(report.as_dict()))["not_measured"] == ["third/bare"]
    assert check("third/made", dtype="float32", registry=registry).not_measured == ("third/made",)
    assert check("third/made", registry=registry).not_measured == ()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kinds": ("opertor",)}, "Check mine: kinds is .'opertor',., expected a tuple of some of operator, regular"),
        ({"kinds": ()}, "kinds is"),
        ({"kinds": "operator"}, "kinds is 'operator', expected a tuple"),
        ({"concerns": "isometry"}, r"Check mine: concerns is 'isometry'.*Did you mean isometric"),
    ],
)
def test_a_check_that_would_never_be_asked_is_refused(settings, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Check(**{"name": "mine", "kinds": ("operator",), "measure": lambda e, c: Measurement(0.0, 1.0, 1), **settings})


def test_a_check_with_the_name_of_one_of_the_core_is_left_out_and_named(
    registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    assert [one.id for one in registered_checks(registry) if one.plugin] == ["third/never"]
    assert "third/adjoint (third): name of the check is 'adjoint', expected none of the core's" in caplog.text
    (row,) = check("third/adjoint", registry=registry).failed
    assert "expected none of the core's" in row.reason


LINE = """
from importlib.metadata import EntryPoint
from invkit.plugins import Registry
from invkit.testing import parametrize_with_checks
registry = Registry([EntryPoint("third", "{name}", "invkit")], environ={{}})
test_conformance = parametrize_with_checks(
    "third/made", expected_failures={{"third/made::never": "the vendor repairs it"}}, strict={strict}, registry=registry
)
"""


@pytest.mark.parametrize(("strict", "outcome"), [(True, "failed"), (False, "skipped")])
def test_an_expected_failure_that_is_skipped_is_a_failure(
    strict: bool, outcome: str, registry: Registry, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(test_conformance=LINE.format(name=NAME, strict=strict))
    result = pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider", "-k", "never-float64")
    assert result.parseoutcomes().get(outcome) == 1
    if strict:
        result.stdout.fnmatch_lines(["*'third/made::never-float64' was skipped (the library of the vendor*"])


@pytest.mark.parametrize("reason", [".", "todo", "1 2 3", "", 3])
def test_a_reason_that_says_nothing_is_refused(reason, registry: Registry) -> None:
    with pytest.raises(ConfigError, match="expected a sentence"):
        parametrize_with_checks("third/made", expected_failures={"third/made::adjoint": reason}, registry=registry)
