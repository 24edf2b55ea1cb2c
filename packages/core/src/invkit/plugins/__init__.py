"""Plugins: announce objects with ``hookimpl``-marked functions that return ``Spec``s; find them in a ``Registry``.

A whole plugin module, named in the entry-point group ``invkit`` of its package::

    from invkit.plugins import Spec, hookimpl

    CORE_API = (1, 0)

    @hookimpl
    def invkit_operators():
        return [Spec(name="shift", summary="Cyclic shift by one pixel.", target="my_package.shift:Shift")]
"""

from __future__ import annotations

from ..spec import CORE_API, KINDS, Spec
from .build import build, build_with, check_parameters, parameters_of
from .hookspecs import hookimpl
from .registry import Registry, singular
from .status import Entry, State, Status

__all__ = [
    "CORE_API",
    "KINDS",
    "Entry",
    "Registry",
    "Spec",
    "State",
    "Status",
    "build",
    "build_with",
    "check_parameters",
    "get_registry",
    "hookimpl",
    "parameters_of",
    "set_registry",
    "singular",
]

_default: list[Registry] = []  # empty, or the one registry of this process


def get_registry() -> Registry:
    """The registry of this process: what is installed, discovered on the first call."""
    if not _default:
        _default.append(Registry())
    return _default[0]


def set_registry(registry: Registry | None) -> None:
    """Use this registry from now on; None discovers afresh at the next ``get_registry()``."""
    _default[:] = [] if registry is None else [registry]
