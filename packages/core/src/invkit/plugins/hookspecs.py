"""The hooks through which a plugin announces its objects. Each returns an iterable of ``Spec``s, one hook per kind.

A plugin implements those it needs, marks them with ``hookimpl``, and imports nothing heavy while doing so: a ``Spec``
names its target as a string. A hook may gain arguments in a later minor version; implementations take fewer freely.
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from ..spec import Spec

PROJECT = "invkit"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def invkit_operators() -> Iterable[Spec]:  # type: ignore[empty-body]
    """Operators: ``target(**parameters)`` returns an ``Operator``."""


@hookspec
def invkit_regularisers() -> Iterable[Spec]:  # type: ignore[empty-body]
    """Regularisers: ``target(domain, **parameters)`` returns a ``Functional``."""


@hookspec
def invkit_solvers() -> Iterable[Spec]:  # type: ignore[empty-body]
    """Solvers: ``target(**settings)`` returns a ``Solver``."""


@hookspec
def invkit_models() -> Iterable[Spec]:  # type: ignore[empty-body]
    """Models: ``target(**parameters)`` returns a ``Reconstructor`` or a ``Denoiser``."""


@hookspec
def invkit_datasets() -> Iterable[Spec]:  # type: ignore[empty-body]
    """Datasets: ``target(**parameters)`` returns an object that yields ``Sample``s."""


@hookspec
def invkit_noises() -> Iterable[Spec]:  # type: ignore[empty-body]
    """Noise models: ``target(**parameters)`` returns an object that corrupts a clean measurement."""


@hookspec
def invkit_experiments() -> Iterable[Spec]:  # type: ignore[empty-body]
    """Experiments: what ``invkit reproduce NAME`` runs."""


@hookspec
def invkit_commands() -> Iterable[Spec]:  # type: ignore[empty-body]
    """Commands: ``target(args, prog_name)`` runs ``invkit <plugin> <name> args...``, returns an exit code or None."""


@hookspec
def invkit_checks() -> Iterable[Spec]:  # type: ignore[empty-body]
    """Checks of a plugin's own claims: the target is the check itself."""


@hookspec
def invkit_rules() -> Iterable[Spec]:  # type: ignore[empty-body]
    """Theorems: the target is the ``Rule`` itself."""
