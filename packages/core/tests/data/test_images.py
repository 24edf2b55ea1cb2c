from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from invkit.data import read, write, write_grey
from invkit.errors import ConfigError, DataError


def ramp() -> np.ndarray:
    return np.linspace(-1000, 3000, 40 * 30).reshape(40, 30)


@pytest.mark.parametrize("bits", [8, 16])
def test_a_window_is_recorded_and_undone_within_half_a_level(bits: int, tmp_path: Path) -> None:
    path = write_grey(tmp_path / "x.png", ramp(), window=(-160, 240), bits=bits)
    with Image.open(path) as image:
        assert image.mode == {8: "L", 16: "I;16"}[bits]
        pixels = np.asarray(image)
        assert '"window": [-160.0, 240.0]' in image.text["invkit"]
    assert pixels.min() == 0
    assert pixels.max() == 2**bits - 1
    back = read(path)
    assert back.metadata["window"] == (-160, 240)
    step = 400 / (2**bits - 1)
    np.testing.assert_allclose(back.array, ramp().clip(-160, 240), rtol=0, atol=step / 2 + 1e-4)


def test_a_constant_image_can_be_written(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read(write_grey(tmp_path / "x.png", np.full((8, 8), 7.0))).array, 7.0)


def test_bad_windows_and_bits_are_refused(tmp_path: Path) -> None:
    for window in ((1.0, 1.0), (2.0, 1.0), (0.0, float("nan"))):
        with pytest.raises(ConfigError, match="expected black < white"):
            write_grey(tmp_path / "x.png", ramp(), window=window)
    with pytest.raises(ConfigError, match=r"16 bits with ending '\.jpg'"):
        write_grey(tmp_path / "x.jpg", ramp(), bits=16)
    with pytest.raises(ConfigError, match="12 bits"):
        write_grey(tmp_path / "x.png", ramp(), bits=12)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "CMYK"])
def test_colour_becomes_luminance(mode: str, tmp_path: Path) -> None:
    ending = "jpg" if mode == "CMYK" else "png"
    colour = np.zeros((16, 16, 3), dtype=np.uint8)
    colour[...] = (200, 100, 50)
    # a palette without dither, or the file itself has other colours
    Image.fromarray(colour).convert(mode, palette=Image.Palette.ADAPTIVE).save(tmp_path / f"x.{ending}")
    expected = 0.299 * 200 + 0.587 * 100 + 0.114 * 50
    np.testing.assert_allclose(read(tmp_path / f"x.{ending}").array, expected, atol=3 if mode != "RGB" else 1e-4)


@pytest.mark.parametrize(("mode", "value"), [("L", 200), ("I;16", 40000), ("1", 1), ("LA", 200)])
def test_grey_files_keep_their_values(mode: str, value: int, tmp_path: Path) -> None:
    if mode == "LA":
        picture = Image.fromarray(np.full((5, 6), value, dtype=np.uint8)).convert("LA")
    else:
        dtype = {"L": np.uint8, "I;16": np.uint16, "1": bool}[mode]
        picture = Image.fromarray(np.full((5, 6), value, dtype=dtype))
    picture.save(tmp_path / "x.png")
    back = read(tmp_path / "x.png").array
    assert back.dtype == np.float32
    np.testing.assert_array_equal(back, value)


def test_a_photograph_is_turned_as_its_camera_says(tmp_path: Path) -> None:
    pixels = np.zeros((8, 16), dtype=np.uint8)
    pixels[:, 8:] = 200
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    Image.fromarray(pixels).save(tmp_path / "x.png", exif=exif)
    back = read(tmp_path / "x.png").array
    assert back.shape == (16, 8)
    assert back[:8].max() == 0


def test_tif_keeps_floats_and_integers(tmp_path: Path) -> None:
    for array in (ramp().astype(np.float32), ramp().astype(np.int16), (ramp() + 1000).astype(np.uint16)):
        tifffile.imwrite(tmp_path / "x.tif", array)
        back = read(tmp_path / "x.tif").array
        assert back.dtype == array.dtype
        np.testing.assert_array_equal(back, array)


def test_a_colour_tif_becomes_luminance(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.tif", np.full((9, 9, 3), (10, 20, 30), dtype=np.uint8), photometric="rgb")
    np.testing.assert_allclose(read(tmp_path / "x.tif").array, 2.99 + 11.74 + 3.42, rtol=1e-6)


@pytest.mark.parametrize("ending", ["png", "jpg", "tif"])
def test_turning_grey_is_said(ending: str, tmp_path: Path, caplog) -> None:
    path = tmp_path / f"x.{ending}"
    with caplog.at_level(logging.INFO, "invkit"):
        for colour in (False, True):
            pixels = np.full((9, 9, 3), (10, 20, 30), dtype=np.uint8)
            Image.fromarray(pixels if colour else pixels[..., 0]).save(path)
            caplog.clear()
            read(path)
            assert (f"x.{ending}: the colours (RGB) become grey" in caplog.text) == colour


@pytest.mark.parametrize(("ending", "white"), [("png", 65535), ("jpg", 255)])
def test_the_window_of_a_picture_is_said(ending: str, white: int, tmp_path: Path, caplog) -> None:
    with caplog.at_level(logging.INFO, "invkit"):
        write(tmp_path / f"x.{ending}", ramp())
    assert f"the values -1000..3000 as grey levels 0..{white}" in caplog.text


def test_an_image_file_has_no_keys(tmp_path: Path) -> None:
    write_grey(tmp_path / "x.png", ramp())
    with pytest.raises(DataError, match="the file holds one image"):
        read(f"{tmp_path}/x.png::a")


def test_luminance_of_a_real_photograph_is_pils_without_rounding(shared_data: Path) -> None:
    path = shared_data / "natural" / "kodak" / "kodim01.png"
    with Image.open(path) as image:
        expected = np.asarray(image.convert("L")).astype(np.float32)
    np.testing.assert_allclose(read(path).array, expected, atol=0.51)
