"""Whether calling a module does what its class says: hooks, replaced methods and parametrisations may change it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from torch import nn
from torch.nn.modules import module as every_module
from torch.nn.utils import parametrize

from ..claims import ASSUMED, Basis
from ..operators.moving import basis_of_class


def basis_of_calls(module: nn.Module) -> Basis:
    """How strongly it is known that a module does what it says: as its class states it, if nothing was put between.

    Looked at are the module and all modules inside it. A parametrisation counts as its own class states, and those of
    torch state nothing: what the author of a module knows of its weights need not hold of others.
    """
    return ASSUMED if next(changes(module), None) is not None else basis_of_class(type(module))


def changes(module: nn.Module) -> Iterator[str]:
    """What was put between a module and its call, in words."""
    if every_module._global_forward_hooks or every_module._global_forward_pre_hooks:
        yield "a hook on all modules"
    for name, inside in module.named_modules():
        where = f"of {name}" if name else f"of {type(module).__name__}"
        if inside._forward_hooks or inside._forward_pre_hooks:
            yield f"a hook {where}"
        replaced = [key for key in vars(inside) if inspect.isroutine(getattr(type(inside), key, None))]
        if replaced:
            yield f"another {', '.join(replaced)} {where}"
        if parametrize.is_parametrized(inside) and not all(map(_states_what_it_does, _parametrisations(inside))):
            yield f"a parametrisation {where}"


def _parametrisations(module: nn.Module) -> Iterator[nn.Module]:
    assert isinstance(module.parametrizations, nn.ModuleDict)
    for chain in module.parametrizations.values():
        yield from chain.children()


def _states_what_it_does(module: nn.Module) -> bool:
    return basis_of_class(type(module)) > ASSUMED
