from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from invkit_ct_astra import ParallelBeam2d, RayTransform


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data, or skip: it is not part of the repository."""
    named = os.environ.get("INVKIT_SHARED_DATA")
    found = [Path(named)] if named else [parent / "shared" / "data" for parent in Path(__file__).resolve().parents]
    for folder in found:
        if folder.is_dir():
            return folder
    pytest.skip("no real data: set INVKIT_SHARED_DATA to the folder that holds ct/ and mri/")


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(2)


#: Square, non-square and odd; pixels of several sizes; detectors finer and coarser than pixels; shifted; any angles.
GEOMETRIES = {
    "square": ParallelBeam2d.uniform((32, 32), num_angles=10),
    "wide, 0.7 mm": ParallelBeam2d.uniform((21, 30), pixel_size=0.7, num_angles=7),
    "tall, fine detectors": ParallelBeam2d.uniform((33, 20), pixel_size=2.0, num_angles=8, detector_spacing=1.0),
    "coarse detectors": ParallelBeam2d.uniform((24, 25), pixel_size=0.5, num_angles=9, detector_spacing=0.8),
    "shifted detector": ParallelBeam2d.uniform((24, 24), num_angles=9, detector_offset=2.3),
    "any angles": ParallelBeam2d((20, 22), 1.0, (2.0, -0.3, 7.0, 0.0), 33, 1.0),
}


@pytest.fixture(params=GEOMETRIES.values(), ids=GEOMETRIES.keys(), scope="session")
def geometry(request) -> ParallelBeam2d:
    return request.param


@pytest.fixture(scope="session")
def operator(geometry) -> RayTransform:
    return RayTransform.from_geometry(geometry)
