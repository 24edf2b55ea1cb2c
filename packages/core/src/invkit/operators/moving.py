"""Moving a frozen object to another device or precision: one rule for operators and functionals."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Self, final

import torch
from torch import Tensor

from ..claims import ASSUMED, BY_CONSTRUCTION, Basis
from ..errors import ConfigError
from .space import Space, numbered, same_kind


class Movable:
    """A frozen dataclass whose tensors, spaces, dtypes and movable parts can be moved together."""

    @final
    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Self:
        """A copy with every tensor on that device and in that precision; complex stays complex.

        Raises: MissingDependencyError if the device is not there.
        """
        device = None if device is None else numbered(torch.device(device))
        fields = [field.name for field in _fields(self) if field.init]
        return type(self)(**{name: _moved(getattr(self, name), device, dtype) for name in fields})


def tensors_of(thing: Any) -> Iterator[Tensor]:
    """Every tensor that a movable object was built from, those of its parts included."""
    if isinstance(thing, Tensor):
        yield thing
    elif isinstance(thing, tuple | list | set | frozenset):
        for item in thing:
            yield from tensors_of(item)
    elif isinstance(thing, Mapping):
        yield from tensors_of(tuple(thing.values()))
    elif isinstance(thing, Movable):
        for field in _fields(thing):
            yield from tensors_of(getattr(thing, field.name))


def basis_of(thing: Any) -> Basis:
    """How strongly what a movable object says of itself is known: as its class states it, no stronger than its parts.

    A class of the core is written and measured here. Another one states it in its own body,
    ``basis: ClassVar[Basis] = BY_CONSTRUCTION``; what it inherits counts for nothing, because a subclass may change
    what its parent was right about. Silence is ASSUMED.
    """
    return min((basis_of_class(cls) for cls in classes_in(thing)), default=BY_CONSTRUCTION)


def silent_classes(thing: Any) -> tuple[type, ...]:
    """The classes because of which ``basis_of`` is weaker than BY_CONSTRUCTION."""
    return tuple(cls for cls in dict.fromkeys(classes_in(thing)) if basis_of_class(cls) < BY_CONSTRUCTION)


def basis_of_class(cls: type) -> Basis:
    """What a class states of itself; see ``basis_of``."""
    stated = vars(cls).get("basis")
    if isinstance(stated, Basis):
        return stated
    return BY_CONSTRUCTION if cls.__module__.partition(".")[0] == "invkit" else ASSUMED


def classes_in(thing: Any) -> Iterator[type]:
    """The class of a movable object and those of its parts."""
    if isinstance(thing, tuple | list | set | frozenset):
        for item in thing:
            yield from classes_in(item)
    elif isinstance(thing, Mapping):
        yield from classes_in(tuple(thing.values()))
    elif isinstance(thing, Movable):
        yield type(thing)
        yield from classes_in(tuple(vars(thing).values()))


def versions_of(thing: Any) -> tuple[tuple[int, int], ...] | None:
    """A key that changes whenever torch counts a change of a tensor of a movable object; None where it counts none.

    A tensor changed in place has another version, new memory behind it (``parameter.data = ...``) another address. What
    torch does not count: fused optimisers, ``parameter.data`` in place, memory shared with numpy; ``contents_of`` does.
    It waits for no device, so it serves where an operator is applied.
    """
    tensors = list(tensors_of(thing))
    if any(tensor.is_inference() for tensor in tensors):
        return None
    return tuple((t._version, t.data_ptr() if t.layout == torch.strided else 0) for t in tensors)


def _fields(thing: Any) -> tuple[dataclasses.Field[Any], ...]:
    """Raises: ConfigError if the author forgot to make it a dataclass."""
    if not dataclasses.is_dataclass(thing):
        raise ConfigError(
            f"{type(thing).__name__}: the class is no dataclass, expected one whose fields are what it was built from. "
            "Decorate it with @dataclass(frozen=True, eq=False)."
        )
    return dataclasses.fields(thing)


def _moved(value: Any, device: torch.device | str | None, dtype: torch.dtype | None) -> Any:
    if isinstance(value, Tensor):
        numeric = value.is_floating_point() or value.is_complex()
        return value.to(device=device, dtype=same_kind(dtype, value.dtype) if dtype and numeric else None)
    if isinstance(value, Movable | Space):
        return value.to(device, dtype)
    if isinstance(value, torch.dtype):
        return same_kind(dtype, value) if dtype else value
    if isinstance(value, torch.device):
        return torch.device(device) if device is not None else value
    if isinstance(value, tuple):
        return tuple(_moved(item, device, dtype) for item in value)
    if type(value) is list:
        return [_moved(item, device, dtype) for item in value]
    if type(value) is dict:
        return {key: _moved(item, device, dtype) for key, item in value.items()}
    return value
