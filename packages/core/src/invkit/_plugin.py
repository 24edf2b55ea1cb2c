"""The built-in plugin ``core``: it announces the objects of this package through the hooks that any plugin uses."""

from __future__ import annotations

from ._announced import datasets, models, noises, operators, regularisers, rules, solvers
from .plugins.hookspecs import hookimpl
from .spec import Spec

CORE_API = (1, 0)


@hookimpl
def invkit_operators() -> list[Spec]:
    return operators.SPECS


@hookimpl
def invkit_regularisers() -> list[Spec]:
    return regularisers.SPECS


@hookimpl
def invkit_solvers() -> list[Spec]:
    return solvers.SPECS


@hookimpl
def invkit_models() -> list[Spec]:
    return models.SPECS


@hookimpl
def invkit_datasets() -> list[Spec]:
    return datasets.SPECS


@hookimpl
def invkit_noises() -> list[Spec]:
    return noises.SPECS


@hookimpl
def invkit_rules() -> list[Spec]:
    return rules.SPECS
