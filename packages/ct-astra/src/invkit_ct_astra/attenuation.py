"""Hounsfield units and linear attenuation coefficients, by a calibration that has a name."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from torch import Tensor

from invkit.errors import ConfigError

Array = TypeVar("Array", float, np.ndarray, Tensor)


@dataclass(frozen=True)
class Calibration:
    """mu = water + HU / 1000 (water - air), in 1/mm: HU is 0 in water and -1000 in air.

    The scale depends on the energy of the X-rays, so results in 1/mm are comparable only with the same calibration.

    Raises: ConfigError unless 0 <= air < water.
    """

    name: str
    water: float
    air: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.air < self.water < float("inf"):
            raise ConfigError(
                f"Calibration {self.name!r}: air is {self.air} and water {self.water}, expected 0 <= air < water in "
                "1/mm. Correct them; water is about 0.02."
            )

    def to_attenuation(self, hounsfield: Array) -> Array:
        """mu in 1/mm. It is negative below about -1000 HU, which no material has: clip first."""
        return hounsfield * ((self.water - self.air) / 1000) + self.water

    def to_hounsfield(self, attenuation: Array) -> Array:
        """HU."""
        return (attenuation - self.water) * (1000 / (self.water - self.air))


#: By name. ``70-kev``: water at about 70 keV, a usual effective energy.
#: ``lodopab``: LoDoPaB-CT, Leuschner et al. (2021).
CALIBRATIONS = {
    calibration.name: calibration
    for calibration in (Calibration("70-kev", water=0.019), Calibration("lodopab", water=0.02, air=0.00002))
}


def calibration_of(value: str | Calibration) -> Calibration:
    """The calibration of that name. Raises: ConfigError if there is none."""
    if isinstance(value, Calibration):
        return value
    if not isinstance(value, str) or value not in CALIBRATIONS:
        near = difflib.get_close_matches(str(value), CALIBRATIONS, n=1)
        hint = f"Did you mean {near[0]}?" if near else "Choose one, or make a Calibration."
        raise ConfigError(f"calibration: name is {value!r}, expected {' or '.join(CALIBRATIONS)}. {hint}")
    return CALIBRATIONS[value]
