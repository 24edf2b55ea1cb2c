"""invkit: inverse problems with structure you can trust.

    invkit.build("operator", "core/fourier", image_shape=(256, 256))    make any registered object
    invkit.solve(objective, solver)                                     minimise
    invkit.explain(model, operator)                                     what is guaranteed, and why
    invkit.check(object)                                                measure what it claims

Names are loaded on first use, so ``import invkit`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .claims import Basis as Basis
    from .claims import Claim as Claim
    from .errors import ClaimRefutedError as ClaimRefutedError
    from .errors import ConfigError as ConfigError
    from .errors import ConvergenceError as ConvergenceError
    from .errors import DataError as DataError
    from .errors import GuaranteeError as GuaranteeError
    from .errors import InvkitError as InvkitError
    from .errors import MissingDependencyError as MissingDependencyError
    from .errors import PluginError as PluginError
    from .errors import ShapeError as ShapeError
    from .errors import UnknownNameError as UnknownNameError
    from .guarantees import explain as explain
    from .plugins import Registry as Registry
    from .plugins import build as build
    from .plugins import get_registry as get_registry
    from .solvers import solve as solve
    from .spec import Spec as Spec
    from .testing import check as check

    __version__: str

#: Public name -> the module that defines it.
_HOME = {
    "Basis": "claims",
    "Claim": "claims",
    "ClaimRefutedError": "errors",
    "ConfigError": "errors",
    "ConvergenceError": "errors",
    "DataError": "errors",
    "GuaranteeError": "errors",
    "InvkitError": "errors",
    "MissingDependencyError": "errors",
    "PluginError": "errors",
    "Registry": "plugins",
    "ShapeError": "errors",
    "Spec": "spec",
    "UnknownNameError": "errors",
    "build": "plugins",
    "check": "testing",
    "explain": "guarantees",
    "get_registry": "plugins",
    "solve": "solvers",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        value: Any = _version()
    elif name in _HOME:
        value = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*_HOME, "__version__"])


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("invkit")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "0+source"
