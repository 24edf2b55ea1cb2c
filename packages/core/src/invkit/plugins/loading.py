"""From an ``Entry`` to the object that its Spec names, with errors that say whose fault it is."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ..errors import MissingDependencyError, PluginError
from .status import Entry

#: The way out that the doctor's own report leaves out.
SEE_DOCTOR = "Run 'invkit plugins doctor'."

#: Distributions whose name on the package index is not that of the module.
_PIP_NAMES: Mapping[str, str] = MappingProxyType(
    {"PIL": "pillow", "astra": "astra-toolbox", "pywt": "PyWavelets", "skimage": "scikit-image"}
)


def missing_modules(entry: Entry) -> tuple[str, ...]:
    """The modules in ``requires`` that are not installed. Only looks for them: nothing is imported."""
    return tuple(module for module in entry.spec.requires if not _is_installed(module))


def pip_line(modules: tuple[str, ...]) -> str:
    """The command that installs these modules."""
    return "pip install " + " ".join(
        _PIP_NAMES.get(root, root) for root in (name.partition(".")[0] for name in modules)
    )


def load(entry: Entry, attribute: str = "target") -> Any:
    """Import what ``spec.target`` (or ``spec.example``) names.

    Raises: MissingDependencyError, with the pip line, if a required module is not installed;
    PluginError, naming the id, the distribution and the target, if the target cannot be imported.
    """
    missing = missing_modules(entry)
    if missing:
        raise MissingDependencyError(
            f"{entry.id} ({entry.origin}): required module {', '.join(missing)} is not installed, expected it to be. "
            f"Run: {pip_line(missing)}"
        )
    path = getattr(entry.spec, attribute)
    if not path:
        raise PluginError(
            f"{entry.id} ({entry.origin}): {attribute} is empty, expected 'module:attribute'. Ask its author."
        )
    module_name, _, name = path.partition(":")
    try:
        # Standard output is data, so what a module prints while it is imported goes to standard error.
        with contextlib.redirect_stdout(sys.stderr):
            module = importlib.import_module(module_name)
    except (KeyboardInterrupt, MissingDependencyError):
        raise
    except BaseException as error:  # a plugin's module that calls sys.exit() does not end the program
        said = " ".join(str(error).split()).rstrip(".")
        raise PluginError(
            f"{entry.id} ({entry.origin}): import of {attribute} {path!r} raised {type(error).__name__}"
            f"{f': {said}' if said else ''}. {SEE_DOCTOR}"
        ) from error
    try:
        return getattr(module, name)
    except AttributeError as error:
        raise PluginError(
            f"{entry.id} ({entry.origin}): {attribute} is {path!r}, expected a name that {module_name} defines. "
            f"{SEE_DOCTOR}"
        ) from error


def _is_installed(module: str) -> bool:
    # find_spec("a.b") would import "a", which may be slow or broken: only the root is looked for.
    root = module.partition(".")[0]
    if sys.modules.get(root) is not None:
        return True
    try:
        return importlib.util.find_spec(root) is not None
    except (ImportError, ValueError):
        return False
