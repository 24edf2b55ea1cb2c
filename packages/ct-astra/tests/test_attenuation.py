from __future__ import annotations

import numpy as np
import pytest
import torch

from invkit.errors import ConfigError
from invkit_ct_astra import CALIBRATIONS, Calibration
from invkit_ct_astra.attenuation import calibration_of


@pytest.mark.parametrize("calibration", [*CALIBRATIONS.values(), Calibration("mine", 0.025, 0.001)], ids=str)
def test_numbers_arrays_and_tensors_go_there_and_back(calibration) -> None:
    hounsfield = np.linspace(-1000, 3000, 9)
    as_array = calibration.to_attenuation(hounsfield)
    as_tensor = calibration.to_attenuation(torch.from_numpy(hounsfield))
    np.testing.assert_allclose(as_array, [calibration.to_attenuation(float(value)) for value in hounsfield])
    np.testing.assert_allclose(as_tensor.numpy(), as_array)
    np.testing.assert_allclose(calibration.to_hounsfield(as_array), hounsfield, atol=1e-9)


def test_bone_of_1000_hu_has_twice_the_attenuation_of_water() -> None:
    assert CALIBRATIONS["70-kev"].to_attenuation(1000.0) == pytest.approx(2 * 0.019)


def test_the_calibration_of_another_scanner_gives_other_numbers() -> None:
    there, back = CALIBRATIONS["70-kev"], CALIBRATIONS["lodopab"]
    assert back.to_hounsfield(there.to_attenuation(0.0)) != pytest.approx(0.0, abs=10)


def test_names_are_the_keys() -> None:
    assert all(calibration_of(name).name == name for name in CALIBRATIONS)
    mine = Calibration("mine", 0.02)
    assert calibration_of(mine) is mine


@pytest.mark.parametrize("value", ["120-kvp", None, ["70-kev"], {"water": 0.02}], ids=str)
def test_what_names_no_calibration_is_refused(value) -> None:
    with pytest.raises(ConfigError, match="calibration: name is .* expected 70-kev or lodopab"):
        calibration_of(value)
