"""What every part must do for the whole to work: batches, empty batches, strides, dtypes, devices, pure calls."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from ..functionals.base import Differentiable, Proximable
from ..measures import Measurement, shared_results, tolerance
from ..measures.batch_invariance import batch_invariance, batch_invariance_at, unlike_images
from ..measures.input_mutation import input_mutation
from ..measures.measurement import Worst, length, ratio
from ..models.denoiser import Denoiser
from ..operators.base import HasGram, HasPseudoInverse, LinearOperator, Operator
from ..operators.moving import tensors_of
from ..operators.space import Space, real_dtype
from .cases import Example
from .check import Check, Context, Skip
from .iteration_checks import run_solver
from .maps import at_level, levels_of, other_spaces

#: name, call, space of the argument, shape and dtype of one result
Call = tuple[str, Callable[[Tensor], Tensor], Space, tuple[int, ...], torch.dtype]


def calls_of(example: Example) -> Iterator[Call]:
    """Every call of the subject that maps a batch to a batch."""
    subject = example.subject
    if isinstance(subject, Operator):
        yield "forward", subject.forward, subject.domain, subject.codomain.shape, subject.codomain.dtype
        if isinstance(subject, LinearOperator):
            yield "adjoint", subject.adjoint, subject.codomain, subject.domain.shape, subject.domain.dtype
        if isinstance(subject, HasGram):
            yield "normal", subject.normal().forward, subject.domain, subject.domain.shape, subject.domain.dtype
        if isinstance(subject, HasPseudoInverse):
            yield "pseudo_inverse", subject.pseudo_inverse, subject.codomain, subject.domain.shape, subject.domain.dtype
        return
    if isinstance(subject, Denoiser):
        space = example.domain
        # The first before any level is tried: whoever asks for it alone makes no other call.
        yield "denoiser", subject, space, space.shape, space.dtype
        for level in levels_of(example)[1:]:
            call = functools.partial(at_level, subject, level)
            yield f"denoiser at noise_std {level:g}", call, space, space.shape, space.dtype
        for other in other_spaces(subject, space):
            yield f"denoiser of images of {other.shape}", subject, other, other.shape, other.dtype
        return
    if hasattr(subject, "value"):
        space = example.domain
        real = real_dtype(space.dtype)
        yield "value", subject.value, space, (), real
        if isinstance(subject, Differentiable):
            yield "gradient", subject.gradient, space, space.shape, space.dtype
            # Along another image: along v itself that of a norm is zero, and only its rounding would be compared.
            yield "hessian_vector", lambda v: subject.hessian_vector(v, v.flip(-1)), space, space.shape, space.dtype
        if isinstance(subject, Proximable):
            yield "prox", lambda v: subject.prox(v, 0.7), space, space.shape, space.dtype
        return
    operator, y = example.operator, example.y
    assert y is not None
    measured = Space(tuple(y.shape[1:]), y.dtype, y.device)
    if operator is not None:
        yield "model", lambda y: subject(y, operator), measured, operator.domain.shape, operator.domain.dtype
    elif example.objective is not None:
        found = example.objective(y).domain
        assert found is not None
        # Nothing here asks for the solution: a few steps show what a call does.
        yield "solve", lambda y: run_solver(example, y, rtol=1e-2, max_steps=200).x, measured, found.shape, found.dtype


def _batch(example: Example, context: Context) -> Measurement:
    bound = _batch_bound(example, context)

    def measure(call: Callable[[Tensor], Tensor], space: Space) -> Measurement:
        return batch_invariance(call, unlike_images(space.randn(generator=context.generator())), bound=bound)

    return _worst(example, measure)


def _batch_bound(example: Example, context: Context) -> float:
    """The tolerance of the dtype, ten times that for the layers of a denoiser; the accuracy of a denoiser whose example
    states one, as that of an iterated one.
    """
    if not isinstance(example.subject, Denoiser):
        return tolerance(context.dtype)
    stated = example.accuracy if example.accuracy != Example.accuracy else 0.0
    return max(stated, 10 * tolerance(context.dtype))


def _levels(example: Example, context: Context) -> Measurement:
    """A level for each image must give what the same numbers give one by one."""
    levels = [level for level in levels_of(example) if level is not None]
    if not levels:
        raise Skip("it accepts no level of noise")
    worst = Worst(_batch_bound(example, context))
    batch = unlike_images(example.domain.randn(generator=context.generator()))[: len(levels)]
    for image, level in enumerate(levels):
        error = _level_error(example, batch, image)
        worst.offer(error, f"image {image} of {len(batch)}, noise_std = {level:g}", batch=batch, image=float(image))
    return worst.measurement()


@torch.no_grad()
def _level_error(example: Example, batch: Tensor, image: int) -> float:
    numbers = [level for level in levels_of(example) if level is not None]
    levels = torch.tensor(numbers, dtype=real_dtype(batch.dtype), device=batch.device)
    together = at_level(example.subject, levels, batch.clone())
    alone = at_level(example.subject, numbers[image], batch[image : image + 1].clone())
    if together.shape != batch.shape:
        return float("inf")
    return _difference(together[image : image + 1], alone)


def _levels_at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
    return _level_error(example, found["batch"], int(found["image"]))


def _mutation(example: Example, context: Context) -> Measurement:
    own = tuple(tensors_of(example.subject))
    return _worst(
        example, lambda call, space: input_mutation(call, space.randn(2, generator=context.generator()), own=own)
    )


def _fresh(example: Example, context: Context) -> Measurement:
    """For several numbers of images, because a buffer may be kept for one of them alone."""

    def measure(call: Callable[[Tensor], Tensor], space: Space) -> Measurement:
        generator = context.generator()
        worst = Worst(0.0)
        for batch in _BATCHES:
            x, z = (space.randn(batch, generator=generator) for _ in range(2))
            found = shared_results(call, x, z)
            worst.offer(found.value, f"{batch} images: {found.where}" if found.where else "", **found.counterexample)
        return worst.measurement()

    return _worst(example, measure)


def _empty(example: Example, context: Context) -> Measurement:
    worst = Worst(0.0)
    for name, call, space, shape, dtype in calls_of(example):
        x = space.zeros(0)
        worst.offer(*_compare(name, call(x), (0, *shape), dtype, context), call=name, x=x)
    return worst.measurement()


def _placement(example: Example, context: Context) -> Measurement:
    worst = Worst(0.0)
    for name, call, space, shape, dtype in calls_of(example):
        for batch in (1, 3):
            x = space.randn(batch, generator=context.generator())
            worst.offer(*_compare(name, call(x.clone()), (batch, *shape), dtype, context), call=name, x=x)
    return worst.measurement()


def _strides(example: Example, context: Context) -> Measurement:
    """The same numbers with other strides: transposed in memory, and every second one of a longer tensor."""
    worst = Worst(10 * tolerance(context.dtype))
    for name, call, space, _, _ in calls_of(example):
        x = space.randn(2, generator=context.generator())
        reference = call(x.clone())
        for layout in ("transposed", "spread"):
            error = _difference(call(_laid_out(x, layout)), reference)
            worst.offer(error, f"{name}, {layout}", call=name, layout=layout, x=x)
    return worst.measurement()


def _laid_out(x: Tensor, layout: str) -> Tensor:
    if layout == "transposed":
        return x.transpose(0, -1).contiguous().transpose(0, -1)
    return torch.stack([x, torch.full_like(x, float("nan"))], dim=-1)[..., 0]


def _compare(name: str, result: Any, shape: tuple[int, ...], dtype: torch.dtype, context: Context) -> tuple[float, str]:
    """1 and the reason if shape, dtype or device is not what was promised."""
    if tuple(result.shape) != shape:
        return 1.0, f"{name}: shape is {tuple(result.shape)}, expected {shape}"
    if result.dtype != dtype:
        return 1.0, f"{name}: dtype is {result.dtype}, expected {dtype}"
    if result.device.type != context.device.type:
        return 1.0, f"{name}: device is {result.device}, expected {context.device}"
    return 0.0, ""


def _difference(found: Tensor, reference: Tensor) -> float:
    finite = reference.isfinite()
    if not torch.equal(finite, found.isfinite()):
        return float("inf")
    return ratio(length((found - reference)[finite]), length(reference[finite]))


def _worst(example: Example, measure: Callable[[Callable[[Tensor], Tensor], Space], Measurement]) -> Measurement:
    worst: Worst | None = None
    for name, call, space, _, _ in calls_of(example):
        found = measure(call, space)
        worst = worst or Worst(found.bound)
        worst.trials += found.trials - 1
        worst.offer(found.value, f"{name}: {found.where}", **{"call": name, **found.counterexample})
    assert worst is not None
    return worst.measurement()


def find_call(example: Example, name: str) -> Call:
    """The call of that name."""
    return next(call for call in calls_of(example) if call[0] == name)


def _split(example: Example, found: Mapping[str, Any]) -> tuple[Call, dict[str, Any]]:
    rest = dict(found)
    return find_call(example, rest.pop("call")), rest


def _batch_at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
    (_, call, *_), rest = _split(example, found)
    return batch_invariance_at(call, **rest)


def _mutation_at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
    (_, call, *_), rest = _split(example, found)
    return input_mutation(call, *rest.values(), own=tuple(tensors_of(example.subject))).value


def _fresh_at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
    (_, call, *_), rest = _split(example, found)
    return shared_results(call, **rest).value


def _placement_at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
    (name, call, _, shape, dtype), rest = _split(example, found)
    return _compare(name, call(rest["x"]), (len(rest["x"]), *shape), dtype, context)[0]


def _strides_at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
    (_, call, *_), rest = _split(example, found)
    return _difference(call(_laid_out(rest["x"], rest["layout"])), call(rest["x"].clone()))


_BATCHES = (1, 2, 3, 7)
_PURE = ("operator", "regulariser", "denoiser")
_ALL = ("operator", "regulariser", "solver", "model", "denoiser")

INTERFACE_CHECKS: tuple[Check, ...] = (
    Check(name="batch-invariance", kinds=_PURE, measure=_batch, at=_batch_at, summary="An image alone and in a batch."),
    Check(
        name="noise-levels",
        kinds=("denoiser",),
        measure=_levels,
        at=_levels_at,
        summary="A level of noise for each image gives what the same levels give one by one.",
    ),
    Check(
        name="no-input-mutation",
        kinds=_PURE,
        measure=_mutation,
        at=_mutation_at,
        summary="Arguments and parts stay as they are.",
    ),
    Check(name="fresh-result", kinds=_PURE, measure=_fresh, at=_fresh_at, summary="Results share memory with nothing."),
    Check(
        name="empty-batch",
        kinds=_ALL,
        measure=_empty,
        at=_placement_at,
        summary="No images in, no images out, in the right shape.",
    ),
    Check(name="non-contiguous", kinds=_ALL, measure=_strides, at=_strides_at, summary="Strides do not matter."),
    Check(
        name="placement",
        kinds=_ALL,
        measure=_placement,
        at=_placement_at,
        summary="Shape, dtype and device are as promised.",
    ),
)
