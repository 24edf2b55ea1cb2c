from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch

from invkit.data import Ellipses, ImageFile, Photograph, SheppLogan, rasterise, write
from invkit.data.datasets import PHOTOGRAPHS
from invkit.errors import ConfigError, DataError, UnknownNameError


def test_ellipses_are_a_sequence_that_repeats() -> None:
    dataset = Ellipses(image_shape=(32, 40), num_samples=3, seed=4, pixel_size=0.5)
    samples = list(dataset)
    assert len(dataset) == len(samples) == 3
    assert len({sample.name for sample in samples}) == 3
    assert samples[0].truth.shape == (1, 1, 32, 40)
    assert samples[0].truth.dtype == torch.float32
    assert samples[0].spacing == (0.5, 0.5)
    assert torch.equal(dataset[-1].truth, samples[2].truth)
    assert not torch.equal(samples[0].truth, samples[1].truth)
    with pytest.raises(IndexError, match="index is 3, expected -3 to 2"):
        dataset[3]


def test_a_sample_depends_on_seed_and_index_only() -> None:
    first = Ellipses((24, 24), num_samples=1, seed=1)[0].truth
    assert torch.equal(Ellipses((24, 24), num_samples=9, seed=1)[0].truth, first)
    assert not torch.equal(Ellipses((24, 24), num_samples=1, seed=2)[0].truth, first)


def test_a_phantom_carries_its_exact_ellipses() -> None:
    for sample in (Ellipses((24, 30), pixel_size=2.0)[0], SheppLogan((24, 30), pixel_size=2.0)[0]):
        again = rasterise(sample.metadata["ellipses"], (24, 30), pixel_size=2.0, supersampling=2)
        assert torch.equal(again, sample.truth)


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_every_photograph_ships_with_scikit_image(name: str) -> None:
    truth = Photograph(name, image_shape=(32, 48))[0].truth
    assert truth.shape == (1, 1, 32, 48)
    assert float(truth.min()) >= 0
    assert float(truth.max()) <= 1
    assert float(truth.std()) > 0.01


def test_camera_is_divided_by_255() -> None:
    truth = Photograph()[0].truth
    np.testing.assert_allclose(truth[0, 0].numpy(), skimage.data.camera() / 255, rtol=1e-6)


def test_bad_parameters_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="name is 'lena', expected one of astronaut"):
        Photograph("lena")
    with pytest.raises(ConfigError, match="never enlarged"):
        Photograph("camera", image_shape=(1024, 1024))[0]
    with pytest.raises(ConfigError, match="num_samples is -1"):
        Ellipses(num_samples=-1)
    with pytest.raises(ConfigError, match="normalise is 'mean'"):
        ImageFile("x.npy", normalise="mean")
    with pytest.raises(ConfigError, match="fit is 'stretch'"):
        ImageFile("x.npy", fit="stretch")
    with pytest.raises(ConfigError, match="expected low < high"):
        ImageFile("x.npy", clip=(1.0, 0.0))


def stored(tmp_path: Path, array: np.ndarray, **options) -> ImageFile:
    return ImageFile(write(tmp_path / "x.npz", array, spacing=(2.0, 1.0, 0.5)[-array.ndim :], units="HU"), **options)


def test_an_image_file_is_a_float32_image_in_its_own_units(tmp_path: Path) -> None:
    array = np.arange(12, dtype=np.int16).reshape(3, 4)
    sample = stored(tmp_path, array)[0]
    assert sample.truth.dtype == torch.float32
    assert torch.equal(sample.truth, torch.arange(12.0).reshape(1, 1, 3, 4))
    assert (sample.units, sample.spacing, sample.metadata["scale"], sample.subject) == ("HU", (1.0, 0.5), 1.0, "x")


@pytest.mark.parametrize(("normalise", "scale"), [("max", 50.0), ("percentile", 49.95)])
def test_normalising_is_recorded(normalise: str, scale: float, tmp_path: Path) -> None:
    array = np.linspace(-50, 0, 1001).reshape(7, 143)
    sample = stored(tmp_path, array, normalise=normalise)[0]
    assert sample.metadata["scale"] == pytest.approx(scale)
    np.testing.assert_allclose(sample.truth[0, 0].numpy() * scale, array, rtol=1e-5)
    assert (sample.units, sample.metadata["original_units"]) == ("", "HU")


def test_fitting_changes_the_spacing_as_it_changes_the_pixels(tmp_path: Path) -> None:
    array = np.arange(8 * 12.0).reshape(8, 12)
    down = stored(tmp_path, array, image_shape=(4, 4))[0]
    assert down.truth.shape == (1, 1, 4, 4)
    assert down.spacing == (2.0, 1.0)
    np.testing.assert_allclose(down.truth[0, 0], array[:, 2:10].reshape(4, 2, 4, 2).mean(axis=(1, 3)))
    crop = stored(tmp_path, array, image_shape=(4, 4), fit="crop")[0]
    assert crop.spacing == (1.0, 0.5)
    np.testing.assert_array_equal(crop.truth[0, 0], array[2:6, 4:8])
    assert down.metadata["original_shape"] == (8, 12)


def test_clipping_is_recorded(tmp_path: Path) -> None:
    sample = stored(tmp_path, np.array([[-3024.0, 0.0], [5000.0, 1.0]]), clip=(-1000, 3000))[0]
    assert sample.truth.flatten().tolist() == [-1000, 0, 3000, 1]
    assert sample.metadata["clip"] == (-1000, 3000)


def test_a_volume_is_three_dimensional_or_one_slice(tmp_path: Path) -> None:
    array = np.arange(24.0).reshape(2, 3, 4)
    assert stored(tmp_path, array)[0].truth.shape == (1, 1, 2, 3, 4)
    one = stored(tmp_path, array, slice_index=2, slice_axis=1)[0]
    np.testing.assert_array_equal(one.truth[0, 0], array[:, 2])
    assert one.spacing == (2.0, 0.5)
    with pytest.raises(ConfigError, match="slice_index is 3, expected 0 to 2"):
        stored(tmp_path, array, slice_index=3, slice_axis=1)[0]
    with pytest.raises(ConfigError, match="expected a volume with that axis"):
        stored(tmp_path, array[0], slice_index=0)[0]


def test_a_complex_file_stays_complex(tmp_path: Path) -> None:
    array = np.ones((3, 4)) * (1 + 2j)
    assert stored(tmp_path, array)[0].truth.dtype == torch.complex64


def test_complex_values_on_three_axes_are_said_to_look_like_kspace(tmp_path: Path, caplog) -> None:
    sample = stored(tmp_path, np.ones((2, 3, 4)) * (1 + 2j))[0]
    (warning,) = sample.metadata["warnings"]
    assert "k-space of several coils is read by the dataset core/kspace" in warning
    assert warning in caplog.text
    caplog.clear()
    for array in (np.ones((2, 3, 4)), np.ones((3, 4)) * 1j, np.ones((1, 3, 4)) * 1j):
        assert stored(tmp_path, array)[0].metadata["warnings"] == ()
    assert "core/kspace" not in caplog.text


def test_a_volume_without_a_slice_is_noted(tmp_path: Path, caplog) -> None:
    array = np.ones((2, 3, 4))
    with caplog.at_level(logging.INFO, "invkit"):
        note = stored(tmp_path, array)[0].metadata["note"]
    assert note == ("volume of shape (2, 3, 4), reconstructed whole; choose a slice with slice_index and slice_axis")
    assert note in caplog.text
    assert "note" not in stored(tmp_path, array, slice_index=0)[0].metadata
    assert "note" not in stored(tmp_path, array[:1])[0].metadata


def test_the_modality_of_a_dicom_file_is_kept() -> None:
    pydicom = pytest.importorskip("pydicom")
    path = pydicom.data.get_testdata_file("MR_small.dcm", download=False)
    assert ImageFile(path)[0].metadata["modality"] == "MR"


def test_files_that_are_no_image_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"x\.npz: 1 of 4 values are NaN or inf"):
        stored(tmp_path, np.array([[1.0, np.inf], [0.0, 1.0]]))[0]
    with pytest.raises(DataError, match="expected an image or a volume"):
        ImageFile(write(tmp_path / "x.npy", np.zeros(5)))[0]
    with pytest.raises(DataError, match="expected > 0. The image is empty"):
        stored(tmp_path, np.zeros((4, 4)), normalise="percentile")[0]


def test_a_real_slice(shared_data: Path) -> None:
    pytest.importorskip("pydicom")
    path = shared_data / "ct" / "lidc_idri_0001" / "slice_050.dcm"
    sample = ImageFile(path, image_shape=(256, 256), clip=(-1000, 3000))[0]
    assert sample.truth.shape == (1, 1, 256, 256)
    assert sample.subject == "LIDC-IDRI-0001"
    assert sample.spacing == pytest.approx((1.40625, 1.40625))
    assert float(sample.truth.min()) >= -1000
