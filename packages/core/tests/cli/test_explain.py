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
    assert "exact arithmetic" in out.splitlines()[-2]
    assert out.splitlines()[-1] == "required: convergent - given by core/gradient-descent [by construction]"


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


def test_the_brief_answer_has_one_line_for_each_theorem_and_what_fails(invkit, config: str) -> None:
    code, out, _ = invkit("explain", config, "--brief", "--set", "model.solver.step_size=9.0")
    lines = out.splitlines()
    assert code == 4
    assert lines[0] == "variational (h1)"
    assert "  x core/gradient-descent [does not hold]" in lines
    assert any(line.startswith("      x the step size lies in (0, 2/L): 9 against 1.") for line in lines)
    assert any(line.startswith("          what to change: leave step_size out") for line in lines)

    assert lines[-1] == "required: convergent - not given"
    assert len(lines) < len(invkit("explain", config)[1].splitlines())


PNP = """
[data]
use = "core/ellipses"
image_shape = [16, 16]
[operator]
use = "core/identity"
[model]
use = "core/plug-and-play"
denoiser = { use = "core/gaussian-filter", std = 0.8 }
step_size = 5.0
"""
SPLIT = """
[data]
use = "core/ellipses"
image_shape = [16, 16]
[operator]
use = "core/identity"
[model]
use = "core/variational"
regulariser = { use = "core/tv", weight = 0.1 }
solver = { use = "core/SOLVER", relaxation = 2.5 }
"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (PNP, ["PlugAndPlay: step_size is 5, expected one in (0, 2", "Lower it, or leave it out"]),
        (SPLIT.replace("SOLVER", "admm"), ["ADMM: relaxation is 2.5, expected a number in (0, 2)", "Use 1.6"]),
        (SPLIT.replace("SOLVER", "douglas-rachford"), ["DouglasRachford: relaxation is 2.5, expected", "Use 1"]),
    ],
    ids=["plug-and-play", "admm", "douglas-rachford"],
)
def test_a_refused_value_is_a_premise_that_fails_and_two_or_where_it_is_required_four(
    invkit, tmp_path: Path, text: str, words: list[str]
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    for override, expected in (("require=[]", 2), ("require=['convergent']", 4)):
        code, out, err = invkit("explain", str(path), "--set", override)
        assert code == expected
        assert "x every setting is accepted: " + words[0] in out
        assert f"what to change: {words[1]}" in out
        assert err.count("\n") == 1
        assert words[0] in err
    assert invkit("reconstruct", str(path), "--runs", str(tmp_path / "runs"))[0] == 2
    answer = json.loads(invkit("explain", str(path), "--json")[1])
    assert answer["methods"][0]["guarantee"]["holds"] is False


def test_what_iterates_nothing_need_not_converge(invkit, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(PNP.partition("[model]")[0] + '[model]\nuse = "core/tikhonov"\nweight = 0.1\n', encoding="utf-8")
    code, _, err = invkit("explain", str(path), "--set", "require=['convergent']")
    assert code == 4
    assert "computed without iteration" in err
    assert "Drop convergent from require." in err
