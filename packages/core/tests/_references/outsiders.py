"""Settings in which one part is of a class outside the package that states nothing: all a theorem says is assumed."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

from torch import nn

from invkit.models import Denoiser
from invkit.models.base import Reconstructor
from invkit.operators.moving import Movable
from invkit.operators.nonlinear.activations import Activation
from invkit.solvers.base import Solver
from invkit.solvers.factors import Factor

#: What a third party may write a class of.
KINDS = (Movable, Denoiser, Reconstructor, Solver, Factor, Activation)


def heir(thing: Any) -> Any:
    """The same object, of a class outside that could have overridden anything and states nothing."""
    cls = type(f"Heir{type(thing).__name__}", (type(thing),), {"__module__": "outside", "__doc__": "An heir."})
    if dataclasses.is_dataclass(thing):
        return cls(**{field.name: getattr(thing, field.name) for field in dataclasses.fields(thing) if field.init})
    found = copy.copy(thing)
    found.__class__ = cls
    return found


def with_one_outsider(thing: Any) -> Iterator[tuple[str, Any]]:
    """(the part that is of an outside class, the thing with it), for the thing and every part of it."""
    if isinstance(thing, tuple):
        for i, one in enumerate(thing):
            for name, found in with_one_outsider(one):
                yield name, (*thing[:i], found, *thing[i + 1 :])
    elif isinstance(thing, FunctionType):
        yield f"what {thing.__qualname__} returns", _returns(thing, 0)
        yield f"a part of what {thing.__qualname__} returns", _returns(thing, -1)
    if isinstance(thing, KINDS):
        yield type(thing).__name__, heir(thing)
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        for field in dataclasses.fields(thing):
            if field.init:
                for name, found in with_one_outsider(getattr(thing, field.name)):
                    yield f"{name} in {type(thing).__name__}", dataclasses.replace(thing, **{field.name: found})
    elif isinstance(thing, nn.Module):
        for key, part in (*vars(thing).items(), *thing._modules.items()):
            if not key.startswith("_"):
                for name, found in with_one_outsider(part):
                    yield f"{name} in {type(thing).__name__}", _with(thing, key, found)


def _returns(function: Callable[..., Any], which: int) -> Callable[..., Any]:
    def made(*arguments: Any) -> Any:
        return list(with_one_outsider(function(*arguments)))[which][1]

    return made


def _with(module: nn.Module, key: str, part: Any) -> nn.Module:
    found = copy.copy(module)
    found.__dict__["_modules"] = dict(module._modules)
    setattr(found, key, part)
    return found
