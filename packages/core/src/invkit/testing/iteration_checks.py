"""What solvers and models are for: the answer known from elsewhere, reached from a start that is not the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..errors import ConfigError
from ..measures import Measurement, linearity_error, tolerance
from ..measures.batch_invariance import batch_invariance, batch_invariance_at
from ..measures.input_mutation import input_mutation
from ..measures.linearity import linearity_error_at
from ..measures.measurement import Worst, length, ratio
from ..solvers.base import Solver
from ..solvers.solution import Solution, Status
from ..solvers.solve import solve
from .cases import Example
from .check import Check, Context, Skip

#: Sizes of further images of a batch.
_SCALES = (1.0, 3.0, 10.0, 0.9, 1.1, 30.0, 2.0)
#: Steps of the solver checks: enough for the tiny examples, few enough to be quick.
_MAX_STEPS = 3000


def run_solver(
    example: Example, y: Tensor, x0: Tensor | None = None, *, rtol: float | None = None, max_steps: int = _MAX_STEPS
) -> Solution:
    """Solve the example's objective for this measurement, to the precision of its dtype if no rtol is given."""
    assert example.objective is not None
    rtol = 100 * tolerance(y.dtype) if rtol is None else rtol
    return solve(example.objective(y), example.subject, x0, rtol=rtol, max_steps=max_steps)


@torch.no_grad()
def _minimiser(example: Example, context: Context) -> Measurement:
    expected = _expected(example)
    y = example.y
    assert y is not None
    worst = Worst(example.accuracy)
    far = expected + 10 * torch.randn(
        expected.shape, dtype=expected.dtype, generator=context.generator(), device="cpu"
    ).to(expected.device)
    for name, start in (("zero", torch.zeros_like(expected)), ("far away", far)):
        error, ended = _run_to_the_end(example, y, None if name == "zero" else start)
        worst.offer(error, f"started {name}: {ended}", y=y, x0=start)
    return worst.measurement()


def _run_to_the_end(example: Example, y: Tensor, x0: Tensor | None) -> tuple[float, str]:
    """The relative error of the solution, infinite if it did not converge; how it ended in words."""
    expected = _expected(example)
    solution = run_solver(example, y, x0)
    error = ratio(length(solution.x - expected), length(expected))
    # A solver that never knows when it is done runs into every budget, however right its iterates are.
    stuck = [status.value for status in solution.status if status is not Status.CONVERGED]
    if stuck:
        return float("inf"), f"{stuck[0]} after {_MAX_STEPS} steps at most, relative error {error:.3g}"
    return error, "converged"


@torch.no_grad()
def _solver_batch(example: Example, context: Context) -> Measurement:
    # A loose tolerance, so that images stop early and at different steps: a shared stopping rule then shows.
    def call(y: Tensor) -> Tensor:
        return run_solver(example, y, rtol=1e-2).x

    return batch_invariance(call, _many(example), bound=1e3 * tolerance(context.dtype))


def _solver_mutation(example: Example, context: Context) -> Measurement:
    x0 = torch.zeros_like(_expected(example))
    return input_mutation(lambda y, x0: run_solver(example, y, x0, rtol=1e-2), _y(example), x0)


@torch.no_grad()
def _reconstruction(example: Example, context: Context) -> Measurement:
    expected = _expected(example)
    worst = Worst(example.accuracy)
    x = example.subject(_y(example), example.operator)
    worst.offer(ratio(length(x - expected), length(expected)), "model(y, operator)", y=_y(example))
    return worst.measurement()


def _model_linear(example: Example, context: Context) -> Measurement:
    assert example.operator is not None
    return linearity_error(
        lambda y: example.subject(y, example.operator),
        example.operator.codomain,
        generator=context.generator(),
        bound=max(example.accuracy, tolerance(context.dtype)),
    )


def _model_batch(example: Example, context: Context) -> Measurement:
    bound = 1e3 * tolerance(context.dtype)
    return batch_invariance(lambda y: example.subject(y, example.operator), _batch(example), bound=bound)


def _model_mutation(example: Example, context: Context) -> Measurement:
    return input_mutation(lambda y: example.subject(y, example.operator), _y(example))


@torch.no_grad()
def _minimiser_at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
    return _run_to_the_end(example, found["y"], found["x0"])[0]


@torch.no_grad()
def _solver_batch_at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
    return batch_invariance_at(lambda y: run_solver(example, y, rtol=1e-2).x, **found)


def _solver_mutation_at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
    return input_mutation(lambda y, x0: run_solver(example, y, x0, rtol=1e-2), *found.values()).value


@torch.no_grad()
def _reconstruction_at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
    x, expected = example.subject(found["y"], example.operator), _expected(example)
    return ratio(length(x - expected), length(expected))


def _model_linear_at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
    return linearity_error_at(lambda y: example.subject(y, example.operator), **found)


def _model_batch_at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
    return batch_invariance_at(lambda y: example.subject(y, example.operator), **found)


def _model_mutation_at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
    return input_mutation(lambda y: example.subject(y, example.operator), *found.values()).value


def _expected(example: Example) -> Tensor:
    if example.expected is None and isinstance(example.subject, Solver):
        raise ConfigError(
            f"Example of {type(example.subject).__name__}: expected is None, expected the minimiser for y. "
            "Return Example(subject=..., expected=...), from a closed form or dense linear algebra."
        )
    if example.expected is None:
        raise Skip("the example names no independently known result")
    return example.expected


def _y(example: Example) -> Tensor:
    assert example.y is not None
    return example.y


def _batch(example: Example) -> Tensor:
    """Measurements that differ in direction and in size, so that the images need different numbers of steps.

    None is so small that a regulariser leaves nothing of it but rounding, which may differ.
    """
    y = _y(example)[:1]
    return torch.cat([y, 1e2 * y.flip(-1), 0.7 * y.roll(1, -1), torch.zeros_like(y)])


def _many(example: Example) -> Tensor:
    """Eleven, so that what treats images in fours or eights shows as well."""
    y = _y(example)[:1]
    return torch.cat([_batch(example), *(scale * y.roll(shift, -1) for shift, scale in enumerate(_SCALES, 2))])


ITERATION_CHECKS: tuple[Check, ...] = (
    Check(
        name="minimiser",
        kinds=("solver",),
        measure=_minimiser,
        at=_minimiser_at,
        summary="Reaches the known minimiser from far away.",
    ),
    Check(
        name="batch-invariance",
        kinds=("solver",),
        measure=_solver_batch,
        at=_solver_batch_at,
        summary="An image alone and in a batch.",
    ),
    Check(
        name="no-input-mutation",
        kinds=("solver",),
        measure=_solver_mutation,
        at=_solver_mutation_at,
        summary="y and x0 stay as they are.",
    ),
    Check(
        name="reconstruction",
        kinds=("model",),
        measure=_reconstruction,
        at=_reconstruction_at,
        summary="Gives the known result.",
    ),
    Check(
        name="linearity",
        kinds=("model",),
        concerns="linear",
        measure=_model_linear,
        at=_model_linear_at,
        summary="Linear in y.",
    ),
    Check(
        name="batch-invariance",
        kinds=("model",),
        measure=_model_batch,
        at=_model_batch_at,
        summary="An image alone and in a batch.",
    ),
    Check(
        name="no-input-mutation",
        kinds=("model",),
        measure=_model_mutation,
        at=_model_mutation_at,
        summary="y stays as it is.",
    ),
)
