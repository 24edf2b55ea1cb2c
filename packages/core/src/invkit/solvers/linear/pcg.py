"""Preconditioned conjugate gradients as a plain function: inner solves of Newton's method, and adjoint systems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import ConfigError, ShapeError
from ...operators.space import norm, per_image, real_dtype, rounding
from ..base import select

Preconditioner = Tensor | Callable[[Tensor], Tensor] | None


@dataclass(frozen=True, eq=False)
class PCGResult:
    """What ``pcg`` found; all but x have shape (batch,).

    x: the last iterate.   residual: |b - H x| by the recurrence, float64.   steps: taken until the image stopped.
    converged: residual <= rtol |b|.   negative_curvature: <p, H p> < 0 was met, so H is not positive semidefinite; x is
    the iterate before it, and zero if it was the first direction.
    """

    x: Tensor
    residual: Tensor
    steps: Tensor
    converged: Tensor
    negative_curvature: Tensor


def pcg(
    apply: Callable[[Tensor], Tensor],
    b: Tensor,
    *,
    preconditioner: Preconditioner = None,
    x0: Tensor | None = None,
    rtol: float | Tensor = 1e-6,
    max_steps: int = 100,
    check_every: int = 10,
) -> PCGResult:
    """Solve H x = b, H self-adjoint for the real inner product and positive semidefinite, each image in its own space.

        a = <r, z> / <p, H p>;  x <- x + a p;  r <- r - a H p;  z = M r;  p <- z + (<r_new, z_new> / <r, z>) p

    apply: x -> H x, image by image, on the whole batch at once.   b: (batch, ...).
    preconditioner: the diagonal of H, real and broadcastable to b (Jacobi: z = r / diagonal, entries <= 0 count as 1);
        or r -> M r with M positive definite; None is the identity.
    rtol: stop an image at |r| <= rtol |b|; one number, or one each of shape (batch,). Below 4 eps it counts as 4 eps.
    check_every: the host looks at most so often whether all have stopped; each stops by itself at its own step, so that
        an image alone gets what it gets in a batch.
    An image stands still where the curvature along p is not positive beyond rounding. The solution for b = 0 is 0.

    Cost: one H and one M a step; one more H if x0 is given.
    Raises: ConfigError for a setting out of its range; ShapeError if x0, rtol or the diagonal does not fit b.
    Source: Hestenes, Stiefel (1952); Nocedal, Wright (2006), Algorithm 5.3; the stop at negative curvature as in 7.1.
    """
    _check(b, x0, rtol, max_steps, check_every)
    precondition = _preconditioner(preconditioner, b)
    tiny = 4 * rounding(b)
    size = norm(b.detach())
    goal = torch.as_tensor(rtol, dtype=size.dtype, device=size.device).clamp_min(tiny).expand_as(size)
    # For b / |b|: the squares of small float32 numbers would vanish.
    unit = torch.where(size > 0, size, 1)
    if x0 is None:
        x, r = torch.zeros_like(b), b / per_image(unit, b)
    else:
        x = select(size > 0, x0 / per_image(unit, b), torch.zeros_like(b))
        r = b / per_image(unit, b) - apply(x)
    residual = norm(r.detach())
    active = residual > goal
    steps = torch.zeros_like(active, dtype=torch.long)
    negative = torch.zeros_like(active)
    curvature = torch.zeros_like(size)
    z = precondition(r)
    p, rz = z, dot(r, z)
    for step in range(max_steps):
        if step % check_every == 0 and not bool(active.any()):
            break
        hp = apply(p)
        php, pp = dot(p, hp), dot(p, p)
        curvature = torch.maximum(curvature, ratio(php.detach().abs(), pp.detach()))
        flat = tiny * curvature * pp
        negative = negative | (active & (php < -flat))
        active = active & ~(php <= flat)
        a = torch.where(active, ratio(rz, php), torch.zeros_like(rz))
        x = x + per_image(a, x) * p
        r = r - per_image(a, r) * hp
        residual = norm(r.detach())
        steps = steps + active
        active = active & (residual > goal)
        z = precondition(r)
        before, rz = rz, dot(r, z)
        p = z + per_image(torch.where(active, ratio(rz, before), torch.zeros_like(rz)), z) * p
    return PCGResult(x * per_image(unit, x), residual * size, steps, residual <= goal, negative)


def patience(x: Tensor) -> int:
    """A ``check_every``: a look costs nothing on the CPU, and elsewhere the wait for the device."""
    return 1 if x.device.type == "cpu" else 5


def dot(x: Tensor, z: Tensor) -> Tensor:
    """Re <x, z> of each image, summed in float64: shape (batch,)."""
    product = x * z.conj()
    return (product.real if product.is_complex() else product).flatten(1).sum(1, dtype=torch.float64)


def ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """numerator / denominator, 0 where the denominator is 0 (and NaN where either is)."""
    zero = denominator == 0
    return torch.where(zero, torch.zeros_like(numerator), numerator / torch.where(zero, 1, denominator))


def inverse_diagonal(diagonal: Tensor) -> Tensor:
    """1 / diagonal, entries that are not positive counting as 1."""
    positive = diagonal > 0
    return torch.where(positive, 1 / torch.where(positive, diagonal, 1), torch.ones_like(diagonal))


def _preconditioner(given: Preconditioner, b: Tensor) -> Callable[[Tensor], Tensor]:
    if given is None:
        return lambda r: r
    if not isinstance(given, Tensor):
        return given
    fits = given.ndim == b.ndim and all(n in (1, m) for n, m in zip(given.shape, b.shape, strict=True))
    if not fits or given.dtype != real_dtype(b.dtype):
        raise ShapeError(
            f"pcg: preconditioner has shape {tuple(given.shape)} and dtype {given.dtype}, expected "
            f"{tuple(b.shape)} and {real_dtype(b.dtype)}. Pass the real diagonal of H, as gram_diagonal returns it."
        )
    inverse = inverse_diagonal(given)
    return lambda r: inverse * r


def _check(b: Tensor, x0: Tensor | None, rtol: float | Tensor, max_steps: int, check_every: int) -> None:
    if x0 is not None and (x0.shape != b.shape or x0.dtype != b.dtype):
        raise ShapeError(
            f"pcg: x0 has shape {tuple(x0.shape)} and dtype {x0.dtype}, expected {tuple(b.shape)} and {b.dtype}. "
            "Start from an image like b."
        )
    if isinstance(rtol, Tensor):
        if rtol.shape not in ((), (len(b),)):
            raise ShapeError(
                f"pcg: rtol has shape {tuple(rtol.shape)}, expected () or ({len(b)},). Give one number for each image."
            )
    elif not 0 <= rtol < float("inf"):
        raise ConfigError(f"pcg: rtol is {rtol}, expected a finite number >= 0. Use 1e-6.")
    for name, count in (("max_steps", max_steps), ("check_every", check_every)):
        if not float(count).is_integer() or count < 1:
            raise ConfigError(f"pcg: {name} is {count}, expected a whole number >= 1. Use the default.")
