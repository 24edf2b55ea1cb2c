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
        ([REAL, PHOTONS], ["core/post-log-poisson", "photons = 'lots'"]),
        (["noise.std=x"], ["core/complex-gaussian", "std = 'x'"]),
        (["noise.std=[1]"], ["core/complex-gaussian", "std = (1,)"]),
        (["model.regulariser.weight=abc"], ["Variational: weight is 'abc'", "a real number"]),
        (["model.regulariser.spacing=x"], ["spacing is 'x'", "2 positive numbers"]),
        (["model.regulariser=3"], ["model.regulariser: value is 3", "a table or a name"]),
        (["model.solver.balance=x"], ["core/pdhg", "balance = 'x'"]),
        (["model.solver.rtol=abc"], ["model.solver", "rtol = 'abc'"]),
        (["model.solver.max_steps=abc"], ["model.solver", "max_steps = 'abc'"]),
        (["model.solver=3"], ["model.solver: value is 3", "a table or a name"]),
        (["model.solver=core/pdgh"], ["Did you mean core/pdhg?"]),
        (["operator.sampling_pattern=3"], ["core/fourier", "sampling_pattern = 3"]),
        (["operator.sampling_pattern.fraction=x"], ["operator.sampling_pattern", "fraction = 'x'"]),
        (["operator.sampling_pattern.seed=x"], ["operator.sampling_pattern", "seed = 'x'"]),
        (["operator.image_shape=4"], ["image_shape = 4"]),
        (["operator.channels=x"], ["core/fourier", "channels = 'x'"]),
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
