from __future__ import annotations

import json
from pathlib import Path

import pytest

CONFIG = """
require = ["convergent"]
[data]
use = "core/ellipses"
image_shape = [16, 16]
[operator]
use = "core/identity"
[model]
use = "core/variational"
regulariser = { use = "core/h1", weight = 0.1 }
solver = { use = "core/gradient-descent" }
[[compare]]
use = "core/adjoint"
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "config.toml"
    path.write_text(CONFIG, encoding="utf-8")
    return str(path)


def test_the_guarantees_of_every_method_are_printed(invkit, config: str) -> None:
    code, out, err = invkit("explain", config)
    assert (code, err) == (0, "")
    assert "+ gradient descent: the objective converges to its minimum" in out
    assert "Nesterov (2018)" in out
    assert "Adjoint: computed without iteration" in out
    assert out.count("exact arithmetic") == 1
    assert "exact arithmetic" in out.splitlines()[-1]


def test_a_required_guarantee_that_is_missing_ends_with_four_after_the_tree(invkit, config: str) -> None:
    code, out, err = invkit("explain", config, "--set", "model.solver.step_size=9.0")
    assert code == 4
    assert "x the step size lies in (0, 2/L): 9 against" in out
    assert err.count("\n") == 1
    assert "convergent is not guaranteed" in err


def test_the_answer_as_json_has_the_trees_and_what_is_missing(invkit, config: str) -> None:
    code, out, _ = invkit("explain", config, "--json", "--set", "model.solver.step_size=9.0")
    answer = json.loads(out)
    assert code == 4
    assert answer["schema_version"] == 1
    assert answer["missing"] == ["convergent"]
    assert [method["name"] for method in answer["methods"]] == ["variational (h1)", "adjoint"]
    assert answer["methods"][0]["guarantee"]["holds"] is False
