"""``build`` refuses what does not fit before anything is made, in one line that says what would."""

from __future__ import annotations

import pytest
import torch

import invkit
from invkit.errors import ConfigError, MissingDependencyError, ShapeError, UnknownNameError
from invkit.plugins import Registry, build_with, get_registry, set_registry

from .conftest import HEAD, MakePlugin, MakeRegistry

SOURCE = (
    HEAD
    + """
both = dict(summary="A thing.", devices=("cpu", "cuda"))

@hookimpl
def invkit_operators():
    return [
        Spec(name="placed", target=__name__ + ":Placed", **both),
        Spec(name="moved", target=__name__ + ":Moved", dtypes=("float32",), **both),
        Spec(name="open", target=__name__ + ":open_ended", **both),
        Spec(name="builtin", target="operator:itemgetter", **both),
        Spec(name="settings", target=__name__ + ":Settings", **both),
        Spec(name="picky", target=__name__ + ":picky", **both),
        Spec(name="cpu-only", target=__name__ + ":Placed", summary="A thing."),
    ]

class Settings:
    def __init__(self, *, num_steps=3):
        self.num_steps = num_steps

class Placed:
    def __init__(self, size, *, weight=1.0, device=None, dtype=None):
        self.size, self.weight, self.device, self.dtype = size, weight, device, dtype

class Moved:
    moved_to = None
    def __init__(self, size=2):
        self.size = size
    def to(self, device=None, dtype=None):
        self.moved_to = (device, dtype)
        return self

def picky(how, value=None):
    if how == "key":
        return {}[value]
    if how == "config":
        from invkit.errors import ShapeError
        raise ShapeError("value: shape is wrong.")
    if how == "defect":
        return 1 / 0
    return {"type": lambda: 1 < value, "value": lambda: int(value), "index": lambda: value[5],
            "attribute": lambda: value.shape, "silent": lambda: bare()}[how]()

def bare():
    raise ValueError

def open_ended(kind, ref="x", **rest):
    return kind, ref, rest
"""
)


@pytest.fixture
def registry(make_plugin: MakePlugin, make_registry: MakeRegistry) -> Registry:
    return make_registry(make_plugin("my", SOURCE))


def test_device_and_dtype_reach_a_target_that_takes_them(registry: Registry) -> None:
    made = build_with(registry, "operator", "my/placed", {"size": 3}, device="cpu", dtype="float64")
    assert (made.size, made.device, made.dtype) == (3, torch.device("cpu"), torch.float64)


def test_device_and_dtype_are_left_to_the_target_when_not_given(registry: Registry) -> None:
    made = build_with(registry, "operator", "my/placed", {"size": 3, "weight": 0.5})
    assert (made.weight, made.device, made.dtype) == (0.5, None, None)


def test_an_object_whose_target_takes_no_device_is_moved(registry: Registry) -> None:
    assert build_with(registry, "operator", "my/moved", {}).moved_to is None
    made = build_with(registry, "operator", "my/moved", {}, device="cpu", dtype=torch.float32)
    assert made.moved_to == (torch.device("cpu"), torch.float32)


def test_settings_that_live_nowhere_stay_as_they_are(registry: Registry) -> None:
    assert build_with(registry, "operator", "my/settings", {"num_steps": 5}, device="cpu").num_steps == 5


def test_an_unknown_parameter_comes_with_near_names_and_all_that_are_taken(registry: Registry) -> None:
    message = r"^my/placed: parameter is 'wieght', expected one of size, weight, device, dtype\. Did you mean weight\?"
    with pytest.raises(ConfigError, match=message):
        build_with(registry, "operator", "my/placed", {"size": 3, "wieght": 1.0})


def test_a_missing_parameter_is_named(registry: Registry) -> None:
    with pytest.raises(ConfigError, match=r"^my/placed: parameter size is missing, expected a value"):
        build_with(registry, "operator", "my/placed", {"weight": 1.0})


def test_a_target_with_open_keywords_takes_anything_even_kind_and_ref(registry: Registry) -> None:
    parameters = {"kind": 1, "ref": 2, "colour": 3}
    assert build_with(registry, "operator", "my/open", parameters) == (1, 2, {"colour": 3})


@pytest.mark.parametrize("device", ["gpu", "", "cpu:x", 1.5])
def test_a_device_that_is_none_is_refused(device: str, registry: Registry) -> None:
    with pytest.raises(ConfigError, match=r"^device: name is .*, expected 'cpu', 'cuda' or 'cuda:0'"):
        build_with(registry, "operator", "my/placed", {"size": 3}, device=device)


def test_a_device_that_is_not_there_is_refused_before_the_target_is_even_found(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(MissingDependencyError, match=r"^device: name is 'cuda', .*sees no CUDA device\."):
        build_with(registry, "operator", "my/not-there", {}, device="cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(MissingDependencyError, match=r"^device: name is 'cuda:2', expected one of the 2 CUDA devices"):
        build_with(registry, "operator", "my/placed", {"size": 3}, device="cuda:2")
    assert build_with(registry, "operator", "my/placed", {"size": 3}, device="cuda:1").device == torch.device("cuda:1")


def test_a_backend_that_cannot_be_used_here_is_refused(registry: Registry) -> None:
    with pytest.raises(MissingDependencyError, match=r"^device: name is 'xpu', expected one that torch"):
        build_with(registry, "operator", "my/placed", {"size": 3}, device="xpu")


def test_a_device_or_dtype_that_the_object_does_not_support_is_refused(registry: Registry) -> None:
    with pytest.raises(ConfigError, match=r"^my/cpu-only: device is meta, expected cpu\."):
        build_with(registry, "operator", "my/cpu-only", {"size": 3}, device="meta")
    with pytest.raises(ConfigError, match=r"^my/moved: dtype is float64, expected float32\."):
        build_with(registry, "operator", "my/moved", {}, dtype=torch.float64)


@pytest.mark.parametrize("dtype", ["float", "int32x", "int8", "nn", 3])
def test_a_dtype_that_is_none_is_refused(dtype: str, registry: Registry) -> None:
    if dtype == "float":  # torch's own second name of float32
        assert build_with(registry, "operator", "my/moved", {}, dtype=dtype).moved_to == (None, torch.float32)
        return
    with pytest.raises(ConfigError, match=r"^dtype: name is .*, expected 'float32', 'float64'"):
        build_with(registry, "operator", "my/moved", {}, dtype=dtype)


@pytest.mark.parametrize(
    ("how", "value", "cause"),
    [
        ("type", "x", "'<' not supported between instances of 'int' and 'str'"),
        ("value", "x", "invalid literal for int.* 'x'"),
        ("index", (1,), "IndexError: tuple index out of range"),
        ("key", 3, "KeyError: 3"),
        ("attribute", 3, "'int' object has no attribute 'shape'"),
        ("silent", 3, "ValueError:"),
    ],
)
def test_a_value_that_the_target_cannot_work_with_is_named_with_the_cause(
    how: str, value: object, cause: str, registry: Registry
) -> None:
    message = rf"^my/picky: parameters are how = '{how}', value = .*, and {cause}\. Correct their types or values\.$"
    with pytest.raises(ConfigError, match=message) as caught:
        build_with(registry, "operator", "my/picky", {"how": how, "value": value})
    assert isinstance(caught.value.__cause__, TypeError | ValueError | LookupError | AttributeError)


def test_long_values_are_cut_and_tensors_are_told_by_their_shape(registry: Registry) -> None:
    with pytest.raises(ConfigError, match=r"how = 'x+\.\.\.x+', value = Tensor of shape \(3, 2\), and KeyError"):
        build_with(registry, "operator", "my/picky", {"how": "x" * 500, "value": torch.ones(3, 2)})


def test_what_the_target_says_itself_and_a_defect_pass_as_they_are(registry: Registry) -> None:
    with pytest.raises(ShapeError, match=r"^value: shape is wrong\.$"):
        build_with(registry, "operator", "my/picky", {"how": "config"})
    with pytest.raises(ZeroDivisionError, match="division"):
        build_with(registry, "operator", "my/picky", {"how": "defect"})


def test_a_number_for_a_kernel_is_one_line() -> None:
    with pytest.raises(ConfigError, match=r"^Blur: image_shape is 64, expected the sizes of the axes\."):
        invkit.build("operator", "core/blur", kernel=1, image_shape=64)


def test_the_public_build_uses_the_registry_of_the_process(registry: Registry) -> None:
    before = get_registry()
    try:
        set_registry(registry)
        assert invkit.build("operator", "my/open", kind=1) == (1, "x", {})
        with pytest.raises(UnknownNameError, match="name is 'my/opn'"):
            invkit.build("operator", "my/opn")
        set_registry(None)
        assert get_registry() is get_registry()
    finally:
        set_registry(before)
