from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.io

from invkit.data.formats import read
from invkit.errors import DataError

K = np.arange(12).reshape(3, 4) * (1 + 2j)
MASK = np.ones((3, 4), dtype=np.uint8)


def test_the_only_array_is_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", name="scan", te=np.array([1.0, 2.0]), picture=MASK)
    image = read(tmp_path / "a.npz")
    np.testing.assert_array_equal(image.array, MASK)
    assert image.metadata["key"] == "picture"


def test_the_only_complex_array_is_preferred(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", mask=MASK, pdf=MASK / 2, ksp=K)
    np.testing.assert_array_equal(read(tmp_path / "a.npz").array, K)


def test_a_key_chooses(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", mask=MASK, ksp=K)
    np.testing.assert_array_equal(read(f"{tmp_path}/a.npz::mask").array, MASK)
    with pytest.raises(DataError, match=r"no array 'kspp', expected one of: mask \(3, 4\) uint8, ksp .*a.npz::ksp\?"):
        read(f"{tmp_path}/a.npz::kspp")


def test_two_candidates_are_listed(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", left=K, right=K)
    with pytest.raises(DataError, match=r"left \(3, 4\) complex128, right \(3, 4\) complex128; .*a.npz::left"):
        read(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", name="nothing")
    with pytest.raises(DataError, match="holds no numeric array"):
        read(tmp_path / "b.npz")


def test_a_file_of_one_array_refuses_a_key(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", K)
    with pytest.raises(DataError, match="an npy file holds one array"):
        read(f"{tmp_path}/a.npy::ksp")


def test_a_matlab_struct_is_entered_with_dots(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "a.mat", {"data": {"images": K, "TE": np.array([1.0, 2.0]), "note": "x"}})
    image = read(tmp_path / "a.mat")
    np.testing.assert_array_equal(image.array, K)
    assert image.metadata["key"] == "data.images"
    np.testing.assert_array_equal(read(f"{tmp_path}/a.mat::data.TE").array, [1.0, 2.0])


def test_matlab_v73_compounds_become_complex(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    compound = np.empty((2, 3), dtype=[("real", "<f8"), ("imag", "<f8")])
    compound["real"], compound["imag"] = 1.5, np.arange(6).reshape(2, 3)
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        file["raw"] = compound
        file["#refs#/b"] = np.zeros((5, 5))
        file["group/mask"] = MASK
    image = read(tmp_path / "a.mat")
    assert image.metadata["key"] == "raw"
    np.testing.assert_array_equal(image.array, 1.5 + 1j * np.arange(6).reshape(2, 3))
    np.testing.assert_array_equal(read(f"{tmp_path}/a.mat::group/mask").array, MASK)


def test_real_matlab_files(shared_data: Path) -> None:
    pytest.importorskip("h5py")
    folder = shared_data / "mri" / "kspace"
    raw = read(folder / "sense16_brain_fullysampled" / "raw_data.mat").array
    ksp = read(folder / "sense16_brain_fullysampled" / "sense16_ksp_complex64.npz").array
    assert raw.shape == (16, 1, 96, 96)
    np.testing.assert_allclose(raw[:, 0], ksp, rtol=1e-6)
    assert read(folder / "sparsemri_brain512_singlecoil" / "brain512.mat").metadata["key"] == "data"
    assert read(shared_data / "mri" / "complex" / "kellman_fatwater" / "PKdata1.mat").array.shape == (256, 192, 4)
    path = shared_data / "ct" / "htc2022_sinograms" / "htc2022_ta_full.mat"
    assert read(path).metadata["key"] == "CtDataFull.sinogram"
