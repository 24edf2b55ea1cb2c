"""A value of the wrong type, whatever it is for, is one line that names it, and the exit code 2."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from invkit.cli.app import main

MRI = """
[data]
use = "core/shepp-logan"
image_shape = [16, 12]
[operator]
use = "fourier-sampling"
sampling_pattern = { use = "variable-density", fraction = 0.5 }
[noise]
use = "core/complex-gaussian"
std = 0.01
[model]
use = "core/variational"
regulariser = { use = "core/tv", weight = 0.01 }
solver = { use = "core/pdhg", max_steps = 300, rtol = 1e-2 }
[[compare]]
use = "core/adjoint"
"""
PHOTONS = "noise={ use = 'core/post-log-poisson', photons = 'lots' }"
REAL = "operator={ use = 'core/identity' }"
IMAGE = "data={ use = 'core/image', path = 'image.npy' }"
H1 = "model.regulariser='core/h1'"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    np.save(tmp_path / "image.npy", np.random.default_rng(0).random((16, 12)))
    (tmp_path / "config.toml").write_text(MRI, encoding="utf-8")
    return "config.toml"


def explain(config: str, *overrides: str) -> int:
    return main(["explain", config, *(word for override in overrides for word in ("--set", override))])


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ([REAL, PHOTONS], ["core/post-log-poisson", "noise.photons: value is 'lots', expected a number"]),
        (["noise.std=x"], ["core/complex-gaussian", "noise.std: value is 'x', expected a number"]),
        (["noise.std=[1]"], ["core/complex-gaussian", "noise.std: value is (1,), expected a number"]),
        (["model.regulariser.weight=abc"], ["model.regulariser.weight: value is 'abc'", "a number"]),
        (["model.regulariser.spacing=x"], ["model.regulariser.spacing: value is 'x'", "a list, each a number"]),
        (["model.regulariser=3"], ["model.regulariser: value is 3", "a table or a name"]),
        (["model.solver.balance=x"], ["core/pdhg", "model.solver.balance: value is 'x', expected a number"]),
        (["model.solver.rtol=abc"], ["model.solver.rtol: value is 'abc', expected a number"]),
        (["model.solver.max_steps=abc"], ["model.solver.max_steps: value is 'abc', expected a whole number"]),
        (["model.solver=3"], ["model.solver: value is 3", "a table or a name"]),
        (["model.solver=core/pdgh"], ["Did you mean core/pdhg?"]),
        (["operator.sampling_pattern=3"], ["operator.sampling_pattern: value is 3", "expected a table"]),
        (["operator.sampling_pattern.fraction=x"], ["operator.sampling_pattern", "fraction = 'x'"]),
        (["operator.sampling_pattern.seed=x"], ["operator.sampling_pattern", "seed = 'x'"]),
        (["operator.image_shape=4"], ["operator.image_shape: value is 4, expected a list, each a whole number"]),
        (["operator.channels=x"], ["core/fourier", "operator.channels: value is 'x', expected a whole number"]),
        (["data.image_shape=x"], ["image_shape", "'x'"]),
        ([IMAGE, "data.clip=[1]"], ["clip"]),
        ([IMAGE, "data.clip=abc"], ["clip", "abc"]),
    ],
    ids=lambda value: value[-1][:30] if isinstance(value, list) else "",
)
def test_a_value_of_the_wrong_type_is_one_line(
    config: str, capsys: pytest.CaptureFixture[str], overrides: list[str], words: list[str]
) -> None:
    assert explain(config, *overrides) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    for word in words:
        assert word in captured.err.splitlines()[-1]


def test_a_name_alone_stands_for_a_table(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(config, H1, "model.solver=core/fista") == 0
    assert "variational (h1)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("model.regulariser.wieght=1", "expected one of weight, isotropic, boundary, spacing. Did you mean weight?"),
        ("model.regulariser.domain=1", "expected one of weight, isotropic, boundary, spacing."),
        ("model.solver.rtl=1", "expected one of rtol, atol, max_steps, check_every, tau, sigma, balance. Did you"),
    ],
)
def test_the_names_offered_are_those_that_may_be_set(
    config: str, capsys: pytest.CaptureFixture[str], override: str, words: str
) -> None:
    assert explain(config, override) == 2
    assert words in capsys.readouterr().err


def test_a_role_that_is_resolved_twice_is_news_once(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    from invkit.plugins.roles import announce

    announce.cache_clear()
    assert main(["explain", config, "--input", "image.npy"]) == 0
    assert capsys.readouterr().err.count("picked core/fourier") == 1


BLUR = """
[data]
use = "core/ellipses"
image_shape = [12, 12]
[operator]
use = "core/identity"
[model]
"""
PNP = BLUR + 'use = "core/plug-and-play"\ndenoiser = { use = "core/gaussian-filter", std = 0.8 }\n'
FISTA = (
    BLUR
    + 'use = "core/variational"\nregulariser = { use = "core/l1", weight = 0.1 }\nsolver = { use = "core/fista" }\n'
)
STOPPING = "expected one of rtol, atol, max_steps, check_every."


@pytest.mark.parametrize(
    ("text", "override", "words"),
    [
        (PNP, "model.step_size=x", "model.step_size: value is 'x', expected a number (core/plug-and-play)"),
        (PNP, "model.step_size=true", "model.step_size: value is True, expected a number"),
        (PNP, "model.denoiser.std=a", "model.denoiser.std: value is 'a', expected a number"),
        (PNP, "model.stopping.banana=3", f"model.stopping: parameter is 'banana', {STOPPING}"),
        (PNP, "model.stopping.max_step=3", "Did you mean max_steps?"),
        (PNP, "model.stopping.rtol=x", "model.stopping.rtol: value is 'x', expected a number"),
        (PNP, "model.stopping.max_steps=0", "max_steps is 0"),
        (PNP, "model.stopping=3", "model.stopping: value is 3, expected a table. Write { rtol"),
        (PNP, "model.solver={ rtol = 1e-3 }", "no solver to choose, expected none. Write model.stopping ="),
        (FISTA, "model.solver.step_size=x", "model.solver.step_size: value is 'x', expected a number (core/fista)"),
        (FISTA, "model.stopping={ banana = 3 }", f"model.stopping: parameter is 'banana', {STOPPING}"),
        (
            FISTA.replace('fista"', 'fista", rtol = 1e-2, max_steps = 9'),
            "model.stopping.rtol=1e-3",
            "in model.solver (rtol, max_steps) and in model.stopping, expected one of them",
        ),
        (FISTA, "model.differentiation=implicit", "model.differentiation: value is 'implicit', expected no value"),
        (FISTA, "model.weight=2.0", "in model.weight and in model.regulariser.weight"),
        (FISTA, "model.regulariser.transform=core/haar", "parameter is 'transform', expected one of weight"),
        (FISTA, "model.regulariser=[]", "model.regulariser: value is an empty list"),
        (FISTA, "model.regulariser=[{ use = 'core/h1', weigth = 1 }]", "Did you mean weight?"),
        (FISTA, "model.regulariser=[{ use = 'core/h1', weight = 'x' }, 'core/l1']", "model.regulariser.0.weight"),
        (
            BLUR + 'use = "core/iteratively-regularised"\n',
            "model.solver={ use = 'core/cgls', rtol = 1e-2 }",
            "expected none that says when core/iteratively-regularised stops. Set max_steps in model.",
        ),
        (FISTA, "require=convergent", '(it is a list: write ["convergent"])'),
    ],
)
def test_a_key_or_a_type_that_a_model_does_not_take_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, override: str, words: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    assert explain(str(path), override) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    assert words in captured.err.splitlines()[-1]


def test_what_nobody_foresaw_is_one_line_that_names_the_table(
    config: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from invkit.models import Variational

    def broken(self, y, operator):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(Variational, "objective", broken)
    assert explain(config) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("invkit: model: core/variational with")
    assert "raised ZeroDivisionError: division by zero, expected no error" in line


def test_a_file_that_is_not_there_is_named_as_every_other_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "nowhere.toml"]) == 2
    assert capsys.readouterr().err.startswith("invkit: nowhere.toml: ")
