"""Spec: how a plugin announces one object without importing what implements it. This module imports no torch.

A plugin's ``_plugin.py`` states ``CORE_API = (1, 0)`` and implements hooks that return ``Spec``s. Targets are strings
``"module:attribute"`` and are imported on first use, so that ``invkit list`` stays fast whatever is installed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .claims import Claim
from .errors import ConfigError

#: (major, minor) of the interfaces in this core. A plugin fits if its major is equal and its minor not larger.
CORE_API: tuple[int, int] = (1, 0)

#: The kinds of objects, and the hook through which a plugin announces each.
HOOKS: Mapping[str, str] = MappingProxyType(
    {
        "operator": "invkit_operators",
        "regulariser": "invkit_regularisers",
        "solver": "invkit_solvers",
        "model": "invkit_models",
        "dataset": "invkit_datasets",
        "noise": "invkit_noises",
        "experiment": "invkit_experiments",
        "command": "invkit_commands",
        "check": "invkit_checks",
        "rule": "invkit_rules",
    }
)
KINDS: tuple[str, ...] = tuple(HOOKS)

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True, kw_only=True)
class Spec:
    """One registered object.

    name: lower case with hyphens; the id becomes ``<plugin>/<name>``.
    summary: one sentence for ``invkit list``.
    target: ``"module:attribute"``, a callable that takes keyword parameters and returns the object
        (for rules and checks: the object itself).
    example: ``"module:attribute"``, a callable ``(device, dtype)`` that returns a tiny instance for ``invkit check``,
        or a list of several: odd and even sizes, not square, of several channels.
    role: an interface that several plugins may implement, e.g. ``"ray-transform"``.
    devices, dtypes, dims: where it works. priority: which one a role prefers (larger wins) on the same device.
    claims: what every instance states of itself; measured by ``invkit check``.
    requires: modules that must be importable; a missing one makes the object *unavailable*, never an error.
    references: publications.

    Raises: ConfigError if the name, the target or the example is malformed, or claims holds anything but Claims.
    """

    name: str
    summary: str
    target: str
    example: str = ""
    role: str = ""
    devices: tuple[str, ...] = ("cpu",)
    dtypes: tuple[str, ...] = ("float32", "float64")
    dims: tuple[int, ...] = (2,)
    claims: tuple[Claim, ...] = ()
    requires: tuple[str, ...] = ()
    priority: int = 0
    references: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for what, value, pattern in (
            ("name", self.name, _NAME),
            ("target", self.target, _TARGET),
            ("example", self.example, _TARGET),
            ("role", self.role, _NAME),
        ):
            if what in ("example", "role") and not value:
                continue
            if not isinstance(value, str) or not pattern.fullmatch(value):
                wanted = "words of a-z and 0-9 joined by hyphens" if pattern is _NAME else "'module:attribute'"
                raise ConfigError(f"Spec {self.name!r}: {what} is {value!r}, expected {wanted}. Correct the plugin.")
        if not isinstance(self.claims, tuple) or not all(isinstance(claim, Claim) for claim in self.claims):
            raise ConfigError(
                f"Spec {self.name!r}: claims is {self.claims!r}, expected a tuple of Claims. "
                "Write claims=(Claim(property=...),), with the comma."
            )
