from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data, or skip: it is not part of the repository."""
    named = os.environ.get("INVKIT_SHARED_DATA")
    found = [Path(named)] if named else [parent / "shared" / "data" for parent in Path(__file__).resolve().parents]
    for folder in found:
        if folder.is_dir():
            return folder
    pytest.skip("no real data: set INVKIT_SHARED_DATA to the folder that holds ct/ and mri/")
