"""L-BFGS-B by scipy, for small smooth problems with or without bounds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from scipy import optimize
from torch import Tensor

from ...errors import ConfigError
from ...functionals.algebra import split_composition
from ...functionals.base import Functional
from ...functionals.indicators import Box
from ...functionals.zero import Zero
from ...operators.space import norm
from ..problems import CompositeProblem, as_composite
from ..solution import History, Solution, Status
from ..solve import check_settings
from .gradient_descent import first_scale


@torch.no_grad()
def minimise_with_scipy(
    objective: Functional,
    x0: Tensor | None = None,
    *,
    atol: float = 0.0,
    rtol: float = 1e-4,
    max_steps: int = 1000,
    history: int = 10,
) -> Solution:
    """Minimise f(x), or f(x) over a ``Box``, by scipy's L-BFGS-B, one image after the other in float64 on the CPU.

    objective: differentiable terms, and at most one ``Box``.   x0: start; zeros if None.   history: pairs kept.
    Residual: |x - P(x - gradient f(x))| at the image that is returned, in its own precision, with P the projection
    onto the box (so |gradient f| without one); scale: |gradient f(0)|, or that at the start if it is zero. An image is
    CONVERGED where residual <= atol + rtol * scale, whatever scipy says of it; one that scipy gives up on, because
    rounding leaves its line search no decrease of the value, counts as MAX_STEPS. That happens below about 1e-8 of
    the scale, the root of the rounding; solvers that never look at the value go further.

    scipy owns its loop, so this is a function and not a ``Solver``: nothing is recorded on the way, ``state`` is None,
    and autograd does not follow. The objective is evaluated for the whole batch for each image: use it for problems
    where that does not matter.

    Raises: ConfigError if a setting is outside its range, or a term is neither differentiable nor a Box; ShapeError or
    DataError if x0 does not fit.
    Source: Zhu, Byrd, Lu, Nocedal (1997), Algorithm 778.
    """
    check_settings(atol, rtol, max_steps, 1)
    if not float(history).is_integer() or history < 1:
        raise ConfigError(f"minimise_with_scipy: history is {history}, expected a whole number >= 1. Use 10.")
    start = as_composite(objective, "minimise_with_scipy").start(x0, "minimise_with_scipy")
    wide = torch.complex128 if start.is_complex() else torch.float64
    problem = as_composite(objective.to(dtype=torch.float64), "minimise_with_scipy")
    box = _box(problem)
    x = start.to(wide, copy=True)
    if box is not None:
        x = box.prox(x, 1.0)
    at_zero = norm(problem.smooth.gradient(torch.zeros_like(x)))
    scale = first_scale(problem.smooth.gradient(x), at_zero)
    steps = torch.zeros(len(x), dtype=torch.long)
    for i in range(len(x)):
        wanted = atol + rtol * float(scale[i])
        found = _one_image(problem, box, x, i, wanted, int(max_steps), int(history))
        x[i] = _image(found.x, x[i])
        steps[i] = found.nit
    result = x.to(start.dtype)
    residual = norm(_residual(problem, box, result.to(wide)))
    status = [Status.CONVERGED if ok else Status.MAX_STEPS for ok in (residual <= atol + rtol * scale).tolist()]
    status = [s if ok else Status.DIVERGED for s, ok in zip(status, torch.isfinite(residual).tolist(), strict=True)]
    relative = torch.where(residual == 0, residual, residual / scale.clamp_min(torch.finfo(scale.dtype).tiny)).cpu()
    return Solution(
        x=problem.image(result),
        status=tuple(status),
        steps=steps,
        optimality=relative,
        history=History((), torch.empty(0, len(x)), None),
        state=None,
        total_steps=int(steps.sum()),
    )


def _one_image(
    problem: CompositeProblem, box: Box | None, x: Tensor, i: int, wanted: float, max_steps: int, history: int
) -> Any:
    """scipy's result for image i; the others stay as they are."""
    batch = x.clone()

    def value_and_gradient(flat: np.ndarray) -> tuple[float, np.ndarray]:
        batch[i] = _image(flat, x[i])
        return float(problem.smooth.value(batch)[i]), _flat(problem.smooth.gradient(batch)[i])

    flat = _flat(x[i])
    # scipy compares the largest entry; |g|_2 <= n^(1/2) |g|_inf. Its test of values would stop too early: ftol = 0.
    options = {
        "maxcor": history,
        "ftol": 0.0,
        "gtol": wanted / math.sqrt(flat.size),
        "maxiter": max_steps,
        "maxfun": 20 * max_steps,
    }
    bounds = None if box is None else list(zip(_bound(box.low, x[i]), _bound(box.high, x[i]), strict=True))
    return optimize.minimize(value_and_gradient, flat, jac=True, method="L-BFGS-B", bounds=bounds, options=options)


def _box(problem: CompositeProblem) -> Box | None:
    """Raises: ConfigError if the term without a gradient is not a Box."""
    _, inner, operator = split_composition(problem.proximable)
    if type(inner) is Zero:
        return None
    if type(inner) is not Box or operator is not None:
        raise ConfigError(
            f"minimise_with_scipy: term {problem.proximable!r} has no gradient, expected differentiable terms and at "
            "most one Box. Use core/fista."
        )
    return inner


def _bound(bound: float | Tensor, image: Tensor) -> list[float]:
    """One number for each pixel."""
    return torch.as_tensor(bound, dtype=torch.float64).broadcast_to(image.shape).flatten().tolist()


def _residual(problem: CompositeProblem, box: Box | None, x: Tensor) -> Tensor:
    gradient = problem.smooth.gradient(x)
    return gradient if box is None else x - box.prox(x - gradient, 1.0)


def _flat(image: Tensor) -> np.ndarray:
    """The numbers of an image as scipy takes them; complex ones as pairs."""
    pairs = torch.view_as_real(image.resolve_conj()) if image.is_complex() else image
    return pairs.reshape(-1).cpu().numpy().astype(np.float64)


def _image(flat: np.ndarray, like: Tensor) -> Tensor:
    """The image of these numbers, the inverse of ``_flat``."""
    numbers = torch.from_numpy(np.array(flat)).to(like.device)
    if like.is_complex():
        return torch.view_as_complex(numbers.reshape(*like.shape, 2))
    return numbers.reshape(like.shape)
