"""The hooks: one per kind, each documented, and a built-in plugin that uses them like any other."""

from __future__ import annotations

import inspect

import pytest

from invkit import _plugin
from invkit.plugins import KINDS, Registry, State, hookspecs
from invkit.spec import HOOKS

from .conftest import MakeRegistry


@pytest.fixture
def core(make_registry: MakeRegistry) -> Registry:
    return make_registry()


@pytest.mark.parametrize("hook", HOOKS.values())
def test_every_kind_has_a_documented_hook(hook: str) -> None:
    specification = getattr(hookspecs, hook)
    assert hasattr(specification, "invkit_spec")
    assert inspect.getdoc(specification)


def test_no_hook_is_without_a_kind() -> None:
    assert {name for name in vars(hookspecs) if name.startswith("invkit_")} == set(HOOKS.values())


def test_the_built_in_plugin_is_sound_and_imports_nothing_heavy(core: Registry) -> None:
    (status,) = core.statuses
    assert (status.name, status.state, status.notes, status.api) == ("core", State.OK, (), _plugin.CORE_API)


def test_the_names_that_stay_are_there(core: Registry) -> None:
    names = {
        "operator": "identity dense finite-difference fourier coils blur",
        "regulariser": "l1 tv h1",
        "solver": "gradient-descent proximal-gradient fista pdhg conjugate-gradient",
        "model": "pseudo-inverse variational adjoint",
        "dataset": "ellipses",
        "noise": "post-log-poisson",
    }
    for kind, text in names.items():
        assert {f"core/{name}" for name in text.split()} <= {entry.id for entry in core.entries(kind)}


@pytest.mark.parametrize("kind", KINDS)
def test_every_target_and_example_of_the_core_resolves(kind: str, core: Registry) -> None:
    for entry in core.entries(kind):
        core.load(entry)
        if entry.spec.example:
            assert callable(core.load_example(entry))
