"""``invkit.build``: from a kind, a name and parameters to the object, refusing what does not fit before it is made."""

from __future__ import annotations

import contextlib
import difflib
import inspect
import reprlib
import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, InvkitError
from .device import resolve_device, resolve_dtype
from .status import Entry

if TYPE_CHECKING:
    import torch

    from .registry import Registry


def build(
    kind: str,
    ref: str,
    /,
    *,
    device: str | torch.device | None = None,
    dtype: str | torch.dtype | None = None,
    **parameters: Any,
) -> Any:
    """Make a registered object: ``build("operator", "core/fourier", image_shape=(256, 256))``.

    ref: an id, a bare name that is unique within the kind, or a role.
    device, dtype: passed to a target that takes them; otherwise the object is moved there with its own ``to``.

    Raises: UnknownNameError; ConfigError for a parameter that the target does not take, one that is missing, a value
    that it cannot work with, or a device or dtype that it does not support; MissingDependencyError for a device or
    module that is not there.
    """
    from . import get_registry

    return build_with(get_registry(), kind, ref, parameters, device=device, dtype=dtype)


def build_with(
    registry: Registry,
    kind: str,
    ref: str,
    parameters: Mapping[str, Any],
    *,
    device: str | torch.device | None = None,
    dtype: str | torch.dtype | None = None,
) -> Any:
    """``build`` on a registry of one's own; ``parameters`` is a mapping, so any name may occur in it."""
    placement: dict[str, Any] = {}
    if device is not None:
        placement["device"] = resolve_device(device)
    if dtype is not None:
        placement["dtype"] = resolve_dtype(dtype)
    entry = registry.find(kind, ref, device=placement.get("device"))
    _check_support(entry, placement)
    target = registry.load(entry)
    accepted = {name: value for name, value in placement.items() if _takes(target, name)}
    check_parameters(entry, target, {**parameters, **accepted})
    with blamed_on(entry.id, parameters):
        made = target(**parameters, **accepted)
        if entry.kind == "operator":  # its spaces are worked out when they are asked for
            getattr(made, "domain", None), getattr(made, "codomain", None)
    left = {name: value for name, value in placement.items() if name not in accepted}
    return made.to(**left) if left and hasattr(made, "to") else made


def check_parameters(entry: Entry, target: Any, parameters: Mapping[str, Any]) -> None:
    """Compare the parameters with the target's signature, so that a slip is one line and not a TypeError.

    Raises: ConfigError for an unknown parameter (near names, and all that are accepted) or a missing one.
    """
    signature = parameters_of(target)
    if signature is None:
        return
    open_ended = any(parameter.kind is parameter.VAR_KEYWORD for parameter in signature.values())
    named = {
        name: parameter
        for name, parameter in signature.items()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
    if not open_ended:
        check_names(entry.id, parameters, named)
    missing = [
        name for name, parameter in named.items() if parameter.default is parameter.empty and name not in parameters
    ]
    if missing:
        raise ConfigError(f"{entry.id}: parameter {', '.join(missing)} is missing, expected a value. Add it.")


def check_names(owner: str, given: Iterable[str], known: Collection[str]) -> None:
    """Raises: ConfigError naming the first parameter that is not among the known ones, those near, and all of them."""
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=2)
            hint = f"Did you mean {' or '.join(near)}?" if near else "Remove it."
            raise ConfigError(
                f"{owner}: parameter is {name!r}, expected one of {', '.join(known) or '(it takes none)'}. {hint}"
            )


@contextlib.contextmanager
def blamed_on(owner: str, parameters: Mapping[str, Any]) -> Iterator[None]:
    """Inside, what a value of the wrong type or size sets off is an error of these parameters.

    Raises: ConfigError, with the parameters and the first cause, in place of TypeError, ValueError, AttributeError,
    IndexError and KeyError; errors of invkit pass as they are.
    """
    try:
        yield
    except InvkitError:
        raise
    except (TypeError, ValueError, AttributeError, LookupError) as error:
        shown = ", ".join(f"{name} = {_short(value)}" for name, value in parameters.items()) or "none"
        cause = " ".join(str(error).split()).removesuffix(".")
        if isinstance(error, LookupError) or not cause:  # the text of a KeyError is the key alone
            cause = f"{type(error).__name__}: {cause}"
        cause = textwrap.shorten(cause, 200, placeholder=" ...")
        raise ConfigError(f"{owner}: parameters are {shown}, and {cause}. Correct their types or values.") from error


def parameters_of(target: Any) -> Mapping[str, inspect.Parameter] | None:
    """The parameters that the target takes by name, or None if Python cannot tell."""
    try:
        return inspect.signature(target).parameters
    except (TypeError, ValueError):
        return None


def _takes(target: Any, name: str) -> bool:
    parameter = (parameters_of(target) or {}).get(name)
    return parameter is not None and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)


def _short(value: Any) -> str:
    if isinstance(value, str | int | float | complex | tuple | list | Mapping | None):
        return reprlib.repr(value)
    shape = getattr(value, "shape", None)
    return type(value).__name__ + ("" if shape is None else f" of shape {tuple(shape)}")


def _check_support(entry: Entry, placement: Mapping[str, Any]) -> None:
    supported = {"device": entry.spec.devices, "dtype": entry.spec.dtypes}
    for name, value in placement.items():
        text, allowed = str(value).removeprefix("torch.").partition(":")[0], supported[name]
        if text not in allowed:
            raise ConfigError(f"{entry.id}: {name} is {text}, expected {' or '.join(allowed)}. Choose one of these.")
