"""The main job, from a configuration to a run folder, on embedded and on real data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from invkit.cli.app import main
from invkit.data.formats import read

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "docs" / "examples"


def shared_file(name: str) -> Path:
    found = [parent / "shared" / "data" / name for parent in ROOT.parents]
    for path in [ROOT / "shared" / "data" / name, *found]:
        if path.is_file():
            return path
    pytest.skip(f"no real data: put {name} below a folder shared/data beside the repository")


def reconstruct(config: Path, runs: Path, *arguments: str | Path) -> dict:
    assert main(["reconstruct", str(config), "--quiet", "--runs", str(runs), *map(str, arguments)]) == 0
    (folder,) = runs.iterdir()
    return json.loads((folder / "record.json").read_text(encoding="utf-8"))


def psnr_of(record: dict) -> Sequence[float]:
    return [method["metrics"]["psnr"] for method in record["methods"]]


def test_the_demo_writes_one_report_with_every_case(tmp_path, capsys):
    assert main(["demo", "--output", str(tmp_path / "demo")]) == 0
    html = (tmp_path / "demo" / "report.html").read_text(encoding="utf-8")
    for title in ("Low-dose CT of a real slice", "ellipse phantom", "MRI of a photograph", "Shepp-Logan"):
        assert title in html
    assert html.count("the iterates converge to a saddle point") == 4
    assert "✗" not in html.partition("</style>")[2]
    assert [path.name for path in (tmp_path / "demo").iterdir()] == ["report.html"]
    assert capsys.readouterr().out.count("converged after") == 4


def test_the_first_config_of_the_readme_runs_and_is_explained(tmp_path, capsys):
    config = ROOT / "docs" / "first_config.toml"
    assert main(["explain", str(config)]) == 0
    assert "tau * sum_i sigma_i |K_i|^2" in capsys.readouterr().out
    tv, fbp = psnr_of(reconstruct(config, tmp_path))
    assert tv > fbp + 3


def test_ct_is_simulated_on_a_finer_grid_unless_told_otherwise(tmp_path):
    record = reconstruct(ROOT / "docs" / "first_config.toml", tmp_path / "a")
    assert any("finer" in note for note in record["data"]["notes"])
    crime = reconstruct(ROOT / "docs" / "first_config.toml", tmp_path / "b", "--set", "simulation.oversampling=1")
    assert not any("finer" in note for note in crime["data"]["notes"])


@pytest.mark.slow
def test_a_real_chest_ct_slice(tmp_path):
    file = shared_file("ct/lungdx_A0001_kernelB/slice_027.dcm")
    record = reconstruct(EXAMPLES / "ct-dicom.toml", tmp_path / "runs", "--input", file, "--output", tmp_path / "x.npy")
    tv, fbp = psnr_of(record)
    assert tv > fbp + 5
    x = read(tmp_path / "x.npy").array.squeeze()
    assert x.shape == (512, 512)
    assert 0.015 < np.percentile(x, 90) < 0.025  # soft tissue, 1/mm


def test_a_small_real_chest_ct_slice_through_the_phantom_config(tmp_path):
    file = shared_file("ct/lungdx_A0001_kernelB/slice_027.dcm")
    arguments = (
        "--set",
        "model={use='ct-astra/filtered-backprojection'}",
        "--set",
        "compare=[]",
        "--set",
        "require=[]",
    )
    record = reconstruct(ROOT / "docs" / "first_config.toml", tmp_path, "--input", file, *arguments)
    assert record["config"]["data"]["use"] == "ct-astra/dicom-slice"
    assert record["data"]["units"] == "1/mm"
    assert record["methods"][0]["metrics"]["psnr"] > 12


def test_a_real_brain_slice_with_simulated_kspace(tmp_path):
    file = shared_file("mri/studyforrest_sub02_T1w_dicom/N2D_0255.dcm")
    out = tmp_path / "x.dcm"
    record = reconstruct(EXAMPLES / "mri-image.toml", tmp_path / "runs", "--input", file, "--output", out)
    tv, zero_filled = psnr_of(record)
    assert tv > zero_filled + 2
    assert read(out).array.shape == (384, 274)


def test_real_multi_coil_kspace_through_estimated_sensitivities(tmp_path):
    file = shared_file("mri/kspace/sense16_brain_fullysampled/sense16_ksp_complex64.npz")
    record = reconstruct(EXAMPLES / "mri-multi-coil.toml", tmp_path, "--input", file)
    tv, adjoint, pseudo_inverse = psnr_of(record)
    assert tv > pseudo_inverse > adjoint
    assert tv > 32
    assert "real measurement, no noise added" in record["data"]["notes"]


def test_the_same_kspace_from_matlab_gives_the_same_image(tmp_path):
    names = ("raw_data.mat", "sense16_ksp_complex64.npz")
    files = [shared_file(f"mri/kspace/sense16_brain_fullysampled/{name}") for name in names]
    found = []
    for index, file in enumerate(files):
        out = tmp_path / f"{index}.npy"
        reconstruct(EXAMPLES / "mri-multi-coil.toml", tmp_path / str(index), "--input", file, "--output", out)
        found.append(np.load(out))
    np.testing.assert_allclose(found[0], found[1], atol=1e-4)


def test_no_name_of_a_person_or_patient_reaches_the_record(tmp_path):
    import pydicom

    file = shared_file("mri/studyforrest_sub02_T1w_dicom/N2D_0255.dcm")
    data = pydicom.dcmread(file)
    data.PatientID, data.PatientName = "SECRET-ID", "Secret^Name"
    data.save_as(tmp_path / "slice.dcm")
    reconstruct(EXAMPLES / "mri-image.toml", tmp_path / "runs", "--input", tmp_path / "slice.dcm")
    (folder,) = (tmp_path / "runs").iterdir()
    for path in folder.iterdir():
        if path.suffix in (".json", ".toml", ".html"):
            text = path.read_text(encoding="utf-8")
            assert "SECRET-ID" not in text
            assert "Secret^Name" not in text


def test_a_truncated_dicom_is_refused_in_one_line(tmp_path, capsys):
    file = shared_file("ct/lungdx_A0001_kernelB/slice_027.dcm")
    cut = tmp_path / "cut.dcm"
    cut.write_bytes(file.read_bytes()[:200_000])
    arguments = ["reconstruct", str(EXAMPLES / "ct-dicom.toml"), "--input", str(cut), "--runs", str(tmp_path / "runs")]
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert "cut.dcm" in err
    assert "Traceback" not in err
    assert not (tmp_path / "runs").exists()
