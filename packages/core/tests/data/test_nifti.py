from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest
import torch

from invkit.cli import reconstruct
from invkit.data import ImageFile, read, write
from invkit.errors import DataError
from invkit.experiments.record import plain

nibabel = pytest.importorskip("nibabel", reason='needs nibabel: pip install "invkit[nifti]"')


def test_a_volume_keeps_its_axes_and_spacing(tmp_path: Path) -> None:
    array = np.random.default_rng(0).standard_normal((5, 6, 7)).astype(np.float32)
    back = read(write(tmp_path / "x.nii.gz", array, spacing=(1.0, 2.0, 3.5)))
    np.testing.assert_array_equal(back.array, array)
    assert back.spacing == (1.0, 2.0, 3.5)


def test_volumes_are_turned_to_ras(tmp_path: Path) -> None:
    array = np.arange(24.0, dtype=np.float32).reshape(2, 3, 4)
    # stored axes: front to back, right to left, bottom to top
    affine = np.array([[0, -2, 0, 9], [-1, 0, 0, 8], [0, 0, 3, 7], [0, 0, 0, 1.0]])
    nibabel.save(nibabel.Nifti1Image(array, affine), tmp_path / "x.nii")
    back = read(tmp_path / "x.nii")
    np.testing.assert_array_equal(back.array, array.transpose(1, 0, 2)[::-1, ::-1])
    assert back.spacing == (2.0, 1.0, 3.0)


def test_an_affine_scale_is_applied(tmp_path: Path) -> None:
    file = nibabel.Nifti1Image(np.arange(24, dtype=np.int16).reshape(2, 3, 4), np.eye(4))
    file.header.set_slope_inter(0.5, -3)
    nibabel.save(file, tmp_path / "x.nii")
    stored = np.asarray(nibabel.load(tmp_path / "x.nii").dataobj.get_unscaled())
    np.testing.assert_array_equal(read(tmp_path / "x.nii").array, stored * 0.5 - 3)


def test_what_is_no_image_or_volume_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected two or three axes"):
        write(tmp_path / "x.nii", np.zeros((2, 3, 4, 5)))
    with pytest.raises(DataError, match="expected two or three axes and one length for each"):
        write(tmp_path / "x.nii", np.zeros((3, 4)), spacing=(1.0, 1.0, 1.0))
    write(tmp_path / "x.nii", np.zeros((3, 4)))
    with pytest.raises(DataError, match="holds one volume"):
        read(f"{tmp_path}/x.nii::a")


def oblique(axes: str = "LSA") -> np.ndarray:
    """An affine of unequal spacing, turned by 20 and 10 degrees, with the stored axes as named; float32 as in files."""
    signs = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}
    matrix = np.zeros((3, 3))
    for column, (name, mm) in enumerate(zip(axes, (0.75, 2.5, 1.25), strict=True)):
        row, sign = signs[name]
        matrix[row, column] = sign * mm
    (c, s), (d, e) = [(np.cos(a), np.sin(a)) for a in np.deg2rad((20, 10))]
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, d, -e], [0, e, d]])
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turn @ matrix, (-31.5, 12.25, 140.0)
    return affine.astype(np.float32).astype(np.float64)


def saved(path: Path, affine: np.ndarray, *, sform_code: int = 1, qform_code: int = 1) -> np.ndarray:
    array = np.random.default_rng(0).standard_normal((4, 5, 6)).astype(np.float32)
    file = nibabel.Nifti1Image(array, None)
    file.header.set_qform(affine, qform_code)
    file.header.set_sform(affine, sform_code)
    nibabel.save(file, path)
    return array


@pytest.mark.parametrize("axes", ["RAS", "LSA", "PIR", "SLP"])
@pytest.mark.parametrize("codes", [(1, 0), (0, 1), (4, 1), (2, 2)])
def test_a_result_on_the_grid_of_its_file_is_placed_as_the_file_was(
    axes: str, codes: tuple[int, int], tmp_path: Path
) -> None:
    array = saved(tmp_path / "in.nii.gz", oblique(axes), sform_code=codes[0], qform_code=codes[1])
    sample = ImageFile(tmp_path / "in.nii.gz")[0]
    write(tmp_path / "out.nii.gz", 2 * sample.truth.numpy(), spacing=sample.spacing, metadata=sample.metadata)
    before, after = nibabel.load(tmp_path / "in.nii.gz"), nibabel.load(tmp_path / "out.nii.gz")
    np.testing.assert_array_equal(np.asarray(after.dataobj), 2 * array)
    assert (int(after.header["sform_code"]), int(after.header["qform_code"])) == codes
    if codes[0]:
        np.testing.assert_array_equal(after.get_sform(), before.get_sform())
    if codes[1]:
        np.testing.assert_allclose(after.get_qform(), before.get_qform(), atol=1e-4)
    np.testing.assert_allclose(after.header.get_zooms(), before.header.get_zooms(), rtol=1e-6)


def test_two_affines_that_differ_are_both_kept(tmp_path: Path) -> None:
    standard = np.array([[-2, 0, 0, 90], [0, 0, 2, -126], [0, 2, 0, -72], [0, 0, 0, 1.0]])
    file = nibabel.Nifti1Image(np.zeros((4, 5, 6), np.float32), None)
    file.header.set_qform(oblique(), 1)
    file.header.set_sform(standard, 4)
    nibabel.save(file, tmp_path / "in.nii")
    image = read(tmp_path / "in.nii")
    after = nibabel.load(write(tmp_path / "out.nii", image.array, metadata=image.metadata))
    np.testing.assert_array_equal(after.get_sform(), standard)
    np.testing.assert_allclose(after.get_qform(), oblique(), atol=1e-4)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_a_slice_lies_where_it_lay_in_its_volume(axis: int, tmp_path: Path) -> None:
    array = saved(tmp_path / "in.nii", oblique())
    sample = ImageFile(tmp_path / "in.nii", slice_index=-2, slice_axis=axis)[0]
    write(tmp_path / "out.nii", sample.truth.numpy(), spacing=sample.spacing, metadata=sample.metadata)
    after = nibabel.load(tmp_path / "out.nii")
    assert sorted(after.header.get_zooms()) == pytest.approx([0.75, 1.25, 2.5])
    # every voxel, taken through the world, is the voxel of the volume
    voxels = np.stack(np.indices(after.shape), axis=-1).reshape(-1, 3)
    there = nibabel.affines.apply_affine(np.linalg.inv(oblique()) @ after.affine, voxels)
    np.testing.assert_allclose(there, np.rint(there), atol=1e-4)
    np.testing.assert_array_equal(np.asarray(after.dataobj).ravel(), array[tuple(np.rint(there).astype(int).T)])
    # and a slice that was written reads as one image
    again = ImageFile(tmp_path / "out.nii")[0]
    assert torch.equal(again.truth, sample.truth)
    assert again.spacing == pytest.approx(sample.spacing)


@pytest.mark.parametrize("shape", [(7, 6), (7, 6, 5)])
def test_an_image_of_unknown_orientation_claims_none(shape: tuple[int, ...], tmp_path: Path, caplog) -> None:
    array = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    spacing = (0.5, 2.0, 3.0)[: len(shape)]
    with caplog.at_level(logging.WARNING, "invkit"):
        write(tmp_path / "x.nii", array, spacing=spacing)
    assert "the orientation of the image is unknown" in caplog.text
    file = nibabel.load(tmp_path / "x.nii")
    assert (int(file.header["sform_code"]), int(file.header["qform_code"])) == (0, 0)
    # two axes claim no thickness
    assert file.header.get_zooms() == spacing
    back = read(tmp_path / "x.nii")
    np.testing.assert_array_equal(back.array, array)
    assert (back.spacing, back.metadata) == (spacing, {"orientation": "unknown"})


def test_another_grid_is_not_given_the_place_of_the_file(tmp_path: Path, caplog) -> None:
    saved(tmp_path / "in.nii", oblique())
    image = read(tmp_path / "in.nii")
    smaller, wider = image.array[1:], tuple(2 * mm for mm in image.spacing)
    for array, spacing in ((smaller, image.spacing), (image.array, wider)):
        caplog.clear()
        path = write(tmp_path / "out.nii", array, spacing=spacing, metadata=image.metadata)
        assert "the grid is not the one that was read" in caplog.text
        assert read(path).metadata == {"orientation": "unknown"}
        assert nibabel.load(path).header.get_zooms() == pytest.approx(spacing)


def test_lengths_in_other_units_become_mm(tmp_path: Path) -> None:
    file = nibabel.Nifti1Image(np.zeros((4, 5, 6), np.float32), np.diag((500.0, 500.0, 250.0, 1.0)))
    file.header.set_xyzt_units("micron")
    nibabel.save(file, tmp_path / "x.nii")
    assert read(tmp_path / "x.nii").spacing == pytest.approx((0.5, 0.5, 0.25))


def test_what_a_record_keeps_of_the_place_is_small_and_complete(tmp_path: Path) -> None:
    saved(tmp_path / "in.nii", oblique())
    metadata = ImageFile(tmp_path / "in.nii")[0].metadata
    text = json.dumps(plain(metadata), allow_nan=False)
    assert len(text) < 2000
    path = write(tmp_path / "out.nii", read(tmp_path / "in.nii").array, metadata=json.loads(text))
    np.testing.assert_array_equal(nibabel.load(path).affine, oblique())


def test_the_command_line_places_its_output(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = np.linspace(0, 1, 16 * 20 * 12).reshape(16, 20, 12)
    nibabel.save(nibabel.Nifti1Image(rows.astype(np.float32), oblique("RAS")), "in.nii")
    Path("config.toml").write_text(
        '[data]\nuse = "core/image"\nslice_index = 7\nslice_axis = 2\n[operator]\nuse = "core/fourier"\n'
        '[model]\nuse = "core/adjoint"\n',
        encoding="utf-8",
    )
    assert reconstruct.run(Path("config.toml"), input_file=Path("in.nii"), output=Path("out.nii")) == 0
    after = nibabel.load("out.nii")
    np.testing.assert_allclose(np.asarray(after.dataobj)[..., 0], rows[..., 7], atol=1e-5)
    np.testing.assert_allclose(after.affine[:, 3], oblique("RAS") @ (0, 0, 7, 1), rtol=1e-6)
    np.testing.assert_allclose(after.affine[:, :3], oblique("RAS")[:, :3], rtol=1e-6)


@pytest.mark.parametrize("name", ["mri/fpg_T2_nifti/fpg_t2.nii.gz", "mri/nichart_T1_FLAIR_2mm_nifti/Subj1_T1.nii.gz"])
def test_real_volumes_keep_their_place(name: str, shared_data: Path, tmp_path: Path) -> None:
    sample = ImageFile(shared_data / name)[0]
    path = write(tmp_path / "x.nii.gz", sample.truth.numpy(), spacing=sample.spacing, metadata=sample.metadata)
    before, after = nibabel.load(shared_data / name), nibabel.load(path)
    np.testing.assert_allclose(after.affine, before.affine, rtol=1e-6, atol=1e-5)
    (q_after, code), (q_before, expected) = after.get_qform(coded=True), before.get_qform(coded=True)
    assert code == expected
    if code:
        np.testing.assert_allclose(q_after, q_before, rtol=1e-5, atol=1e-4)
    np.testing.assert_array_equal(np.asarray(after.dataobj), np.asarray(before.dataobj, dtype=np.float32))


def test_real_volumes(shared_data: Path) -> None:
    ct = read(shared_data / "ct" / "totalsegmentator_abdomen_3mm" / "example_ct.nii.gz")
    assert sorted(ct.array.shape) == [101, 112, 122]
    assert ct.spacing == pytest.approx((3, 3, 3))
    assert -1300 < float(ct.array.min()) < -1000
    t2 = read(shared_data / "mri" / "fpg_T2_nifti" / "fpg_t2.nii.gz")
    assert t2.array.shape == (320, 320, 26)
    assert t2.spacing == pytest.approx((0.75, 0.75, 5.5), abs=0.01)


def test_the_units_of_the_values_are_kept(tmp_path) -> None:
    for units in ("1/mm", "HU", "", "\u00b5g/ml"):
        path = write(tmp_path / "image.nii.gz", np.ones((4, 3), np.float32), spacing=(2.0, 1.0), units=units)
        assert read(path).units == units
    long = write(tmp_path / "long.nii", np.ones((4, 3), np.float32), units="x" * 90)
    assert read(long).units == ""
