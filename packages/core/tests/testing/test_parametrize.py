"""One line makes the suite of a plugin: what it generates, and how an expected failure has to be stated."""

from __future__ import annotations

import sys
import types
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from invkit.errors import ConfigError, MissingDependencyError, PluginError, UnknownNameError
from invkit.plugins import Registry
from invkit.testing import Outcome, parametrize_with_checks
from invkit.testing.items import Item, items_of_plugin

pytest_plugins = ("pytester",)

SOURCE = """
from __future__ import annotations
import torch
from invkit.claims import BY_CONSTRUCTION, Claim
from invkit.guarantees import Conclusion, Hypothesis, Premise, Rule
from invkit.measures import Measurement
from invkit.operators import Identity
from invkit.plugins import Spec, hookimpl
from invkit.testing import Check, Example

CORE_API = (1, 0)

class Scaled(Identity):
    def _adjoint(self, y):
        return 1.01 * y

def identity(device, dtype):
    return Identity((3, 2), 1, dtype, torch.device(device))

def scaled(device, dtype):
    return Scaled((3, 2), 1, dtype, torch.device(device))

def explodes(device, dtype):
    raise OSError("the example is broken")

def several(device, dtype):
    shapes = {"flat": (3, 2), "solid": (3, 2, 2)}
    return [Example(subject=Identity(s, 1, dtype, torch.device(device)), name=n) for n, s in shapes.items()]

ASKED = Check(name="asked", kinds=("operator",), measure=lambda e, c: Measurement(0.0, 1.0, 1))

@hookimpl
def invkit_operators():
    isometric = Claim(property="isometric", basis=BY_CONSTRUCTION)
    target = f"{__name__}:identity"
    return [
        Spec(name="honest", summary="One.", target=target, example=f"{__name__}:identity", claims=(isometric,)),
        Spec(name="lying", summary="One.", target=target, example=f"{__name__}:scaled", dtypes=("float64",)),
        Spec(name="broken", summary="One.", target=target, example=f"{__name__}:explodes", dtypes=("float64",)),
        Spec(name="two", summary="One.", target=target, example=f"{__name__}:several", dtypes=("float64",)),
        Spec(name="silent", summary="One.", target=target, claims=(isometric,)),
        Spec(name="wavelet", summary="One.", target=target, example=f"{__name__}:identity", role="wavelet-transform"),
    ]

def careless(setting):
    return setting.subject.strength > 1

here = Premise(statement="p", holds=True, basis=BY_CONSTRUCTION)
CARELESS = Rule(
    name="careless",
    statement="s",
    formula="f",
    source="s",
    about=careless,
    premises=(Hypothesis(statement="p", concerns=("parameter",), evaluate=lambda setting: here),),
    concludes="convergent",
    conclude=lambda setting: Conclusion(statement="s", params={"to": "x"}),
)

@hookimpl
def invkit_rules():
    return [Spec(name="careless", summary="One.", target=f"{__name__}:CARELESS")]

@hookimpl
def invkit_checks():
    return [
        Spec(name="asked", summary="One.", target=f"{__name__}:ASKED"),
        Spec(name="three", summary="One.", target=f"{__name__}:CORE_API"),
    ]
"""
NAME = "a_plugin_of_test_parametrize"


RULES = """
from invkit.claims import BY_CONSTRUCTION
from invkit.guarantees import Conclusion, Hypothesis, Premise, Rule
from invkit.operators import Identity
from invkit.plugins import Spec, hookimpl

CORE_API = (1, 0)

def a_rule(name, about, evaluate, conclude=lambda setting: Conclusion(statement="s")):
    premise = Hypothesis(statement="p", concerns=("parameter",), evaluate=evaluate)
    return Rule(name=name, statement="s", formula="f", source="s", about=about, premises=(premise,),
                concludes="descent", conclude=conclude)

def identities(setting):
    return isinstance(setting.subject, Identity)

def holds(setting):
    return Premise(statement="p", holds=True, basis=BY_CONSTRUCTION)

SOUND = a_rule("sound", identities, holds)
PREMISE = a_rule("premise", identities, lambda setting: {}["missing"])
CONCLUDE = a_rule("conclude", identities, holds, lambda setting: {}["missing"])
NOWHERE = a_rule("nowhere", lambda setting: False, holds)

@hookimpl
def invkit_rules():
    return [Spec(name=n.lower(), summary="One.", target=f"{__name__}:{n}")
            for n in ("SOUND", "PREMISE", "CONCLUDE", "NOWHERE")]
"""


def test_a_rule_meets_the_examples_and_fails_where_a_premise_or_the_conclusion_raises(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = types.ModuleType("rules_of_test_parametrize")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(RULES, module.__dict__)
    registry = Registry([EntryPoint("third", module.__name__, "invkit")], environ={})
    found = {item.id: item for item in items_of_plugin(registry, "third")}
    results = {name: found[f"third/{name}::applies"].run() for name in ("sound", "premise", "conclude", "nowhere")}
    assert results["sound"].outcome is Outcome.NOT_REFUTED
    for name in ("premise", "conclude"):
        assert results[name].outcome is Outcome.REFUTED
        assert results[name].reason.startswith(f"rule {name}: KeyError: 'missing', for the example of core/identity.")
    assert results["nowhere"].outcome is Outcome.SKIPPED
    assert "it speaks of no example" in results["nowhere"].reason


@pytest.mark.parametrize(("times", "outcome"), [(1, Outcome.NOT_REFUTED), (2, Outcome.REFUTED)])
def test_a_hook_that_is_defined_twice_is_found(
    times: int, outcome: Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = "@hookimpl\ndef invkit_operators():\n    return [Spec(name='a', summary='One.', target='math:sqrt')]\n"
    name = f"hooks_{times}_times"
    (tmp_path / f"{name}.py").write_text(
        "from invkit.plugins import Spec, hookimpl\nCORE_API = (1, 0)\n" + hook * times, encoding="utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry([EntryPoint("third", name, "invkit")], environ={})
    result = next(item for item in items_of_plugin(registry, "third") if item.check == "announces").run()
    assert result.outcome is outcome
    assert ("invkit_operators more than once" in result.reason) == (times == 2)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    module = types.ModuleType(NAME)
    monkeypatch.setitem(sys.modules, NAME, module)
    exec(SOURCE, module.__dict__)
    return Registry([EntryPoint("third", NAME, "invkit")], environ={})


@pytest.fixture
def items(registry: Registry) -> dict[str, Item]:
    return {item.id: item for item in items_of_plugin(registry, "third")}


def test_there_is_one_item_for_each_object_check_and_dtype(items: dict[str, Item]) -> None:
    for wanted in ("adjoint-float32", "adjoint-float64", "isometric-float32", "asked-float64", "claims-float32"):
        assert f"third/honest::{wanted}" in items
    assert "third/lying::adjoint-float32" not in items
    assert "third/lying::isometric-float64" in items
    assert {"third::announces", "third::light-import", "third/asked::loads"} <= set(items)


def test_each_of_several_examples_has_its_items_under_one_name(items: dict[str, Item]) -> None:
    of_two = [item for item in items.values() if item.name == "third/two::adjoint"]
    assert [item.id for item in of_two] == ["third/two::adjoint-flat-float64", "third/two::adjoint-solid-float64"]
    assert [item.run().example for item in of_two] == ["flat", "solid"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("third/lying::adjoint-float64", ""),
        ("third/broken::example-float64", "OSError: the example is broken"),
        ("third/broken::interface", "OSError: the example is broken"),
        ("third/silent::has-example", "the Spec states isometric and has no example"),
        ("third/wavelet::interface", "example is Identity, expected a WaveletTransform as every 'wavelet-transform'"),
        (
            "third/careless::about",
            "about() raised AttributeError: 'Identity' object has no attribute 'strength' for an",
        ),
        ("third/three::loads", "target is tuple, expected an invkit.testing.Check"),
    ],
)
def test_what_is_wrong_is_one_bad_item(name: str, reason: str, items: dict[str, Item]) -> None:
    result = items[name].run()
    assert result.is_bad
    assert reason in result.reason


def test_what_is_honest_has_no_bad_item_and_every_item_makes_its_own_example(items: dict[str, Item]) -> None:
    honest = [item.run() for name, item in items.items() if name.startswith("third/honest")]
    assert len(honest) > 20
    assert {result.outcome for result in honest} == {Outcome.NOT_REFUTED}


def test_a_dtype_or_device_that_an_object_does_not_have_is_a_skipped_item(registry: Registry) -> None:
    found = {item.id: item for item in items_of_plugin(registry, "third", dtype="complex64")}
    result = found["third/honest::example-float32"].run()
    assert result.outcome is Outcome.SKIPPED
    assert "float32, float64" in result.reason


def test_a_plugin_that_imports_torch_while_it_is_announced_is_named(tmp_path, monkeypatch) -> None:
    (tmp_path / "a_heavy_plugin.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    heavy = Registry([EntryPoint("heavy", "a_heavy_plugin", "invkit")], environ={})
    found = {item.id: item for item in items_of_plugin(heavy, "heavy")}
    result = found["heavy::light-import"].run()
    assert result.outcome is Outcome.REFUTED
    assert "imports torch while it is discovered" in result.reason


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, ConfigError, "expected one of the two"),
        ({"plugin": "third", "refs": "third/honest"}, ConfigError, "expected one of the two"),
        ({"plugin": "thrid"}, UnknownNameError, r"name is 'thrid'.* Did you mean third\?"),
        ({"refs": "third/honst"}, UnknownNameError, "third/honest"),
        (
            {"plugin": "third", "expected_failures": {"third/lying::adjont": "why"}},
            ConfigError,
            r"'third/lying::adjont', .* Did you mean third/lying::adjoint",
        ),
        (
            {"plugin": "third", "expected_failures": {"third/lying::adjoint": " "}},
            ConfigError,
            r"reason of .*'third/lying::adjoint' is ' ', expected a sentence",
        ),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(arguments, error, message, registry: Registry) -> None:
    with pytest.raises(error, match=message):
        parametrize_with_checks(**arguments, registry=registry)


def test_a_plugin_that_cannot_be_used_says_why() -> None:
    broken = Registry([EntryPoint("third", "a_module_that_is_not_there", "invkit")], environ={})
    with pytest.raises(PluginError, match=r"plugin third: state is failed, expected ok\. import a_module_that"):
        parametrize_with_checks(plugin="third", registry=broken)


def test_a_plugin_that_is_switched_off_is_not_passed_in_silence() -> None:
    off = Registry([EntryPoint("third", "math", "invkit")], environ={"INVKIT_DISABLE_PLUGINS": "third"})
    with pytest.raises(ConfigError, match="plugin third: state is disabled"):
        parametrize_with_checks(plugin="third", registry=off)


def test_without_pytest_the_error_says_what_to_install(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pytest", None)
    with pytest.raises(MissingDependencyError, match=r"Run: pip install 'invkit\[testing\]'"):
        parametrize_with_checks(plugin="third", registry=registry)


#: What stands in the tests of a plugin; the registry takes the place of what is installed.
LINE = """
from importlib.metadata import EntryPoint
from invkit.plugins import Registry
from invkit.testing import parametrize_with_checks
registry = Registry([EntryPoint("third", "{name}", "invkit")], environ={{}})
test_conformance = parametrize_with_checks({arguments}, registry=registry)
"""


@pytest.mark.parametrize(
    ("expected", "strict", "outcomes"),
    [
        ("{}", True, {"failed": 1}),
        ("{'third/lying::adjoint': 'a specimen'}", True, {"xfailed": 1}),
        ("{'third/lying::adjoint-float64': 'a specimen'}", True, {"xfailed": 1}),
        ("{'third/lying::adjoint': 'a specimen', 'third/lying::linearity': 'it is not'}", True, {"failed": 1}),
        ("{'third/lying::adjoint': 'a specimen', 'third/lying::linearity': 'it is not'}", False, {"xpassed": 1}),
    ],
)
def test_an_expected_failure_that_passes_is_a_failure(
    expected: str, strict: bool, outcomes: dict[str, int], registry: Registry, pytester: pytest.Pytester
) -> None:
    arguments = f"'third/lying', expected_failures={expected}, strict={strict}"
    pytester.makepyfile(test_conformance=LINE.format(name=NAME, arguments=arguments))
    result = pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider", "-k", "adjoint or linearity")
    found = result.parseoutcomes()
    assert found.items() >= outcomes.items()
    assert found.get("failed", 0) == outcomes.get("failed", 0)
    assert found["passed"] >= 1 or found.get("xpassed")


def test_a_failure_is_one_line_with_its_numbers(registry: Registry, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_conformance=LINE.format(name=NAME, arguments="'third/lying'"))
    result = pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider", "-k", "adjoint-float64")
    result.stdout.fnmatch_lines(["*third/lying::adjoint-float64: refuted. 0.0* against 1e-12 in * trials.*"])
    assert "Traceback" not in result.stdout.str()
