from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from invkit.data.formats import base, endings, read, write
from invkit.errors import DataError, MissingDependencyError

NEEDS = {".dcm": "pydicom", ".h5": "h5py", ".hdf5": "h5py", ".nii": "nibabel", ".nii.gz": "nibabel"}
LOSSY = {".jpg": 0.02, ".jpeg": 0.02, ".png": 1e-5, ".dcm": 1e-5}
COMPLEX = (".npy", ".npz", ".h5", ".hdf5", ".mat")


def image(shape: tuple[int, ...] = (37, 24)) -> np.ndarray:
    rows, columns = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    return (3 * np.sin(2 * rows) - columns**2 + 0.25 * rows * columns).astype(np.float32)


def need(ending: str) -> None:
    if ending in NEEDS:
        pytest.importorskip(NEEDS[ending])


@pytest.mark.parametrize("ending", endings())
def test_what_is_written_is_read_back(ending: str, tmp_path: Path) -> None:
    need(ending)
    array = image()
    path = write(tmp_path / f"x{ending}", array, spacing=(0.5, 0.75), units="Bq/ml")
    back = read(path)
    expected = array
    if ending in (".jpg", ".jpeg"):  # holds the window min..max in 0..255
        expected = (array - array.min()) / np.ptp(array) * 255
    np.testing.assert_allclose(back.array, expected, rtol=0, atol=LOSSY.get(ending, 0) * np.ptp(expected))
    if ending not in (".npy", ".jpg", ".jpeg"):
        assert back.spacing == pytest.approx((0.5, 0.75))
    if ending in (".npz", ".h5", ".hdf5", ".mat", ".png", ".tif", ".tiff", ".dcm"):
        assert back.units == "Bq/ml"
    assert os.listdir(tmp_path) == [f"x{ending}"]


@pytest.mark.parametrize("ending", endings())
def test_batch_and_channel_axes_of_length_one_are_accepted(ending: str, tmp_path: Path) -> None:
    need(ending)
    back = read(write(tmp_path / f"x{ending}", image()[None, None]))
    assert back.array.squeeze().shape == (37, 24)


@pytest.mark.parametrize("ending", endings())
def test_complex_values_are_kept_or_become_magnitudes_with_a_warning(
    ending: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    need(ending)
    array = (image() + 1j * image()[::-1]).astype(np.complex64)
    back = read(write(tmp_path / f"x{ending}", array)).array
    if ending in COMPLEX:
        assert back.dtype == np.complex64
        np.testing.assert_array_equal(back, array)
        assert not caplog.records
    else:
        assert back.dtype.kind == "f"
        assert "cannot hold complex values: the magnitude is written" in caplog.text
        assert np.corrcoef(back.ravel(), np.abs(array).ravel())[0, 1] > 0.999


@pytest.mark.parametrize("ending", endings())
def test_a_missing_file_a_folder_and_an_empty_file_are_named(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"x{ending}"
    with pytest.raises(DataError, match="there is no such file"):
        read(path)
    path.touch()
    with pytest.raises(DataError, match=r"empty \(0 bytes\)"):
        read(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(DataError, match="it is a folder"):
        read(path)
    with pytest.raises(DataError, match="it is a folder"):
        write(path, image())


@pytest.mark.parametrize("ending", endings())
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7])
def test_a_truncated_file_is_an_error_of_one_line(ending: str, share: float, tmp_path: Path) -> None:
    need(ending)
    # noise, so that compressed files end in pixels too
    array = np.random.default_rng(0).standard_normal((64, 80)).astype(np.float32)
    path = write(tmp_path / f"x{ending}", array)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=r"^.*x\.\w+") as caught:
        read(path)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("ending", endings())
def test_a_file_of_something_else_is_an_error_of_one_line(ending: str, tmp_path: Path) -> None:
    need(ending)
    path = tmp_path / f"x{ending}"
    path.write_text("not an image\n" * 100)
    with pytest.raises(DataError, match="cannot be read as") as caught:
        read(path)
    assert len(str(caught.value).splitlines()) == 1


def test_an_unknown_ending_lists_the_known_ones(tmp_path: Path) -> None:
    for action in (lambda: read(tmp_path / "x.xyz"), lambda: write(tmp_path / "x.xyz", image())):
        with pytest.raises(DataError, match=r"ending is '\.xyz', expected one of \.npy \.npz \.png"):
            action()
    with pytest.raises(DataError, match="ending is 'none'"):
        read(tmp_path / "x")


@pytest.mark.parametrize("ending", [".dcm", ".h5", ".nii"])
def test_a_missing_extra_says_how_to_install_it(ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"x{ending}"
    path.write_bytes(b"something")
    monkeypatch.setitem(__import__("sys").modules, NEEDS[ending], None)
    extra = {".dcm": "dicom", ".h5": "hdf5", ".nii": "nifti"}[ending]
    for action in (lambda: read(path), lambda: write(path, image())):
        with pytest.raises(MissingDependencyError, match=rf'pip install "invkit\[{extra}\]"'):
            action()
    assert path.read_bytes() == b"something"


@pytest.mark.parametrize("ending", endings())
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need(ending)
    path = write(tmp_path / f"x{ending}", image())
    before = path.read_bytes()

    def fail(source: Path, target: Path) -> None:
        assert source.stat().st_size > 0
        raise OSError("disk full")

    monkeypatch.setattr(base.os, "replace", fail)
    with pytest.raises(DataError, match="cannot be written.*disk full"):
        write(path, 2 * image())
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("ending", [".png", ".jpg", ".tif", ".dcm"])
def test_image_formats_refuse_nan_and_volumes(ending: str, tmp_path: Path) -> None:
    need(ending)
    with pytest.raises(DataError, match="NaN or inf"):
        write(tmp_path / f"x{ending}", image() * np.nan)
    with pytest.raises(DataError, match=r"shape \(3, 4, 5\), expected \(rows, columns\)"):
        write(tmp_path / f"x{ending}", np.zeros((3, 4, 5)))
    assert os.listdir(tmp_path) == []


def test_writing_into_a_missing_folder_or_without_numbers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no folder"):
        write(tmp_path / "missing" / "x.npy", image())
    with pytest.raises(DataError, match="expected a non-empty array of numbers"):
        write(tmp_path / "x.npy", np.array(["a"]))
    with pytest.raises(DataError, match="expected a non-empty array of numbers"):
        write(tmp_path / "x.npy", np.zeros((0, 4)))


def test_reading_never_unpickles(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="cannot be read as .npy"):
        read(tmp_path / "x.npy")
