"""Configurations: TOML files, checked by pydantic before anything is built."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ..claims import PROPERTIES
from ..errors import ConfigError


class Use(BaseModel):
    """A registered object and its parameters: ``{ use = "core/tv", weight = 2e-3 }``.

    The parameters are checked against the signature of what ``use`` names when it is built.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    use: str = Field(min_length=1)

    @property
    def parameters(self) -> dict[str, Any]:
        """Everything but ``use``."""
        return dict(self.model_extra or {})


class Simulation(BaseModel):
    """How data are made from a truth."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    #: Each pixel is divided into so many per side where the operator can (ray transforms); 1 commits the inverse crime.
    oversampling: int = Field(default=2, ge=1, le=16)


class Config(BaseModel):
    """One experiment: where the data come from, how they were measured, and how they are reconstructed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    title: str = ""
    seed: int = Field(default=0, ge=0)
    device: str = "cpu"
    dtype: str = Field(default="float32", pattern="^float(32|64)$")
    require: tuple[str, ...] = ()
    #: A file to reconstruct: the path of [data] if that dataset reads files, otherwise it takes the place of [data].
    input: str | None = None
    data: Use = Use(use="core/image")
    #: Which sample of the dataset.
    index: int = Field(default=0, ge=0)
    operator: Use
    noise: Use | None = None
    simulation: Simulation = Simulation()
    model: Use
    #: Further models on the same measurement, for the report.
    compare: tuple[Use, ...] = ()

    @field_validator("require", mode="before")
    @classmethod
    def _not_a_text(cls, value: Any) -> Any:
        if isinstance(value, str):
            raise ValueError(f'it is a list: write ["{value}"]')
        return value

    @field_validator("require", "compare", mode="before")
    @classmethod
    def _list_as_tuple(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @field_validator("model", "compare", mode="before")
    @classmethod
    def _names_as_tables(cls, value: Any) -> Any:
        """``solver = "core/pdhg"`` is short for ``solver = { use = "core/pdhg" }``."""
        if isinstance(value, list | tuple):
            return tuple(cls._names_as_tables(item) for item in value)
        if not isinstance(value, dict):
            return value
        return {key: _as_use(inner) if key in ("regulariser", "solver") else inner for key, inner in value.items()}

    @field_validator("require")
    @classmethod
    def _known_properties(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in PROPERTIES:
                near = difflib.get_close_matches(name, PROPERTIES, n=2)
                raise ValueError(f"property {name!r} is unknown; {'did you mean ' + ' or '.join(near) if near else ''}")
        return value

    def as_dict(self) -> dict[str, Any]:
        """The resolved configuration with every default, as TOML and JSON can hold it."""
        return self.model_dump(mode="json", exclude_none=True)


def _as_use(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_as_use(item) for item in value]
    return {"use": value} if isinstance(value, str) else value


def load(path: Path, overrides: Sequence[str] = (), input_file: Path | None = None) -> Config:
    """Read and check a configuration.

    overrides: ``key=value`` with dots between tables, the value as TOML writes it (``model.solver.rtol=1e-5``); what is
    no TOML value is taken as a string. A number counts into a list (``compare.0.weight=2``).
    input_file: becomes ``input``.

    Raises: ConfigError if the file is not TOML, or a key or value is not acceptable; it names the key and near ones.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: it is not valid TOML ({error}). Correct the line.") from error
    except OSError as error:
        raise ConfigError(f"{path}: it cannot be read ({error.strerror}), expected a TOML file. Name one.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: it is not UTF-8 text, expected a TOML file. Name the configuration.") from error
    for override in overrides:
        _override(table, override)
    if input_file is not None:
        table["input"] = str(input_file)
    return parse(table, str(path))


def parse(table: dict[str, Any], name: str) -> Config:
    """Check a table. Raises: ConfigError naming the first key that is wrong, its value and what was expected."""
    try:
        return Config.model_validate(table)
    except ValidationError as error:
        raise ConfigError(f"{name}: {_first(error)}") from error


def _override(table: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    path = [part.strip() for part in key.split(".")]
    if not separator or not all(path):
        raise ConfigError(f"--set: it is {override!r}, expected key=value. Write for example model.weight=1e-3.")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    place: Any = table
    for part in path[:-1]:
        place = place[_index(place, part, key)] if isinstance(place, list) else place.setdefault(part, {})
        if not isinstance(place, dict | list):
            raise ConfigError(f"--set: {key} goes through {part}, which is {place!r}, expected a table. Correct it.")
    place[_index(place, path[-1], key) if isinstance(place, list) else path[-1]] = value


def _index(entries: list[Any], part: str, key: str) -> int:
    if part.isdecimal() and int(part) < len(entries):
        return int(part)
    numbers = "0" if len(entries) == 1 else f"0 to {len(entries) - 1}"
    wanted = f"a number, {numbers}" if entries else "no entry: the list is empty"
    raise ConfigError(f"--set: index is {part!r} in {key}, expected {wanted}. Correct it.")


def _first(error: ValidationError) -> str:
    problem = error.errors()[0]
    where = ".".join(str(part) for part in problem["loc"]) or "the file"
    kind, value = problem["type"], problem["input"]
    if kind == "extra_forbidden":
        known = Simulation.model_fields if len(problem["loc"]) > 1 else Config.model_fields
        near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=2)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"Choose from {', '.join(known)}."
        return f"key is {where!r}, expected a known one. {hint}"
    if kind == "missing":
        return f"{where} is missing, expected a value. Add it."
    why = problem["msg"].lower().removeprefix("value error, ")
    return f"{where} is {value!r}, expected a valid value ({why}). Correct it."
