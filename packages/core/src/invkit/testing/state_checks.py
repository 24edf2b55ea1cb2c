"""What an object keeps: nothing between calls, everything in its state_dict, and all of itself when it is pickled."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InvkitError
from ..measures import Measurement, determinism_error
from ..measures.input_mutation import same
from ..measures.measurement import Worst, length, ratio
from .cases import Example
from .check import Check, Context, Skip
from .interface_checks import calls_of, find_call

#: By how much training moves the parameters in the scenario of ``_state_dict``.
_TRAINED = 0.1


@torch.no_grad()
def _determinism(example: Example, context: Context) -> Measurement:
    worst = Worst(0.0)
    for name, call, space, _, _ in calls_of(example):
        generator = context.generator()
        x, z = space.randn(2, generator=generator), space.randn(2, generator=generator)
        found = determinism_error(call, x, z)
        worst.bound = found.bound
        worst.offer(found.value, f"{name}: {found.where}", call=name, **found.counterexample)
    return worst.measurement()


def _determinism_at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
    rest = dict(found)
    return determinism_error(find_call(example, rest.pop("call"))[1], **rest).value


def _pickle(example: Example, context: Context) -> Measurement:
    """Whether a copy by pickle gives the same numbers, bit for bit."""
    worst = Worst(0.0)
    try:
        loaded = _pickled(example)
    except Exception as error:  # pickle raises what the object's own methods raise
        if _has_no_name(error):
            raise Skip(f"it holds a function or class that Python finds under no name ({error})") from error
        worst.offer(float("inf"), f"it cannot be pickled: {type(error).__name__}: {error}", case="pickle")
        return worst.measurement()
    _compare(worst, example, loaded, context)
    return worst.measurement()


def _pickled(example: Example) -> Example:
    return replace(example, subject=pickle.loads(pickle.dumps(example.subject)))


def _has_no_name(error: Exception) -> bool:
    """Whether a function or a class stands in the way that Python cannot find by name: a lambda, an inner one."""
    return isinstance(error, AttributeError | pickle.PicklingError) and any(
        word in str(error) for word in ("<lambda>", "<locals>", "local object", "attribute lookup")
    )


def _pickle_at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
    try:
        loaded = _pickled(example)
    except Exception:
        return float("inf")
    return _apart(example, loaded, found["call"], found["x"]) if "call" in found else 0.0


def _state_dict(example: Example, context: Context) -> Measurement:
    """Train, save, load into a fresh copy: the two give the same numbers, bit for bit.

    Training is imitated: parameters and learned tensors are moved, and the module is called once in training mode,
    where running statistics change. What then differs is state that the state_dict does not have.
    """
    trained, fresh = _trained_and_loaded(example, context)
    worst = Worst(0.0)
    if isinstance(fresh, str):
        worst.offer(float("inf"), fresh, case="load")
        return worst.measurement()
    _compare(worst, trained, fresh, context)
    return worst.measurement()


def _state_dict_at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
    trained, fresh = _trained_and_loaded(example, context)
    if isinstance(fresh, str):
        return float("inf")
    return _apart(trained, fresh, found["call"], found["x"]) if "call" in found else 0.0


def _trained_and_loaded(example: Example, context: Context) -> tuple[Example, Example | str]:
    """The module after training and a copy that loaded its state, both in evaluation mode; or why it cannot load."""
    subject = example.subject
    if not any(True for _ in _state_of(subject)):
        raise Skip("it has no parameters and no buffers")
    fresh = copy.deepcopy(subject)
    try:
        trained = _trained(example, context, _TRAINED)
        _first_call(replace(example, subject=copy.deepcopy(trained).eval()), context)
    except InvkitError:  # a module that was certified for its parameters may refuse to run with others
        trained = _trained(example, context, 0.0)
    try:
        fresh.load_state_dict(trained.state_dict(), strict=True)
    except (RuntimeError, KeyError) as error:
        return replace(example, subject=trained), f"its own state_dict does not load: {error}"
    return replace(example, subject=trained.eval()), replace(example, subject=fresh.eval())


@torch.no_grad()
def _trained(example: Example, context: Context, amount: float) -> nn.Module:
    """A copy whose parameters were moved by that part of them, after one call in training mode."""
    trained = copy.deepcopy(example.subject)
    assert isinstance(trained, nn.Module)
    generator = context.generator()
    for tensor in _learned(trained):
        noise = torch.rand(tensor.shape, generator=generator, dtype=torch.float64)
        # Larger only: a step size or a weight stays positive.
        tensor.mul_((1 + amount * noise).to(tensor.device, tensor.dtype))
    _first_call(replace(example, subject=trained.train()), context)
    return trained


def _first_call(example: Example, context: Context) -> None:
    _, call, space, _, _ = next(calls_of(example))
    call(space.randn(2, generator=context.generator()))


def _state_of(module: nn.Module) -> Iterator[Tensor]:
    yield from module.parameters()
    yield from module.buffers()
    yield from _learned(module)


def _learned(module: nn.Module) -> Iterator[Tensor]:
    """The parameters, and tensors that require a gradient and stand in plain attributes."""
    yield from module.parameters()
    for part in module.modules():
        for value in vars(part).values():
            if isinstance(value, Tensor) and value.requires_grad and value.is_leaf:
                yield value


@torch.no_grad()
def _compare(worst: Worst, example: Example, other: Example, context: Context) -> None:
    for name, _, space, _, _ in calls_of(example):
        x = space.randn(2, generator=context.generator())
        worst.offer(_apart(example, other, name, x), f"{name}: the copy gives other numbers", call=name, x=x)


@torch.no_grad()
def _apart(example: Example, other: Example, call: str, x: Tensor) -> float:
    first, second = (find_call(one, call)[1](x.clone()) for one in (example, other))
    if first.shape != second.shape or first.dtype != second.dtype:
        return float("inf")
    if same(first, second):
        return 0.0
    return max(ratio(length(first - second), length(first)), torch.finfo(torch.float64).tiny)


_ALL = ("operator", "regulariser", "solver", "model", "denoiser")

STATE_CHECKS: tuple[Check, ...] = (
    Check(
        name="determinism",
        kinds=_ALL,
        measure=_determinism,
        at=_determinism_at,
        summary="The same call twice, bit for bit, whatever was called between and whatever the global seed is.",
    ),
    Check(
        name="pickle", kinds=_ALL, measure=_pickle, at=_pickle_at, summary="A copy by pickle gives the same numbers."
    ),
    Check(
        name="state-dict",
        kinds=("model", "denoiser"),
        needs=nn.Module,
        measure=_state_dict,
        at=_state_dict_at,
        summary="A fresh copy that loads the state_dict gives the same numbers, after training as well.",
    ),
)
