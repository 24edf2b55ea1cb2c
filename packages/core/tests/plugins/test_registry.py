"""Finding objects: an id picks exactly that, a bare name if it is unique, a role by device and then priority."""

from __future__ import annotations

import logging
import math
from pathlib import Path

import pytest

from invkit.errors import ConfigError, MissingDependencyError, PluginError, UnknownNameError
from invkit.plugins import Registry, State, singular
from invkit.plugins.roles import announce

from .conftest import GOOD, HEAD, MakePlugin, MakeRegistry


def transforms(*specs: str) -> str:
    """A plugin with the operator Specs whose fields are given as text."""
    lines = [f'Spec(summary="A transform.", target="math:sqrt", {fields})' for fields in specs]
    return HEAD + f"@hookimpl\ndef invkit_operators():\n    return [{', '.join(lines)}]"


@pytest.fixture
def rays(make_plugin: MakePlugin, make_registry: MakeRegistry) -> Registry:
    """Three implementations of one role, and one whose module is missing."""
    return make_registry(
        make_plugin("slow", transforms('name="rays", role="ray-transform", devices=("cpu",)')),
        make_plugin("fast", transforms('name="beam", role="ray-transform", devices=("cpu", "cuda"), priority=5')),
        make_plugin("same", transforms('name="rays", role="ray-transform", devices=("cuda",), priority=5')),
        make_plugin(
            "gone",
            transforms(
                'name="best", role="ray-transform", devices=("cpu", "xpu"), priority=9, requires=("skimage_not_there",)'
            ),
        ),
    )


def test_an_id_picks_exactly_that_whatever_its_case(rays: Registry) -> None:
    assert rays.find("operator", "slow/rays").provider == "slow"
    assert rays.find("Operators", " SLOW/Rays ").provider == "slow"


def test_a_bare_name_is_enough_if_it_is_unique_within_its_kind(rays: Registry) -> None:
    assert rays.find("operator", "beam").id == "fast/beam"
    assert rays.find("regulariser", "tv").id == "core/tv"


def test_a_bare_name_with_two_meanings_is_refused_with_both_ids(rays: Registry) -> None:
    with pytest.raises(ConfigError, match=r"'rays' has 2 meanings, expected one\. Write same/rays or slow/rays\.$"):
        rays.find("operator", "rays")


@pytest.mark.parametrize(
    ("device", "chosen"), [(None, "fast/beam"), ("cpu", "fast/beam"), ("cuda", "fast/beam"), ("cuda:1", "fast/beam")]
)
def test_a_role_is_resolved_by_device_and_priority_with_ties_by_id(
    rays: Registry, device: str | None, chosen: str, caplog: pytest.LogCaptureFixture
) -> None:
    announce.cache_clear()
    with caplog.at_level(logging.INFO, logger="invkit"):
        assert rays.find("operator", "ray-transform", device=device).id == chosen
    assert f"ray-transform: picked {chosen} for" in caplog.text


def test_the_device_comes_before_the_priority(make_plugin: MakePlugin, make_registry: MakeRegistry) -> None:
    registry = make_registry(
        make_plugin("a", transforms('name="one", role="rays", devices=("cpu",), priority=99')),
        make_plugin("b", transforms('name="two", role="rays", devices=("cuda",), priority=-1')),
    )
    assert registry.find("operator", "rays", device="cuda").id == "b/two"


def test_a_role_that_no_installed_object_fills_on_that_device_says_who_does(rays: Registry) -> None:
    with pytest.raises(MissingDependencyError, match=r"device is 'mps', expected one .* slow/rays works on cpu"):
        rays.find("operator", "ray-transform", device="mps")
    with pytest.raises(
        MissingDependencyError, match=r"gone/best needs skimage_not_there, .* pip install skimage_not_there"
    ):
        rays.find("operator", "ray-transform", device="xpu")


def test_an_unavailable_object_is_found_and_cannot_be_loaded(rays: Registry) -> None:
    entry = rays.find("operator", "gone/best")
    assert rays.missing(entry) == ("skimage_not_there",)
    with pytest.raises(
        MissingDependencyError, match=r"^gone/best \(some-gone 1.2\): required module skimage_not_there"
    ):
        rays.load(entry)


@pytest.mark.parametrize(
    ("kind", "ref", "way_out"),
    [
        ("operator", "core/fourrier", r"Did you mean core/fourier\?"),
        ("operator", "cor/fourier", r"Did you mean core/fourier or "),
        ("operator", "forier-sampling", r"Did you mean fourier-sampling"),
        ("operator", "tv", r"core/tv is a regulariser\."),
        ("operator", "ray-transform", r"Run: pip install invkit-ct-astra$"),
        ("operator", "ct-astra/parallel-beam-2d", r"Run: pip install invkit-ct-astra$"),
        ("operator", "mri-bilevel/wavelett", r"Run: pip install invkit-mri-bilevel$"),
        ("model", "learned-primal-dual", r"Run: pip install invkit-equivariant-unroll$"),
        ("solver", "zzz", r"Run 'invkit list solver' to see them\.$"),
    ],
)
def test_an_unknown_name_comes_with_the_way_out(kind: str, ref: str, way_out: str, make_registry: MakeRegistry) -> None:
    with pytest.raises(UnknownNameError, match=rf"^{kind}: name is '{ref}', expected a registered one\. .*{way_out}"):
        make_registry().find(kind, ref)


def test_a_name_of_a_plugin_that_failed_says_so(make_plugin: MakePlugin, make_registry: MakeRegistry) -> None:
    registry = make_registry(make_plugin("ct-astra", "import nothing_here"))
    assert registry.statuses[1].state is State.FAILED
    with pytest.raises(UnknownNameError, match=r"The plugin ct-astra is failed: import .*nothing_here"):
        registry.find("operator", "ct-astra/parallel-beam-2d")


@pytest.mark.parametrize(("kind", "ref"), [("operator", ""), ("operator", None), ("operator", "  ")])
def test_an_empty_name_is_refused(kind: str, ref: str, make_registry: MakeRegistry) -> None:
    with pytest.raises(ConfigError, match="expected an id such as 'core/identity'"):
        make_registry().find(kind, ref)


def test_kinds_are_known_in_the_singular_and_the_plural() -> None:
    assert singular("Solvers") == "solver"
    with pytest.raises(ConfigError, match=r"kind is 'opertor', .* Did you mean operator\?"):
        singular("opertor")
    with pytest.raises(ConfigError, match=r"Choose one of operator, regulariser"):
        singular("zzz")


def test_kinds_are_separate_and_find_all_sees_every_one(make_registry: MakeRegistry) -> None:
    found = make_registry().find_all("core/gradient-descent")
    assert [entry.kind for entry in found] == ["solver", "rule"]
    with pytest.raises(UnknownNameError, match=r"^object: name is 'fysta', .* Did you mean core/fista"):
        make_registry().find_all("fysta")


class TestLoading:
    def test_a_target_is_imported_when_it_is_asked_for(
        self, make_plugin: MakePlugin, make_registry: MakeRegistry
    ) -> None:
        registry = make_registry(make_plugin("good"))
        assert registry.load(registry.find("operator", "good/shift")) is math.sqrt

    @pytest.mark.parametrize(
        ("target", "message"),
        [
            ("nothing_here:Shift", r"import of target 'nothing_here:Shift' raised ModuleNotFoundError"),
            ("math:Shift", r"target is 'math:Shift', expected a name that math defines"),
            ("antigravity_exit:Shift", r"raised SystemExit: 7"),
        ],
    )
    def test_a_broken_target_names_the_object_its_package_and_the_target(
        self, target: str, message: str, make_plugin: MakePlugin, make_registry: MakeRegistry, tmp_path: Path
    ) -> None:
        registry = make_registry(make_plugin("bad", GOOD.replace("math:sqrt", target)))
        (next(iter(tmp_path.glob("site*"))) / "antigravity_exit.py").write_text("raise SystemExit(7)")
        with pytest.raises(PluginError, match=r"^bad/shift \(some-bad 1.2\): .*" + message):
            registry.load(registry.find("operator", "bad/shift"))

    def test_an_object_without_an_example_says_so(self, make_plugin: MakePlugin, make_registry: MakeRegistry) -> None:
        registry = make_registry(make_plugin("good"))
        with pytest.raises(PluginError, match=r"^good/shift \(some-good 1.2\): example is empty"):
            registry.load_example(registry.find("operator", "good/shift"))

    def test_what_a_target_prints_while_it_is_imported_goes_to_standard_error(
        self, make_plugin: MakePlugin, make_registry: MakeRegistry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        registry = make_registry(make_plugin("loud", GOOD.replace("math:sqrt", "loud_module:f")))
        (next(iter(tmp_path.glob("site*"))) / "loud_module.py").write_text("print('hello')\nf = len")
        assert registry.load(registry.find("operator", "loud/shift")) is len
        assert capsys.readouterr() == ("", "hello\n")
