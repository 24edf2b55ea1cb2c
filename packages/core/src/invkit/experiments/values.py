"""Whether a value of a configuration is of the type that a parameter is annotated with."""

from __future__ import annotations

import inspect
import reprlib
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import ConfigError

_IN_PYTHON = "no value but in Python"
_TEXTS = (Path, str, torch.dtype, torch.device)
_LIST_LIKE = (Sequence, Iterable, typing.Collection, list, tuple)
_NUMBERS: dict[Any, str] = {bool: "true or false", int: "a whole number", float: "a number", complex: "a number"}


def check_values(where: str, owner: str, target: Any, given: Mapping[str, Any]) -> None:
    """Compare what a table says with the annotations of what it is for, as far as these say what TOML can write.

    where: the table's key, such as ``model.solver``.   owner: the id of the object that it is for.

    Raises: ConfigError naming the key, its value, and what is expected.
    """
    hints = annotations_of(target)
    for name, value in given.items():
        if name in hints:
            check_value(f"{where}.{name}", value, hints[name], owner)


def check_value(key: str, value: Any, hint: Any, owner: str) -> None:
    """Raises: ConfigError if the value is not of that type."""
    if not fits(value, hint):
        words = list(dict.fromkeys(_words(hint)))
        wanted = " or ".join([word for word in words if not word.startswith(_IN_PYTHON)] or words)
        raise ConfigError(f"{key}: value is {reprlib.repr(value)}, expected {wanted} ({owner}). Correct it.")


def annotations_of(target: Any) -> dict[str, Any]:
    """The type of each parameter of a class or function; without those that cannot be told."""
    try:
        signature = inspect.signature(target).parameters
    except (TypeError, ValueError):
        return {}
    # The fields of a dataclass are annotated in the modules of its bases.
    sources = [target, getattr(target, "__init__", None)] if inspect.isclass(target) else [target]
    found: dict[str, Any] = {}
    for source in sources:
        try:
            found |= typing.get_type_hints(source)
        except (NameError, TypeError, AttributeError):
            continue
    return {name: found[name] for name in signature if name in found}


def fits(value: Any, hint: Any) -> bool:
    """Whether TOML writes a value of that type so. True where the type says nothing that could be told."""
    if hint is Any:
        return True
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, argument) for argument in arguments)
    if origin is typing.Annotated:
        return fits(value, arguments[0])
    if origin is typing.Literal:
        return any(type(value) is type(argument) for argument in arguments)
    if hint in (None, type(None)):
        return value is None
    if hint in (int, float, complex, bool):
        return _is_number(value, hint)
    if (origin or hint) in _LIST_LIKE:
        return _is_list(value, arguments)
    if (origin or hint) is Callable:
        return callable(value)
    if not inspect.isclass(origin or hint):
        return True
    return _is_instance(value, origin or hint)


def _is_number(value: Any, hint: type) -> bool:
    if isinstance(value, bool) or hint is bool:
        return hint is bool and isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return isinstance(value, int | float) or (hint is complex and isinstance(value, complex))


def _is_list(value: Any, arguments: tuple[Any, ...]) -> bool:
    if isinstance(value, Tensor) or not isinstance(value, list | tuple):
        return isinstance(value, Tensor)
    inner = tuple(argument for argument in arguments if argument is not Ellipsis)
    if len(inner) == 1:
        return all(fits(item, inner[0]) for item in value)
    # Where the number is wrong, the object itself says how many it wants.
    return len(inner) != len(value) or all(fits(item, one) for item, one in zip(value, inner, strict=True))


def _is_instance(value: Any, cls: type) -> bool:
    if issubclass(cls, _TEXTS) or hasattr(cls, "__members__"):
        return isinstance(value, str | cls)
    if _is_tensor(cls):
        return not isinstance(value, str | bool | int | float | Mapping)
    try:
        return isinstance(value, cls)
    except TypeError:  # a protocol that cannot be asked
        return not isinstance(value, str | bool | int | float)


def _is_tensor(cls: type) -> bool:
    return issubclass(cls, Tensor) or issubclass(getattr(cls, "array_type", object), Tensor)


def _words(hint: Any) -> list[str]:
    """What to write for a type, in words."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType, typing.Annotated):
        parts = arguments[:1] if origin is typing.Annotated else arguments
        return [word for part in parts if part is not type(None) for word in _words(part)]
    if origin is typing.Literal:
        return [repr(argument) for argument in arguments]
    if hint in _NUMBERS:
        return [_NUMBERS[hint]]
    if (origin or hint) in _LIST_LIKE:
        inner = [part for part in arguments if part is not Ellipsis]
        words = _words(inner[0]) if inner else []
        return [f"a list, each {' or '.join(words)}" if words else "a list"]
    cls = origin or hint
    if inspect.isclass(cls) and _is_tensor(cls):
        return ['{ file = "..." }']
    if inspect.isclass(cls) and issubclass(cls, _TEXTS):
        return ["a text"]
    name = "function" if cls is Callable else getattr(cls, "__name__", str(cls))
    return [f"{_IN_PYTHON}, where it is of type {name}"]
