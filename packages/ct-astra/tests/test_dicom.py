from __future__ import annotations

import numpy as np
import pydicom
import pytest
import torch
from pydicom.data import get_testdata_file

from invkit.errors import ConfigError, DataError
from invkit_ct_astra import CALIBRATIONS, Calibration, CtSlice, DicomSlice

SHIPPED = get_testdata_file("CT_small.dcm", download=False)


def changed(folder, **values):
    """The shipped slice with some attributes changed, in a new file."""
    dataset = pydicom.dcmread(SHIPPED)
    for name, value in values.items():
        setattr(dataset, name, value)
    dataset.save_as(folder / "slice.dcm")
    return folder / "slice.dcm"


def test_the_shipped_slice_has_the_values_that_its_file_states() -> None:
    dataset = pydicom.dcmread(SHIPPED)
    hounsfield = dataset.pixel_array.astype(float) * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
    (sample,) = CtSlice(units="hounsfield")
    assert sample.truth.shape == (1, 1, 128, 128)
    assert sample.truth.dtype == torch.float32
    assert np.array_equal(sample.truth[0, 0].numpy(), hounsfield)
    assert sample.spacing == pytest.approx((0.661468, 0.661468))
    assert (sample.units, sample.name, sample.subject) == ("HU", "ct-slice", "1CT1")


def test_attenuation_is_the_stated_calibration_of_the_hounsfield_units() -> None:
    hounsfield, attenuation = CtSlice(units="hounsfield")[0], CtSlice()[0]
    torch.testing.assert_close(attenuation.truth, 0.019 * (1 + hounsfield.truth / 1000))
    assert attenuation.units == "1/mm"
    assert attenuation.metadata["calibration"] == {"name": "70-kev", "water": 0.019, "air": 0.0}


@pytest.mark.parametrize("calibration", CALIBRATIONS.values(), ids=CALIBRATIONS)
def test_water_and_air_are_fixed_points_and_the_way_back_is_exact(calibration) -> None:
    assert calibration.to_attenuation(0.0) == calibration.water
    assert calibration.to_attenuation(-1000.0) == pytest.approx(calibration.air, abs=1e-12)
    hounsfield = torch.linspace(-1000, 3000, 50, dtype=torch.float64)
    torch.testing.assert_close(calibration.to_hounsfield(calibration.to_attenuation(hounsfield)), hounsfield)


def test_the_lodopab_calibration_is_the_published_one() -> None:
    """Water 20 and air 0.02 per metre; 3071 HU is its mu_max of 81.35858 per metre."""
    assert 1000 * CALIBRATIONS["lodopab"].to_attenuation(3071.0) == pytest.approx(81.35858, rel=1e-6)


def test_what_lies_outside_of_the_scanned_circle_becomes_air(tmp_path) -> None:
    dataset = pydicom.dcmread(SHIPPED)
    pixels = dataset.pixel_array.copy()
    pixels[:5] = -2000 + 1024 - 24  # -2024 HU, which is not the padding value of the file
    path = changed(tmp_path, PixelData=pixels.tobytes())
    sample = DicomSlice(path, units="hounsfield")[0]
    assert float(sample.truth.min()) == -1000
    assert sample.metadata["clipped"] == {"below": -1000.0, "count": 5 * 128}
    assert float(DicomSlice(path)[0].truth.min()) == 0.0
    assert float(DicomSlice(path, units="hounsfield", lowest=-1024)[0].truth.min()) == -1024


def test_attenuation_of_air_is_zero_and_never_below(tmp_path) -> None:
    pixels = np.full((128, 128), 24, dtype=np.int16)
    path = changed(tmp_path, PixelData=pixels.tobytes())
    # In float32 the last one has air a hair below zero.
    for calibration in (*CALIBRATIONS.values(), Calibration("rounded", 0.0154)):
        truth = DicomSlice(path, calibration=calibration)[0].truth
        assert float(truth.min()) >= 0
        assert float(truth.max()) == pytest.approx(calibration.air, abs=1e-8)


def test_it_is_a_sequence_of_one(tmp_path) -> None:
    dataset = DicomSlice(changed(tmp_path, PatientID=""))
    assert len(dataset) == len(list(dataset)) == 1
    assert (dataset[0].name, dataset[-1].subject) == ("slice", "unknown")
    with pytest.raises(IndexError, match="index is 1"):
        dataset[1]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"Modality": "MR"}, "it is MR of shape .* expected one CT slice"),
        ({"Modality": ""}, r"it is an image of unknown modality and shape \(128, 128\), expected one CT slice"),
        ({"PixelSpacing": [0.5, 0.7]}, "pixels are 0.5 x 0.7 mm, expected square ones"),
    ],
)
def test_what_is_no_ct_slice_of_square_pixels_is_refused(values, message, tmp_path) -> None:
    with pytest.raises(DataError, match=message):
        DicomSlice(changed(tmp_path, **values))[0]


def test_a_truncated_an_empty_and_a_missing_file_are_refused(tmp_path) -> None:
    whole = changed(tmp_path)
    whole.write_bytes(whole.read_bytes()[:20000])
    with pytest.raises(DataError, match=r"slice.dcm: cannot be read as \.dcm"):
        DicomSlice(whole)[0]
    whole.write_bytes(b"")
    with pytest.raises(DataError, match="the file is empty"):
        DicomSlice(whole)[0]
    with pytest.raises(DataError, match="there is no such file"):
        DicomSlice(tmp_path / "none.dcm")[0]


@pytest.mark.parametrize("kind", [lambda **kw: DicomSlice("a.dcm", **kw), CtSlice], ids=["file", "shipped"])
@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"units": "hu"}, "units are 'hu', expected attenuation or hounsfield"),
        ({"lowest": float("nan")}, "lowest is nan, expected a finite"),
        ({"calibration": "70kev"}, "name is '70kev', expected 70-kev or lodopab. Did you mean 70-kev"),
    ],
)
def test_unknown_parameters_are_refused_before_anything_is_read(kind, parameters, message) -> None:
    with pytest.raises(ConfigError, match=message):
        kind(**parameters)


@pytest.mark.parametrize(("water", "air"), [(0.0, 0.0), (0.01, 0.02), (0.02, -0.001), (float("inf"), 0.0)])
def test_a_calibration_without_contrast_is_refused(water, air) -> None:
    with pytest.raises(ConfigError, match="expected 0 <= air < water"):
        Calibration("mine", water, air)


def test_real_slices_of_five_scans_are_read_in_plausible_units(shared_data) -> None:
    files = sorted((shared_data / "ct").glob("*/*.dcm"))
    assert len({path.parent for path in files}) >= 5
    for path in files[::4]:
        sample = DicomSlice(path)[0]
        assert sample.truth.shape == (1, 1, 512, 512)
        assert 0 <= float(sample.truth.min()) <= float(sample.truth.max()) < 0.15
        assert 0.3 < sample.spacing[0] < 1.1
        # Soft tissue, within some 5 per cent of water, is a good part of every slice.
        assert float(((sample.truth > 0.018) & (sample.truth < 0.021)).float().mean()) > 0.05


def test_one_patient_is_one_subject(shared_data) -> None:
    subjects = {
        DicomSlice(path)[0].subject for path in sorted((shared_data / "ct" / "lidc_idri_0001").glob("*.dcm"))[:3]
    }
    assert len(subjects) == 1


def test_real_magnetic_resonance_slices_are_refused(shared_data) -> None:
    files = sorted((shared_data / "mri").glob("*_dicom/*"))
    slices = [path for path in files if path.suffix.lower() in (".dcm", "") and path.is_file()]
    assert slices
    with pytest.raises(DataError, match="it is MR of shape .* expected one CT slice"):
        DicomSlice(slices[0])[0]


@pytest.mark.parametrize("lowest", ["-1000", None])
def test_a_lowest_value_that_is_no_number_is_refused(lowest) -> None:
    with pytest.raises(ConfigError, match="lowest is .* expected a finite HU"):
        DicomSlice("a.dcm", lowest=lowest)
