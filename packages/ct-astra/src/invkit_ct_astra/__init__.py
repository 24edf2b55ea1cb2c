"""invkit-ct-astra: parallel-beam CT in mm with exact adjoints. Names are loaded on first use."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .attenuation import CALIBRATIONS as CALIBRATIONS
    from .attenuation import Calibration as Calibration
    from .dicom import CtSlice as CtSlice
    from .dicom import DicomSlice as DicomSlice
    from .filtered_backprojection import FilteredBackprojection as FilteredBackprojection
    from .geometry import ParallelBeam2d as ParallelBeam2d
    from .low_dose import simulate_low_dose as simulate_low_dose
    from .ray_transform import RayTransform as RayTransform
    from .ray_transform import parallel_beam_2d as parallel_beam_2d

#: Public name -> the module that defines it. `invkit list` imports this package, and must not import torch.
_HOME = {
    "CALIBRATIONS": "attenuation",
    "Calibration": "attenuation",
    "CtSlice": "dicom",
    "DicomSlice": "dicom",
    "FilteredBackprojection": "filtered_backprojection",
    "ParallelBeam2d": "geometry",
    "RayTransform": "ray_transform",
    "parallel_beam_2d": "ray_transform",
    "simulate_low_dose": "low_dose",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(_HOME)
