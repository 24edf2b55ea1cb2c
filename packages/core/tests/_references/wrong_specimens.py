"""The wrong specimens of ``tests/testing/specimens``, for every test file that looks at them."""

from __future__ import annotations

import sys
from importlib import util
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).resolve().parents[1] / "testing" / "specimens"


def load() -> ModuleType:
    """The folder as a package: test folders are none, so that files of the same name in two of them do not meet."""
    if "specimens" not in sys.modules:
        spec = util.spec_from_file_location(
            "specimens", FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)]
        )
        assert spec is not None
        assert spec.loader is not None
        module = util.module_from_spec(spec)
        sys.modules["specimens"] = module
        spec.loader.exec_module(module)
    return sys.modules["specimens"]
