"""Configurations are checked before anything is built, and every slip is one line with a way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from invkit.errors import ConfigError
from invkit.experiments.config import load

MINIMAL = """
[data]
use = "core/ellipses"
[operator]
use = "core/identity"
[model]
use = "core/adjoint"
"""


@pytest.fixture
def write(tmp_path: Path):
    def _write(text: str) -> Path:
        path = tmp_path / "config.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return _write


def test_defaults_are_filled_in_and_shown(write):
    config = load(write(MINIMAL))
    assert config.as_dict()["dtype"] == "float32"
    assert config.as_dict()["simulation"] == {"oversampling": 2}
    assert config.seed == 0


def test_parameters_of_an_object_are_kept_as_written(write):
    config = load(write(MINIMAL + "rtol = 1e-3\n"))
    assert config.model.parameters == {"rtol": 1e-3}


def test_set_reads_toml_values_and_falls_back_to_text(write):
    config = load(write(MINIMAL), ["seed=7", "model.rtol=1e-5", "model.name=tv", "operator.image_shape=[3, 4]"])
    assert config.seed == 7
    assert config.model.parameters == {"rtol": 1e-5, "name": "tv"}
    assert config.operator.parameters == {"image_shape": [3, 4]}


LISTS = MINIMAL + '[[compare]]\nuse = "core/adjoint"\n[[compare]]\nuse = "core/pseudo-inverse"\n'


def test_set_counts_into_a_list_of_tables(write):
    config = load(write(LISTS), ["compare.1.rtol=1e-3", "compare.0.use=core/variational", "compare.0.solver=core/pdhg"])
    assert [use.use for use in config.compare] == ["core/variational", "core/pseudo-inverse"]
    assert config.compare[0].parameters == {"solver": {"use": "core/pdhg"}}
    assert config.compare[1].parameters == {"rtol": 1e-3}


@pytest.mark.parametrize("index", ["2", "-1", "x"])
def test_an_index_that_is_none_is_refused(write, index):
    with pytest.raises(ConfigError, match=f"index is '{index}' in compare.{index}.use, expected a number, 0 to 1"):
        load(write(LISTS), [f"compare.{index}.use=core/adjoint"])
    with pytest.raises(ConfigError, match="expected no entry: the list is empty"):
        load(write("compare = []\n" + MINIMAL), [f"compare.{index}.use=core/adjoint"])


def test_the_input_file_is_kept_apart_from_the_data(write, tmp_path):
    config = load(write(MINIMAL), input_file=tmp_path / "x.npy")
    assert config.input == str(tmp_path / "x.npy")
    assert config.data.use == "core/ellipses"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (MINIMAL + "\n[modell]\nuse = 'x'\n", "modell.*Did you mean model"),
        ("sead = 1\n" + MINIMAL, "sead.*Did you mean seed"),
        ("seed = -1\n" + MINIMAL, "seed is -1"),
        ("seed = 'a'\n" + MINIMAL, "seed is 'a'"),
        ("dtype = 'float16'\n" + MINIMAL, "dtype is 'float16'"),
        ("require = ['convergant']\n" + MINIMAL, "convergant.*convergent"),
        (MINIMAL + "[simulation]\noversampling = 0\n", "oversampling is 0"),
        (MINIMAL + "[simulation]\noversamplin = 2\n", "oversamplin.*Did you mean oversampling"),
        ("[operator]\nuse = 'core/identity'\n", "model is missing"),
        ("[operator\n", "not valid TOML"),
        ("[data]\nuse = ''\n" + MINIMAL.replace('[data]\nuse = "core/ellipses"\n', ""), "data.use is ''"),
    ],
)
def test_a_wrong_configuration_is_named_with_its_value(write, text, match):
    with pytest.raises(ConfigError, match=match):
        load(write(text))


@pytest.mark.parametrize("override", ["seed", "=3", "model..rtol=1"])
def test_a_malformed_override_is_refused(write, override):
    with pytest.raises(ConfigError, match="expected key=value"):
        load(write(MINIMAL), [override])


def test_an_override_through_a_value_is_refused(write):
    with pytest.raises(ConfigError, match="goes through seed"):
        load(write("seed = 1\n" + MINIMAL), ["seed.x=3"])


def test_a_binary_file_is_not_a_configuration(tmp_path):
    path = tmp_path / "image.toml"
    path.write_bytes(b"\x93NUMPY\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(path)
