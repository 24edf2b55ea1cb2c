"""Counterexamples on file: they come back as they were, and what is broken or foreign is named."""

from __future__ import annotations

import json
import math
import sys
import types
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import torch
from torch import Tensor

from invkit.claims import Claim
from invkit.errors import ConfigError, DataError
from invkit.functionals import Differentiable
from invkit.measures import Measurement
from invkit.models import Denoiser
from invkit.operators import Identity, Space
from invkit.plugins import Registry
from invkit.testing import Check, CheckResult, Example, Outcome, check, reproduce
from invkit.testing.saved import load, save

SOURCE = """
import torch
from invkit.claims import BY_CONSTRUCTION, Claim
from invkit.functionals import Differentiable
from invkit.measures import Measurement
from invkit.operators import Identity
from invkit.plugins import Spec, hookimpl
from invkit.testing import Check, Example

CORE_API = (1, 0)
FACTOR = 1.01

class Scaled(Identity):
    def _forward(self, x):
        return FACTOR * x

def make(device, dtype):
    return [Example(subject=Scaled(size, 1, dtype), name=name) for name, size in (("odd", (3, 5)), ("even", (4,)))]

SEARCHES = Check(name="searches", kinds=("operator",), measure=lambda e, c: Measurement(FACTOR, 1.0, 1))

@hookimpl
def invkit_operators():
    averaged = Claim(property="averaged", params={"alpha": 0.5}, basis=BY_CONSTRUCTION)
    return [Spec(name="scaled", summary="One.", target=f"{__name__}:Scaled", example=f"{__name__}:make",
                 claims=(averaged,), dtypes=("float64", "complex64"))]

@hookimpl
def invkit_checks():
    return [Spec(name="searches", summary="One.", target=f"{__name__}:SEARCHES")]
"""
NAME = "a_plugin_of_test_saved"


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    module = types.ModuleType(NAME)
    monkeypatch.setitem(sys.modules, NAME, module)
    exec(SOURCE, module.__dict__)
    return Registry([EntryPoint("liar", NAME, "invkit")], environ={})


@dataclass(frozen=True, eq=False, repr=False)
class Scaled(Identity):
    """1.01 id, with the adjoint of id."""

    def _forward(self, x: Tensor) -> Tensor:
        return 1.01 * x


def a_refutation(dtype: torch.dtype = torch.float64) -> CheckResult:
    return next(result for result in check(Scaled((3, 2), dtype=dtype)).refuted if result.check == "adjoint")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64, torch.complex128])
def test_tensors_numbers_and_settings_come_back_as_they_were(dtype: torch.dtype, tmp_path: Path) -> None:
    result = a_refutation(dtype)
    found = load(result.save(tmp_path / "new folder"))
    for name in ("x", "y"):
        assert found.data[name].dtype == dtype
        assert torch.equal(found.data[name], result.counterexample[name])
    assert (found.subject, found.check, found.seed) == ("Scaled", "adjoint", 0)
    assert (found.value, found.bound) == (result.measurement.value, result.measurement.bound)
    assert {"invkit", "python", "torch"} <= set(found.versions)


def test_infinity_and_words_come_back(tmp_path: Path) -> None:
    measured = Measurement(math.inf, 0.0, 1, "everywhere", {"case": "load", "t": math.inf, "n": 3})
    result = CheckResult(
        check="c", subject="a/b", outcome=Outcome.REFUTED, measurement=measured, counterexample=measured.counterexample
    )
    path = result.save(tmp_path)
    assert json.loads(path.read_text(encoding="utf-8"))["numbers"] == {"case": "load", "t": "inf", "n": 3}
    assert load(path).data == {"case": "load", "t": math.inf, "n": 3}
    assert load(path).value == math.inf


def test_what_refutes_nothing_is_not_saved(tmp_path: Path) -> None:
    fine = next(result for result in check(Identity((3, 2))).results if result.check == "adjoint")
    with pytest.raises(ConfigError, match="check adjoint of Identity: it is not refuted, expected 'refuted'"):
        fine.save(tmp_path)


def test_a_saved_one_is_evaluated_where_it_was_found_and_on_what_was_repaired(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuted = check("liar/scaled", registry=registry).refuted
    paths = {(r.check, r.dtype, r.example): r.save(tmp_path) for r in refuted}
    assert len(set(paths.values())) == len(refuted)
    assert {("adjoint", dtype, name) for dtype in ("float64", "complex64") for name in ("odd", "even")} <= set(paths)
    for path in paths.values():
        found = reproduce(path, registry=registry)
        assert found.refutes
        assert "still refuted" in str(found)
    monkeypatch.setattr(sys.modules[NAME], "FACTOR", 1.0)
    for (name, _, _), path in paths.items():
        found = reproduce(path, registry=registry)
        assert found.refutes is (name == "declared")
        json.dumps(found.as_dict(), allow_nan=False)


def test_a_check_that_cannot_look_at_one_point_searches_again_and_says_so(registry: Registry, tmp_path: Path) -> None:
    searched = next(r for r in check("liar/scaled", registry=registry).refuted if r.check == "liar/searches")
    found = reproduce(searched.save(tmp_path), registry=registry)
    assert (found.value, found.refutes) == (1.01, True)
    assert "the whole check with seed 0" in found.how


def test_an_object_that_is_not_registered_must_be_passed(tmp_path: Path) -> None:
    path = a_refutation().save(tmp_path)
    with pytest.raises(
        ConfigError, match=r"Scaled: no object of that id is registered here.*reproduce\(path, subject\)"
    ):
        reproduce(path)
    assert not reproduce(path, Identity((3, 2), dtype=torch.float64)).refutes


def test_a_counterexample_of_another_size_does_not_fit(tmp_path: Path) -> None:
    path = a_refutation().save(tmp_path)
    with pytest.raises(ConfigError, match="the counterexample of check adjoint does not fit it any more"):
        reproduce(path, Identity((4, 4), dtype=torch.float64))


def test_a_check_that_is_not_there_is_named(tmp_path: Path) -> None:
    measured = Measurement(2.0, 1.0, 1)
    result = CheckResult(check="mine", subject="s", outcome=Outcome.REFUTED, dtype="float64", measurement=measured)
    with pytest.raises(ConfigError, match="there is no check 'mine' of operators here"):
        reproduce(result.save(tmp_path), Identity((3, 2)))


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda path: path.write_text("{"), "it is no JSON"),
        (lambda path: path.write_text("[1]"), "it is another JSON"),
        (lambda path: path.write_text('{"format": "invkit counterexample"}'), "schema_version is None, expected 1"),
        (
            lambda path: path.write_text('{"format": "invkit counterexample", "schema_version": 1}'),
            "subject, example, .* is missing",
        ),
        (lambda path: path.unlink(), "No such file"),
        (lambda path: path.write_bytes(b"\xff\xfe\x00"), "it is no JSON"),
        (
            lambda path: path.with_suffix(".safetensors").unlink(),
            "cannot be read from Scaled-adjoint-float64-cpu-seed0-",
        ),
        (lambda path: path.with_suffix(".safetensors").write_bytes(b"no"), "other tensors than those"),
        (lambda path: path.write_text(path.read_text().replace('"x"', '"w"')), "It was altered"),
        (
            lambda path: path.write_text(path.read_text().replace('"tensors": {', '"tensors": 3, "b": {')),
            "It was altered",
        ),
    ],
)
def test_a_broken_or_foreign_file_is_one_clear_error(broken, message: str, tmp_path: Path) -> None:
    path = a_refutation().save(tmp_path)
    broken(path)
    with pytest.raises(DataError, match=message):
        reproduce(path, Scaled((3, 2), dtype=torch.float64))


def test_a_folder_that_cannot_be_written_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="file: it cannot be made a folder"):
        save(a_refutation(), tmp_path / "file")
    (tmp_path / "taken" / a_refutation().save(tmp_path / "elsewhere").name).mkdir(parents=True)
    with pytest.raises(DataError, match="cannot be written"):
        save(a_refutation(), tmp_path / "taken")
    assert not [path for path in (tmp_path / "taken").iterdir() if path.name.startswith(".")]


def test_a_crashing_evaluation_reaches_the_caller(tmp_path: Path) -> None:
    crashes = Check(
        name="adjoint", kinds=("operator",), measure=lambda e, c: Measurement(2.0, 1.0, 1, "", {"x": torch.ones(1)})
    )
    (result,) = check(Identity((2, 2)), checks=(crashes,)).refuted
    with pytest.raises(ConfigError, match="TypeError"):
        reproduce(result.save(tmp_path), Identity((2, 2)))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("subject", 3, "subject is 3, expected a text"),
        ("example", None, "example is None, expected a text"),
        ("seed", math.inf, "seed is inf, expected an integer"),
        ("seed", True, "seed is True"),
        ("example", "odd", "It was altered"),
        ("value", 7.0, "It was altered"),
        ("bound", 7.0, "It was altered"),
    ],
)
def test_an_altered_file_is_refused(key: str, value, message: str, tmp_path: Path) -> None:
    path = a_refutation().save(tmp_path)
    text = json.dumps(json.loads(path.read_text(encoding="utf-8")) | {key: value}).replace("Infinity", "1e400")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        reproduce(path, Scaled((3, 2), dtype=torch.float64))


def test_altered_tensors_are_refused(tmp_path: Path) -> None:
    path = a_refutation().save(tmp_path)
    other = next(r for r in check(Scaled((3, 2), dtype=torch.float64), seed=1).refuted if r.check == "adjoint")
    other.save(tmp_path / "other").with_suffix(".safetensors").replace(path.with_suffix(".safetensors"))
    with pytest.raises(DataError, match="other tensors than those that were saved"):
        reproduce(path, Scaled((3, 2), dtype=torch.float64))


def test_two_objects_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    results = [
        next(r for r in check(Scaled(size, dtype=torch.float64), seed=seed).refuted if r.check == "adjoint")
        for size in ((3, 2), (4, 2))
        for seed in (0, 1)
    ]
    paths = {result.save(tmp_path) for result in results}
    assert len(paths) == 4
    assert {load(path).data["x"].shape[-2] for path in paths} == {3, 4}
    assert results[0].save(tmp_path) in paths


class Stretch(Denoiser):
    """3 x, with these claims."""

    def __init__(self, *claims: Claim) -> None:
        super().__init__()
        self.stated = claims

    def forward(self, x, noise_std=None):
        return 3 * x

    def claims(self):
        return self.stated


def lipschitz(constant: float) -> Claim:
    return Claim(property="lipschitz", params={"constant": constant})


def test_a_claim_that_was_repaired_or_dropped_is_no_longer_refuted(tmp_path: Path) -> None:
    def example(*claims: Claim) -> Example:
        return Example(subject=Stretch(*claims), space=Space((1, 7, 6), torch.float64))

    (row,) = check(example(lipschitz(1.0))).refuted
    path = row.save(tmp_path)
    assert reproduce(path, example(lipschitz(1.0))).refutes
    repaired = reproduce(path, example(lipschitz(3.0)))
    assert not repaired.refutes
    assert "the object claims today: lipschitz(constant=3)" in str(repaired)
    assert reproduce(path, example(lipschitz(2.9))).refutes
    assert reproduce(path, example(lipschitz(3.0), lipschitz(1.0))).refutes
    dropped = reproduce(path, example())
    assert not dropped.refutes
    assert "the object does not claim to be lipschitz any more" in str(dropped)
    json.dumps(dropped.as_dict(), allow_nan=False)


def test_a_named_example_that_is_not_there_is_named(tmp_path: Path) -> None:
    (row,) = (r for r in check(Example(subject=Scaled((3, 2)), name="odd")).refuted if r.check == "adjoint")
    path = row.save(tmp_path)
    with pytest.raises(ConfigError, match="its examples are 'even', expected 'odd' among them"):
        reproduce(path, Example(subject=Scaled((3, 2)), name="even"))


class Cubic(Differentiable):
    """sum |x|^3, whose Hessian is 6-Lipschitz, with the constant that is stated."""

    def __init__(self, constant: float | None) -> None:
        self.constant = constant

    def _value(self, x: Tensor) -> Tensor:
        return x.abs().pow(3).flatten(1).sum(1)

    def _gradient(self, x: Tensor) -> Tensor:
        return 3 * x * x.abs()

    def _hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        return 6 * x.abs() * v

    def smoothness(self) -> None:
        return None

    def convexity(self) -> float:
        return 0.0

    def hessian_lipschitz(self) -> float | None:
        return self.constant


def test_a_constant_that_is_no_claim_is_that_of_today(tmp_path: Path) -> None:
    example = [Example(subject=Cubic(constant), space=Space((1, 4, 3), torch.float64)) for constant in (1.0, 6.0, None)]
    (row,) = (row for row in check(example[0]).refuted if row.check == "hessian-lipschitz")
    path = row.save(tmp_path)
    assert [reproduce(path, one).refutes for one in example] == [True, False, False]
