"""A guarantee that a configuration requires and does not get: exit code 4, and what to change; one tree everywhere."""

from __future__ import annotations

import html
import json
from pathlib import Path

import pytest

from invkit.cli.app import main

HEAD = """
require = ["{required}"]
[data]
use = "core/ellipses"
image_shape = [12, 10]
[operator]
use = "core/{operator}"
[model]
"""
TV = 'use = "core/variational"\nregulariser = { use = "core/tv", weight = 0.1 }\n'
H1 = 'use = "core/variational"\nregulariser = { use = "core/h1", weight = 0.1 }\n'
LANDWEBER = 'use = "core/iteratively-regularised"\nsolver = { use = "core/landweber" }\n'


@pytest.fixture
def config(tmp_path: Path):
    def write(required: str, model: str, operator: str = "identity") -> str:
        path = tmp_path / "config.toml"
        path.write_text(HEAD.format(required=required, operator=operator) + model, encoding="utf-8")
        return str(path)

    return write


@pytest.mark.parametrize(
    ("required", "model", "words"),
    [
        (
            "convergent",
            H1 + 'solver = { use = "core/gradient-descent", step_size = 9.0 }\n',
            ["the step size lies in (0, 2/L)", "(value 9, bound 1.12145)", "Leave step_size out, or lower it"],
        ),
        (
            "convergent",
            H1 + 'solver = { use = "core/pdhg", tau = 2.0, sigma = 1.0 }\n',
            ["sigma_i |K_i|^2 <= 1 (value 17.6679, bound 1)", "Lower a step, or leave both out"],
        ),
        (
            "lipschitz",
            TV,
            [
                "strongly convex with a known modulus (value 0, bound 0)",
                "Add a multiple of SquaredL2() to R, as in lambda space: total_variation(space)",
                'in a configuration regulariser = [..., { use = "core/squared-l2", weight = 1e-2 }]',
            ],
        ),
        ("lipschitz", LANDWEBER + "noise_std = 0.1\n", ["the number of steps is fixed", "Leave noise_std out"]),
        ("regularising", LANDWEBER, ["stops by the discrepancy principle", "Give noise_std"]),
        ("regularising", LANDWEBER + "noise_std = 0.1\n", ["This is only assumed: |y - A x*| <= noise level"]),
    ],
)
def test_what_is_required_and_not_given_ends_with_four(invkit, config, required: str, model: str, words) -> None:
    code, _, err = invkit("explain", config(required, model, "finite-difference" if model == TV else "identity"))
    assert code == 4
    assert err.count("\n") == 1
    assert f"{required} is not guaranteed" in err
    assert [one for one in words if one not in err] == []


@pytest.mark.parametrize("model", [H1, LANDWEBER + "max_steps = 20\n"])
def test_what_is_said_of_a_part_does_not_make_the_method_equivariant(invkit, config, model: str) -> None:
    code, _, err = invkit("explain", config("equivariant", model))
    assert code == 4
    assert "equivariant is not guaranteed" in err
    if model == H1:
        code, out, _ = invkit("explain", config("equivariant", model), "--json")
        tree = json.loads(out)["methods"][0]["guarantee"]
        said = [
            node
            for node in tree["children"]
            if node["holds"] and (node["claim"] or {}).get("property") == "equivariant"
        ]
        assert said
        assert all(node["part"] for node in said)


@pytest.mark.parametrize(
    ("required", "model"),
    [
        ("convergent", H1 + 'solver = { use = "core/gradient-descent" }\n'),
        ("lipschitz", LANDWEBER + "max_steps = 20\n"),
    ],
)
def test_what_is_required_and_given_ends_with_zero(invkit, config, required: str, model: str) -> None:
    assert invkit("explain", config(required, model))[0] == 0


def test_the_same_tree_stands_in_the_answer_the_record_and_the_report(
    config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    name = config(
        "convergent",
        H1 + 'solver = { use = "core/gradient-descent", max_steps = 500, rtol = 0.1 }\n',
        "finite-difference",
    )
    assert main(["explain", name, "--json"]) == 0
    (answered,) = json.loads(capsys.readouterr().out)["methods"]
    assert main(["reconstruct", name, "--quiet"]) == 0
    (folder,) = (tmp_path / "runs").iterdir()
    (recorded,) = json.loads((folder / "record.json").read_text(encoding="utf-8"))["methods"]
    assert recorded["guarantee"] == answered["guarantee"]
    page = html.unescape((folder / "report.html").read_text(encoding="utf-8"))
    nodes = [answered["guarantee"]]
    while nodes:
        node = nodes.pop()
        assert node["statement"] in page
        assert node["source"] in page
        nodes += node["children"]
