"""Whether a function given by a user sees nothing but its arguments and what it was given by name from invkit."""

from __future__ import annotations

import dis
import functools
import inspect
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any

from torch import Tensor

#: Builtins that neither look at nor change anything else.
_HARMLESS = {"abs", "bool", "float", "int", "len", "max", "min", "pow", "range", "round", "sum", "tuple"}


def sees_only_its_arguments(function: Any) -> bool:
    """A function or class of invkit, a ``functools.partial`` of one, or a function written of those and numbers alone.

    A function that names a tensor, an object or a function from elsewhere may look at what changes between two calls,
    such as a measurement. What is not known here may be as pure as any.
    """
    while isinstance(function, functools.partial):
        function = function.func
    if _is_ours(function):
        return True
    if type(function) is not FunctionType or not _is_plain(function.__code__):
        return False
    names = inspect.getclosurevars(function)
    given = (*names.nonlocals.values(), *names.globals.values(), *(function.__defaults__ or ()))
    return (
        not function.__kwdefaults__
        and len(names.nonlocals) == len(function.__code__.co_freevars)
        and set(names.builtins) <= _HARMLESS
        and all(_is_fixed(value) for value in given)
    )


def _is_plain(code: CodeType) -> bool:
    """No imports and no writing to globals, no function inside that would have to be looked at too."""
    inside = any(isinstance(constant, CodeType) for constant in code.co_consts)
    kinds = {instruction.opname for instruction in dis.get_instructions(code)}
    return not inside and not kinds & {"IMPORT_NAME", "STORE_GLOBAL", "STORE_DEREF", "STORE_ATTR", "STORE_SUBSCR"}


def _is_fixed(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(_is_fixed(item) for item in value)
    return value is None or type(value) in (bool, int, float, str) or _is_ours(value)


def _is_ours(value: Any) -> bool:
    """A module, a class or a function of invkit; of one made inside another, what it holds has to be pure too."""
    if isinstance(value, ModuleType):
        return value.__name__.partition(".")[0] == "invkit"
    if not isinstance(value, FunctionType | type) or str(value.__module__).partition(".")[0] != "invkit":
        return False
    cells = (value.__closure__ or ()) if isinstance(value, FunctionType) else ()
    return all(sees_only_its_arguments(held) for cell in cells for held in _functions_in(cell.cell_contents))


def _functions_in(held: Any) -> Iterator[Any]:
    """The functions that a configured regulariser was made of; a tensor of a file is part of the configuration."""
    if isinstance(held, Mapping):
        yield from _functions_in(tuple(held.values()))
    elif isinstance(held, tuple | list):
        for item in held:
            yield from _functions_in(item)
    elif callable(held) and not isinstance(held, Tensor):
        yield held
