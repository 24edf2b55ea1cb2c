"""The page on hooks has every hook with its exact signature, and its examples are a plugin that works."""

from __future__ import annotations

import inspect
import re
import sys
import types
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import invkit
from invkit.plugins import Registry, hookspecs
from invkit.spec import HOOKS
from invkit.testing.items import items_of_plugin

PAGE = Path(__file__).resolve().parents[1] / "docs" / "hooks.md"
SECTION = re.compile(r"^## (invkit_\w+)\n(.*?)(?=^## |\Z)", flags=re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```python\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
SIGNATURE = re.compile(r"def (\w+)(\(.*\) -> .*): \.\.\.\n")


def sections() -> dict[str, str]:
    return dict(SECTION.findall(PAGE.read_text(encoding="utf-8")))


def written(hook: str) -> str:
    """The signature in the source: annotations are kept as they stand there."""
    return str(inspect.signature(getattr(hookspecs, hook))).replace("'", "")


def examples() -> list[str]:
    return [body for body in BLOCK.findall(PAGE.read_text(encoding="utf-8")) if not SIGNATURE.fullmatch(body)]


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    module = types.ModuleType("my_plugin")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for body in examples():
        exec(compile(body, str(PAGE), "exec", dont_inherit=True), vars(module))
    return Registry([EntryPoint("mine", module.__name__, "invkit")], environ={})


def test_every_hook_has_a_section_and_no_section_is_of_a_hook_that_is_gone() -> None:
    assert list(sections()) == list(HOOKS.values())


@pytest.mark.parametrize("hook", HOOKS.values())
def test_the_page_has_the_exact_signature(hook: str) -> None:
    (found,) = SIGNATURE.findall(sections()[hook])
    assert found == (hook, written(hook))


def test_a_signature_that_differs_would_be_noticed() -> None:
    def invkit_operators(device: str) -> list[str]: ...

    assert SIGNATURE.findall("def invkit_operators() -> Iterable[Spec]: ...\n") == [
        ("invkit_operators", written("invkit_operators"))
    ]
    assert str(inspect.signature(invkit_operators)).replace("'", "") != written("invkit_operators")


@pytest.mark.parametrize("hook", HOOKS.values())
def test_each_section_has_an_example_that_implements_the_hook(hook: str) -> None:
    assert f"@hookimpl\ndef {hook}():" in sections()[hook]


def test_the_examples_are_one_plugin_of_which_nothing_is_refuted(registry: Registry) -> None:
    (_, status) = registry.statuses
    assert (status.name, status.state, status.reason) == ("mine", "ok", "")
    assert {entry.kind for entry in status.entries} == set(HOOKS)
    items = [item for item in items_of_plugin(registry, "mine") if item.check != "light-import"]
    assert [result for result in (item.run() for item in items) if result.is_bad] == []


def test_the_theorem_of_the_page_is_in_the_tree(registry: Registry) -> None:
    fade = registry.load(registry.find("model", "mine/fade"))
    holds = invkit.explain(fade(0.5), registry=registry).theorem("fades-to-zero")
    fails = invkit.explain(fade(2.0), registry=registry).theorem("fades-to-zero")
    assert holds.holds
    assert [(premise.value, premise.bound) for premise in fails.failing] == [(2.0, 1.0)]
