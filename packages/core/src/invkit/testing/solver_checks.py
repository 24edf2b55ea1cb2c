"""What solvers claim of every step: the objective does not rise, no step goes away from the solution."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..measures import Measurement, tolerance
from ..measures.measurement import Worst
from ..operators.space import norm
from .cases import Example
from .check import Check, Context, Skip

#: So many steps are looked at, one by one.
_STEPS = 60


@torch.no_grad()
def _descent(example: Example, context: Context) -> Measurement:
    """max (f(x_k+1) - f(x_k)) / (|f(x_k)| + |f(x_0)|) over steps, images and starts."""
    worst = Worst(10 * tolerance(context.dtype))
    for name, start in _starts(example, context):
        for step, rises in _rises(example, _y(example), start):
            _offer(worst, rises, f"started {name}, step {step}", example, start, step)
    return worst.measurement()


@torch.no_grad()
def _fejer(example: Example, context: Context) -> Measurement:
    """max (|x_k+1 - x*| - |x_k - x*|) / (|x_k - x*| + |x*|), for the minimiser x* that the example knows."""
    worst = Worst(10 * tolerance(context.dtype))
    for name, start in _starts(example, context):
        for step, away in _departures(example, _y(example), start):
            _offer(worst, away, f"started {name}, step {step}", example, start, step)
    return worst.measurement()


def _offer(worst: Worst, values: Tensor, where: str, example: Example, start: Tensor, step: int) -> None:
    at = int(values.nan_to_num(torch.inf).argmax())
    worst.trials += len(values) - 1
    y = _y(example)[at : at + 1]
    worst.offer(float(values[at]), where, y=y, x0=start[at : at + 1], image=at, step=step)


def _starts(example: Example, context: Context) -> Iterator[tuple[str, Tensor]]:
    if example.expected is None:
        raise Skip("the example names no independently known result")
    zero = torch.zeros_like(example.expected)
    yield "zero", zero
    noise = torch.randn(zero.shape, dtype=zero.dtype, generator=context.generator(), device="cpu")
    # Positive as well, where only positive images have a finite objective.
    yield "far away", 1 + 10 * noise.abs().to(zero.device, zero.dtype)


def _images(example: Example, y: Tensor, x0: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
    """The number of each step, the image and its objective, the start first.

    The objective is that of the example, not what the solver says of it.
    """
    assert example.objective is not None
    solver, functional = example.subject, example.objective(y)
    problem = solver.prepare(functional)
    state = solver.init(problem, x0)
    for step in range(_STEPS + 1):
        x = problem.image(solver.solution(state))
        yield step, x, functional.value(x)
        state = solver.step(problem, state)


def _rises(example: Example, y: Tensor, x0: Tensor) -> Iterator[tuple[int, Tensor]]:
    first: Tensor | None = None
    before: Tensor | None = None
    for step, _, value in _images(example, y, x0):
        value = value.double()
        if before is not None and first is not None:
            scale = before.abs() + first.abs().nan_to_num(0.0, posinf=0.0) + torch.finfo(torch.float64).tiny
            rise = torch.where(before.isinf() & (before > 0), -torch.inf, (value - before) / scale)
            yield step, rise
        first = value if first is None else first
        before = value


def _departures(example: Example, y: Tensor, x0: Tensor) -> Iterator[tuple[int, Tensor]]:
    expected = example.expected
    assert expected is not None
    size, before = norm(expected), None
    for step, x, _ in _images(example, y, x0):
        distance = norm(x.double() - expected.double() if not x.is_complex() else x - expected)
        if before is not None:
            yield step, (distance - before) / (before + size).clamp_min(torch.finfo(torch.float64).tiny)
        before = distance


def _y(example: Example) -> Tensor:
    assert example.y is not None
    return example.y


@torch.no_grad()
def _descent_at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
    return next(float(rise[0]) for step, rise in _rises(example, found["y"], found["x0"]) if step == found["step"])


@torch.no_grad()
def _fejer_at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
    image = int(found["image"])
    assert example.expected is not None
    alone = replace(example, expected=example.expected[image : image + 1])
    return next(float(away[0]) for step, away in _departures(alone, found["y"], found["x0"]) if step == found["step"])


SOLVER_CHECKS: tuple[Check, ...] = (
    Check(
        name="descent",
        kinds=("solver",),
        concerns="descent",
        measure=_descent,
        at=_descent_at,
        summary="The objective never rises from one step to the next.",
    ),
    Check(
        name="fejer-monotone",
        kinds=("solver",),
        concerns="fejer_monotone",
        measure=_fejer,
        at=_fejer_at,
        summary="No step goes away from the known minimiser.",
    ),
)
