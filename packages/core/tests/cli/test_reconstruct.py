"""invkit reconstruct and evaluate, run as a user would, with the core alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from invkit.cli.app import main

CONFIG = """
title = "Test"
[data]
use = "core/shepp-logan"
image_shape = [24, 20]
[operator]
use = "core/fourier"
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


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


def run_folder(here: Path) -> Path:
    (folder,) = (here / "runs").iterdir()
    return folder


def test_a_run_folder_holds_everything(here, capsys):
    assert main(["reconstruct", "config.toml", "--quiet"]) == 0
    folder = run_folder(here)
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "config.toml", "record.json", "report.html", "measurement.npy", "truth.npy",
        "reconstruction.npy", "reconstruction.png", "reconstruction-2.npy", "reconstruction-2.png",
    }  # fmt: skip
    record = json.loads((folder / "record.json").read_text())
    assert record["schema_version"] == 1
    assert [method["status"] for method in record["methods"]] == ["converged", "direct"]
    assert record["methods"][0]["guarantee"]["statement"]
    assert record["versions"]["invkit"]
    assert "variational (tv)" in capsys.readouterr().out


def test_the_resolved_config_repeats_the_run(here):
    assert main(["reconstruct", "config.toml", "--quiet", "--set", "seed=5"]) == 0
    first = run_folder(here)
    assert main(["reconstruct", str(first / "config.toml"), "--quiet", "--runs", "again"]) == 0
    (second,) = (here / "again").iterdir()
    assert np.array_equal(np.load(first / "reconstruction.npy"), np.load(second / "reconstruction.npy"))


def test_the_report_is_self_contained(here):
    main(["reconstruct", "config.toml", "--quiet"])
    html = (run_folder(here) / "report.html").read_text()
    assert "data:image/png;base64," in html
    assert "http://" not in html
    assert "https://" not in html
    assert "<script" not in html


def test_json_goes_to_stdout_alone(here, capsys):
    assert main(["reconstruct", "config.toml", "--json"]) == 0
    payload = json.loads(capsys.readouterr().out)
    assert payload["schema_version"] == 1
    assert payload["record"]["methods"][0]["metrics"]["psnr"] > 20


@pytest.mark.parametrize("name", ["out.npy", "out.png", "out.npz", "out.tif"])
def test_the_output_has_the_format_of_its_ending(here, name):
    from invkit.data.formats import read

    assert main(["reconstruct", "config.toml", "--quiet", "--output", name]) == 0
    assert read(here / name).array.squeeze().shape == (24, 20)


def test_a_run_that_does_not_converge_is_written_all_the_same_and_ends_with_one(here, capsys):
    assert main(["reconstruct", "config.toml", "--quiet", "--set", "model.solver.max_steps=3"]) == 1
    assert (run_folder(here) / "report.html").exists()
    assert "step budget used up" in capsys.readouterr().err


def test_an_interrupted_run_is_written_all_the_same(here, capsys, monkeypatch):
    from invkit.solvers import PDHG

    steps = []
    original = PDHG.step

    def interrupted(self, problem, state):
        steps.append(1)
        if len(steps) == 25:
            raise KeyboardInterrupt
        return original(self, problem, state)

    monkeypatch.setattr(PDHG, "step", interrupted)
    assert main(["reconstruct", "config.toml", "--quiet", "--set", "model.solver.rtol=1e-9"]) == 130
    record = json.loads((run_folder(here) / "record.json").read_text())
    assert record["interrupted"] is True
    assert record["methods"][0]["status"] == "interrupted"
    assert capsys.readouterr().err.count("interrupted") == 1


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["--set", "model.regulariser.weight=-1"], "weight is -1"),
        (["--set", "operatr.use=x"], "Did you mean operator"),
        (["--set", "device=cuda"], "device"),
        (["--set", "device=warp"], "device"),
        (["--output", "x.jpeg2000"], "ending"),
        (["--output", "nowhere/x.npy"], "nowhere"),
        (["--input", "empty.npy", "--set", "data={use='core/image'}"], "empty"),
        (["--input", "empty.npy"], "empty"),
        (["--set", "require=['convergent']", "--set", "model={use='core/adjoint'}"], "is not guaranteed"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(here, capsys, arguments, match):
    (here / "empty.npy").touch()
    before = sorted(here.rglob("*"))
    assert main(["reconstruct", "config.toml", *arguments]) == (4 if match == "is not guaranteed" else 2)
    err = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("invkit: ct")]
    assert match in err[-1]
    assert "Traceback" not in "".join(err)
    assert sorted(here.rglob("*")) == before


def test_a_truncated_image_is_refused(here, capsys):
    np.save(here / "whole.npy", np.ones((24, 20), dtype=np.float32))
    data = (here / "whole.npy").read_bytes()
    (here / "cut.npy").write_bytes(data[: len(data) // 2])
    arguments = ["--input", "cut.npy", "--set", "data={use='core/image'}"]
    assert main(["reconstruct", "config.toml", *arguments]) == 2
    assert "cut.npy" in capsys.readouterr().err


def test_evaluate_repeats_the_numbers_of_the_record(here, capsys):
    main(["reconstruct", "config.toml", "--quiet"])
    record = json.loads((run_folder(here) / "record.json").read_text())
    capsys.readouterr()
    assert main(["evaluate", str(run_folder(here)), "--json"]) == 0
    results = json.loads(capsys.readouterr().out)["results"]
    for found, method in zip(results, record["methods"], strict=True):
        assert found["psnr"] == pytest.approx(method["metrics"]["psnr"])


def test_evaluate_in_a_region_sees_only_the_region(here, capsys):
    main(["reconstruct", "config.toml", "--quiet"])
    folder = run_folder(here)
    truth, x = np.load(folder / "truth.npy"), np.load(folder / "reconstruction.npy")
    mask = np.zeros((24, 20), dtype=np.uint8)
    mask[6:18, 5:15] = 1
    np.save(here / "mask.npy", mask)
    capsys.readouterr()
    assert main(["evaluate", str(folder), "--mask", "mask.npy", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["results"][0]
    error = (np.abs(x) - np.abs(truth))[0, 0][mask > 0].astype(np.float64)
    span = np.abs(truth).max() - np.abs(truth).min()
    assert found["psnr_in_region"] == pytest.approx(10 * np.log10(span**2 / np.mean(error**2)), abs=1e-6)


def test_evaluate_needs_a_truth_of_the_same_size(here, capsys):
    main(["reconstruct", "config.toml", "--quiet"])
    np.save(here / "other.npy", np.ones((5, 5), dtype=np.float32))
    assert main(["evaluate", str(run_folder(here)), "--truth", "other.npy"]) == 2
    assert "(5, 5)" in capsys.readouterr().err
    assert main(["evaluate", "."]) == 2
    assert "record" in capsys.readouterr().err


def test_a_runs_folder_that_cannot_be_written_is_refused_before_the_work(here, capsys, monkeypatch):
    (here / "runs.npy").touch()
    monkeypatch.setattr("invkit.cli.reconstruct.run_all", lambda *a, **k: pytest.fail("it ran"))
    assert main(["reconstruct", "config.toml", "--runs", "runs.npy"]) == 2
    assert "is no folder to write to" in capsys.readouterr().err
