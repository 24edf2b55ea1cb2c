"""From the table of a model to the model: the tables inside it become objects first."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from ..errors import ConfigError
from ..functionals import Functional
from ..functionals.algebra import add, scale
from ..models import Denoiser, Reconstructor, Stopping, Variational
from ..operators.space import Space
from ..plugins import Entry, Registry
from ..plugins.build import blamed_on, build_with, check_names, check_parameters, parameters_of
from .config import Use
from .tables import as_table, from_file, placed_on, take_name, tuples
from .values import check_value, check_values

_STOPPING = tuple(field.name for field in fields(Stopping))


class RefusedError(ConfigError):
    """A solver or a model whose names and types are in order does not take a value, such as a relaxation of 2.5."""


def build_model(use: Use, registry: Registry, where: str = "model") -> Reconstructor:
    """A model; the tables ``regulariser``, ``solver``, ``stopping`` and ``denoiser`` inside it become objects first.

    ``regulariser.weight`` is the model's weight, and a list of regularisers their weighted sum; ``rtol atol max_steps
    check_every`` say when it stops, in ``stopping`` or, of a model with a solver, in ``solver``.

    Raises: ConfigError for a key that nothing takes or a value of the wrong type; RefusedError from the constructor of
    the solver or the model; UnknownNameError.
    """
    model = _built(registry, "model", use.use, _resolved(registry, "model", use.use, use.parameters, where), where)
    if not isinstance(model, Reconstructor):
        raise ConfigError(
            f"{where}: {use.use} is a {type(model).__name__}, expected a reconstruction method. Choose one."
        )
    return model


def configuration_keys(kind: str) -> dict[str, inspect.Parameter]:
    """What the table of a regulariser or solver in a model takes beside the parameters of the object itself."""
    if kind == "regulariser":
        return {"weight": inspect.signature(Variational).parameters["weight"]}
    return dict(inspect.signature(Stopping).parameters) if kind == "solver" else {}


def _resolved(registry: Registry, kind: str, ref: str, given: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The parameters of a model or denoiser, with objects in the place of tables."""
    entry = registry.find(kind, ref)
    target = registry.load(entry)
    parameters = tuples(given)
    takes = parameters_of(target) or {}
    _check_takes(entry, takes, parameters, where)
    if "regulariser" in takes and "regulariser" in parameters:
        factory, weight = _regulariser(parameters["regulariser"], registry, f"{where}.regulariser")
        parameters["regulariser"] = factory
        if weight is not None:
            if "weight" in parameters:
                raise ConfigError(
                    f"{where}: weight is given in {where}.weight and in {where}.regulariser.weight, expected one of "
                    "them. Remove one."
                )
            parameters["weight"] = weight
    if "stopping" in takes and "stopping" in parameters:
        parameters["stopping"] = _stopping(parameters["stopping"], f"{where}.stopping")
    if "solver" in takes and "solver" in parameters:
        parameters["solver"], stopping = _solver(parameters["solver"], registry, f"{where}.solver")
        if stopping:
            if "stopping" not in takes:
                own = " or ".join(name for name in _STOPPING if name in takes)
                advice = f"Set {own} in {where}" if own else "Remove it"
                raise ConfigError(
                    f"{where}.solver: parameter is {next(iter(stopping))!r}, expected none that says when "
                    f"{entry.id} stops. {advice}."
                )
            if "stopping" in parameters:
                raise ConfigError(
                    f"{where}: when it stops is said in {where}.solver ({', '.join(stopping)}) and in "
                    f"{where}.stopping, expected one of them. Move it to one."
                )
            parameters["stopping"] = _stopping(stopping, f"{where}.solver")
    if "denoiser" in takes and "denoiser" in parameters:
        parameters["denoiser"] = _denoiser(parameters["denoiser"], registry, f"{where}.denoiser")
    return {name: from_file(value, f"{where}.{name}") for name, value in parameters.items()}


def _check_takes(entry: Entry, takes: Mapping[str, Any], parameters: Mapping[str, Any], where: str) -> None:
    """Raises: ConfigError for a table ``solver`` in a model that has none, saying what it has."""
    if "solver" in parameters and takes and "solver" not in takes and not _open_ended(takes):
        hint = f"Write {where}.stopping = {{ rtol = 1e-3 }}" if "stopping" in takes else "Remove it"
        raise ConfigError(f"{where}: key is 'solver', but {entry.id} has no solver to choose, expected none. {hint}.")


def _built(registry: Registry, kind: str, ref: str, parameters: Mapping[str, Any], where: str) -> Any:
    """The object, its names and types checked before, so that what its constructor says is about a value.

    Raises: ConfigError for a name or a type; RefusedError for a value.
    """
    entry = registry.find(kind, ref)
    target = registry.load(entry)
    check_parameters(entry, target, parameters)
    check_values(where, entry.id, target, parameters)
    try:
        return build_with(registry, kind, entry.id, parameters)
    except ConfigError as error:
        if type(error) is not ConfigError or isinstance(error.__cause__, TypeError | ValueError | LookupError):
            raise
        raise RefusedError(str(error)) from error


def _solver(value: Any, registry: Registry, where: str) -> tuple[Any, dict[str, Any]]:
    """The solver, and what its table says of stopping."""
    inner = tuples(as_table(value, where))
    entry = registry.find("solver", take_name(inner, where))
    _check_keys(entry, registry.load(entry), inner)
    stopping = {key: inner.pop(key) for key in _STOPPING if key in inner}
    return _built(registry, "solver", entry.id, inner, where), stopping


def _stopping(value: Any, where: str) -> Stopping:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where}: value is {value!r}, expected a table. Write {{ rtol = 1e-3, max_steps = 500 }}.")
    check_names(where, value, _STOPPING)
    check_values(where, "when it stops", Stopping, value)
    with blamed_on(where, value):
        return Stopping(**value)


def _denoiser(value: Any, registry: Registry, where: str) -> Denoiser:
    table = as_table(value, where)
    name = take_name(table, where)
    made = _built(registry, "model", name, _resolved(registry, "model", name, table, where), where)
    if not isinstance(made, Denoiser):
        raise ConfigError(
            f"{where}: {name} is a {type(made).__name__}, expected a denoiser. 'invkit list model' names them."
        )
    return made


Factory = Callable[[Space], Functional]


def _regulariser(value: Any, registry: Registry, where: str) -> tuple[Factory, float | None]:
    """The regulariser and its weight; of a list, the weighted sum, which has none of its own."""
    if not isinstance(value, list | tuple):
        return _one_regulariser(value, registry, where)
    if not value:
        raise ConfigError(f"{where}: value is an empty list, expected tables. Leave it out, or add one.")
    parts = [_one_regulariser(part, registry, f"{where}.{i}") for i, part in enumerate(value)]

    def build(domain: Space) -> Functional:
        return add(*(scale(1.0 if weight is None else weight, factory(domain)) for factory, weight in parts))

    return (build, None) if len(parts) > 1 else parts[0]


def _one_regulariser(value: Any, registry: Registry, where: str) -> tuple[Factory, float | None]:
    inner = tuples(as_table(value, where))
    entry = registry.find("regulariser", take_name(inner, where))
    target = registry.load(entry)
    _check_keys(entry, target, inner)
    weight = inner.pop("weight", None)
    if weight is not None:
        check_value(f"{where}.weight", weight, float, entry.id)
    inner = {name: from_file(item, f"{where}.{name}") for name, item in inner.items()}
    check_values(where, entry.id, target, inner)
    return _factory(entry, target, inner), weight


def _factory(entry: Entry, target: Any, parameters: Mapping[str, Any]) -> Factory:
    """The regulariser on a domain that is known only when the model meets an operator."""

    def build(domain: Space) -> Functional:
        placed = {name: placed_on(value, domain) for name, value in parameters.items()}
        with blamed_on(entry.id, parameters):
            made: Functional = target(domain, **placed)
        return made

    build.__name__ = getattr(target, "__name__", entry.spec.name)  # what guarantees call it by
    return build


def _check_keys(entry: Entry, target: Any, table: Mapping[str, Any]) -> None:
    """Raises: ConfigError for a key that neither the object nor its place in the model takes."""
    known = parameters_of(target)
    if known is None or _open_ended(known):
        return
    check_names(entry.id, table, [*configuration_keys(entry.kind), *(name for name in known if name != "domain")])


def _open_ended(known: Mapping[str, inspect.Parameter]) -> bool:
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values())
