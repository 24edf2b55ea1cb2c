from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from invkit.data import read, write
from invkit.errors import DataError

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


def test_real_volumes(shared_data: Path) -> None:
    ct = read(shared_data / "ct" / "totalsegmentator_abdomen_3mm" / "example_ct.nii.gz")
    assert sorted(ct.array.shape) == [101, 112, 122]
    assert ct.spacing == pytest.approx((3, 3, 3))
    assert -1300 < float(ct.array.min()) < -1000
    t2 = read(shared_data / "mri" / "fpg_T2_nifti" / "fpg_t2.nii.gz")
    assert t2.array.shape == (320, 320, 26)
    assert t2.spacing == pytest.approx((0.75, 0.75, 5.5), abs=0.01)
