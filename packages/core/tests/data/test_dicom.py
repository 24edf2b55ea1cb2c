from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from invkit.data import read, write
from invkit.errors import DataError

pydicom = pytest.importorskip("pydicom")
CT_SMALL = "CT_small.dcm"


def shipped(name: str) -> Path:
    """A file inside pydicom's wheel."""
    path = pydicom.data.get_testdata_file(name, download=False)
    if path is None:
        pytest.skip(f"this pydicom does not ship {name}")
    return Path(path)


def edited(tmp_path: Path, name: str = CT_SMALL, **elements: object) -> Path:
    dataset = pydicom.dcmread(shipped(name))
    for keyword, value in elements.items():
        if keyword.startswith("PixelPadding"):  # unsigned or signed: pydicom cannot choose
            dataset.add_new(keyword, "SS", value)
        else:
            setattr(dataset, keyword, value)
    dataset.save_as(tmp_path / "edited.dcm")
    return tmp_path / "edited.dcm"


def test_ct_is_in_hounsfield_units() -> None:
    image = read(shipped(CT_SMALL))
    stored = pydicom.dcmread(shipped(CT_SMALL)).pixel_array.astype(np.float32)
    np.testing.assert_array_equal(image.array, stored - 1024)
    assert image.units == "HU"
    assert image.spacing == pytest.approx((0.661468, 0.661468))
    assert image.metadata["rescale"] == {"slope": 1.0, "intercept": -1024.0, "applied": True}
    assert image.metadata["subject"] == "1CT1"


def test_mr_keeps_its_stored_values(tmp_path: Path) -> None:
    path = edited(tmp_path, "MR_small.dcm", RescaleSlope="2.5", RescaleIntercept="7", PixelPaddingValue=0)
    image = read(path)
    np.testing.assert_array_equal(image.array, pydicom.dcmread(path).pixel_array)
    assert image.metadata["rescale"] == {"slope": 2.5, "intercept": 7.0, "applied": False}
    assert image.metadata["padding"]["replaced_by"] is None
    assert image.units == ""


def test_spacing_is_rows_then_columns(tmp_path: Path) -> None:
    assert read(edited(tmp_path, PixelSpacing=[2.0, 0.5])).spacing == (2.0, 0.5)


@pytest.mark.parametrize("value", [-2000, 63536])
def test_padding_becomes_air(value: int, tmp_path: Path) -> None:
    dataset = pydicom.dcmread(shipped(CT_SMALL))
    pixels = dataset.pixel_array.copy()
    pixels[:10] = -2000
    dataset.PixelData = pixels.tobytes()
    del dataset["PixelPaddingValue"]
    # many scanners write the unsigned twin of a signed value
    dataset.add_new("PixelPaddingValue", "US" if value > 0 else "SS", value)
    dataset.save_as(tmp_path / "padded.dcm")
    image = read(tmp_path / "padded.dcm")
    assert (image.array[:10] == -1000).all()
    assert image.metadata["padding"] == {"count": 1280, "replaced_by": -1000.0}
    np.testing.assert_array_equal(image.array[10:], pixels[10:] - 1024)


def test_a_range_of_padding_is_replaced(tmp_path: Path) -> None:
    path = edited(tmp_path, PixelPaddingValue=200, PixelPaddingRangeLimit=300)
    stored = pydicom.dcmread(path).pixel_array
    inside = (stored >= 200) & (stored <= 300)
    assert 0 < inside.sum() < inside.size
    np.testing.assert_array_equal(read(path).array == -1000, inside | (stored == 24))


def test_a_compressed_image_equals_the_uncompressed_one() -> None:
    np.testing.assert_array_equal(read(shipped("MR_small_RLE.dcm")).array, read(shipped("MR_small.dcm")).array)


def test_files_that_are_no_image_say_why(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"\(RTPLAN\) has no pixel data"):
        read(shipped("rtplan.dcm"))
    with pytest.raises(DataError, match="8130 vs 8192 bytes"):
        read(shipped("MR_truncated.dcm"))
    with pytest.raises(DataError, match="is in colour"):
        read(shipped("SC_rgb_small_odd.dcm"))


@pytest.mark.parametrize("num_bytes", [100, 200, 1000, 3000, 20000, 39000])
def test_no_truncation_gives_an_image(num_bytes: int, tmp_path: Path) -> None:
    (tmp_path / "x.dcm").write_bytes(shipped(CT_SMALL).read_bytes()[:num_bytes])
    with pytest.raises(DataError, match=r"x\.dcm: .*"):
        read(tmp_path / "x.dcm")


def test_one_frame_of_several_must_be_chosen() -> None:
    path = shipped("rtdose.dcm")
    with pytest.raises(DataError, match="has 15 frames, expected one. Choose one as .*rtdose.dcm::0"):
        read(path)
    with pytest.raises(DataError, match="the frame is '15', expected 0 to 14"):
        read(f"{path}::15")
    np.testing.assert_array_equal(read(f"{path}::3").array, pydicom.dcmread(path).pixel_array[3].astype(np.float32))


def test_hounsfield_units_survive_writing_exactly(tmp_path: Path) -> None:
    image = read(shipped(CT_SMALL))
    back = read(write(tmp_path / "x.dcm", image.array, spacing=image.spacing, units="HU", metadata=image.metadata))
    np.testing.assert_array_equal(back.array, image.array)
    assert back.units == "HU"
    assert back.spacing == pytest.approx(image.spacing)
    assert (back.metadata["modality"], back.metadata["subject"]) == ("CT", "1CT1")


@pytest.mark.parametrize("scale", [1e-7, 1.0, 12345.678])
def test_any_values_survive_within_half_a_step(scale: float, tmp_path: Path) -> None:
    array = scale * (np.random.default_rng(0).standard_normal((33, 20)) - 5)
    path = write(tmp_path / "x.dcm", array, metadata={"modality": "MR"})
    step = np.ptp(array) / 65535
    back = read(path)
    np.testing.assert_allclose(back.array, array, rtol=1e-6, atol=0.51 * step)
    assert back.metadata["modality"] == "MR"
    assert back.metadata["rescale"]["applied"]


def test_constant_images_survive(tmp_path: Path) -> None:
    for value in (0.0, -3.25):
        np.testing.assert_array_equal(read(write(tmp_path / "x.dcm", np.full((4, 5), value))).array, value)


def test_a_written_file_has_what_secondary_capture_requires(tmp_path: Path) -> None:
    write(tmp_path / "x.dcm", np.eye(8), units="HU")
    # enforcement as strict as pydicom has it
    old = pydicom.config.settings.reading_validation_mode
    pydicom.config.settings.reading_validation_mode = pydicom.config.RAISE
    try:
        dataset = pydicom.dcmread(tmp_path / "x.dcm")
        for element in dataset:
            _ = element.value
    finally:
        pydicom.config.settings.reading_validation_mode = old
    for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "ConversionType"):
        assert dataset.get(keyword)
    assert dataset.Modality == "CT"


def test_real_scans(shared_data: Path) -> None:
    ct = read(shared_data / "ct" / "ge_hispeed_head" / "slice_016.dcm")
    assert ct.metadata["padding"]["count"] > 1000
    assert float(ct.array.min()) >= -1100
    chests = sorted((shared_data / "ct" / "covid_ny_sbu").iterdir())[:3]
    for path in (shared_data / "ct" / "lidc_idri_0001" / "slice_050.dcm", *chests):
        image = read(path)
        assert image.units == "HU"
        assert image.array.shape == (512, 512)
        # soft tissue near 0 HU is what a wrong slope or intercept would move
        assert 0.05 < np.mean(np.abs(image.array - 30) < 100) < 0.8
    mr = read(shared_data / "mri" / "studyforrest_sub02_T1w_dicom" / "N2D_0255.dcm")
    assert mr.array.shape == (384, 274)
    assert mr.spacing == pytest.approx((0.6667, 0.7), abs=1e-3)
    pet = read(shared_data / "pet" / "acrin_flt_breast_pet" / "ACRIN-FLT-Breast_029.dcm")
    assert pet.units == "BQML"
    assert pet.metadata["rescale"]["slope"] == pytest.approx(9.12329)
