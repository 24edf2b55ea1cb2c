"""A bound of the error of a hypergradient that was computed at an inexact solution by an inexact linear system.

With f m-strongly convex, H its Hessian, M(x) = d/dtheta gradient f(x, theta), l the loss, r = gradient l(x~) - H(x~) q~

    d  = |gradient f(x~)| / m                               bounds |x~ - x*|
    e  = (L_H d |q~| + |r| + L_l d) / m                     bounds |q~ - q*|,   H(x*) q* = gradient l(x*)
    |g~ - g| <= L_M d |q~| + (|M(x~)| + L_M d) e            g = -M(x*)* q*

with L_H, L_l, L_M the Lipschitz constants of H, gradient l and M. Proof: m |x~ - x*|^2 <= <gradient f(x~), x~ - x*>;
H(x*) (q~ - q*) = (H(x*) - H(x~)) q~ - r + gradient l(x~) - gradient l(x*), and |H(x*)^{-1}| <= 1/m; the last line by
M(x~)* q~ - M(x*)* q* = (M(x~) - M(x*))* q~ + M(x*)* (q~ - q*).

Source: Ehrhardt, Roberts (2024), Analyzing inexact hypergradients for bilevel learning, IMA J. Appl. Math. 89, the
a posteriori bound; in the form above every constant is one that the objective states.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..errors import ConfigError, ConvergenceError
from ..functionals.base import Differentiable, Functional
from ..functionals.hessian_at import hessian_at
from ..operators.space import norm
from .hypergradient import Hypergradient, Loss, _gradient
from .implicit import Implicit, jacobi, require_differentiable
from .mixed_derivative import MixedDerivative, mixed_derivative
from .parameters import not_reached, parameters_of, tensors_in

#: Newton's method doubles the digits with each step; what five do not reach is not worth more.
_NEWTON_STEPS = 5


@dataclass(frozen=True, eq=False)
class HypergradientBound:
    """What ``hypergradient_bound`` found.

    bounds: for each of theta a number >= |gradient - exact gradient|_2, or None where none is known.
    reasons: for each of theta why there is none and what to do; empty where there is one.
    distance: bounds of |x~ - x*|, (batch,); None where f is not known to be strongly convex.
    """

    bounds: tuple[float | None, ...]
    reasons: tuple[str, ...]
    distance: Tensor | None


def hypergradient_bound(
    found: Hypergradient,
    loss: Loss,
    objective: Functional,
    solution_x: Tensor,
    theta: Iterable[Tensor] | nn.Module,
    *,
    loss_smoothness: float | None = None,
    mixed: Sequence[MixedDerivative | None] | None = None,
    refine: bool = True,
) -> HypergradientBound:
    """A number above the error of each gradient that ``hypergradient`` found, from the same arguments.

    loss_smoothness: L_l, that of the gradient of the loss, all images together; a differentiable functional states it.
    mixed: for each of theta bounds of the mixed derivative. None: found here where the tensor is the weight of a term,
        or the centre or the weights of a square, and nothing else depends on it.
    refine: bound the error by |g~ - g'| + the bound of g', for the gradient g' after a few Newton steps: as many linear
        systems and one more, and a bound that is seldom far above the error. The smaller of both bounds counts.

    Rigorous in exact arithmetic. The rounding of what is evaluated here enters as 64 units for each evaluation.

    Raises: ConfigError if the objective has no gradient, a constant is negative or not finite, ``mixed`` has another
    number of entries than theta, or the gradients were found at another point.
    """
    smooth = require_differentiable(objective, "hypergradient_bound")
    theta = tensors_in(theta, "hypergradient_bound")
    given = (None,) * len(theta) if mixed is None else tuple(mixed)
    if len(given) != len(theta):
        raise ConfigError(
            f"hypergradient_bound: mixed has {len(given)} entries, expected {len(theta)}, one for each of theta. "
            "Write None where it shall be found."
        )
    x = solution_x.detach()
    _check_same_point(smooth, x, found)
    modulus, bend = smooth.convexity(), smooth.hessian_lipschitz()
    slope_constant = _loss_smoothness(loss, loss_smoothness)
    why = _missing(modulus, bend, slope_constant)
    if why:
        distance = _residual(smooth, x) / modulus if modulus is not None and modulus > 0 else None
        return HypergradientBound((None,) * len(theta), (why,) * len(theta), distance)
    assert modulus is not None
    assert bend is not None
    assert slope_constant is not None
    context = _Context(smooth, loss, theta, given, modulus, bend, slope_constant)
    bounds, reasons, distance = context.at(x, x, found.adjoint.detach())
    if refine and any(bound is not None for bound in bounds):
        bounds = _refined(context, x, found, bounds)
    return HypergradientBound(tuple(bounds), tuple(reasons), distance)


@dataclass(frozen=True, eq=False)
class _Context:
    """The constants of one objective and loss."""

    objective: Differentiable
    loss: Loss
    theta: tuple[Tensor, ...]
    given: tuple[MixedDerivative | None, ...]
    modulus: float
    bend: float
    slope: float

    def at(self, x: Tensor, first: Tensor, q: Tensor) -> tuple[list[float | None], list[str], Tensor]:
        """The bounds for x and q, why there is none, and |x - x*|; ``first`` is where given norms were taken."""
        distance = _residual(self.objective, x) / self.modulus
        products = distance * norm(q).double()
        missed, value = _adjoint_residual(self.objective, self.loss, x, q)
        all_images = float(torch.linalg.vector_norm(distance))
        turned = self.bend * float(torch.linalg.vector_norm(products)) if self.bend else 0.0
        e = (turned + missed + self.slope * all_images) / self.modulus
        bounds: list[float | None] = []
        reasons: list[str] = []
        for tensor, known in zip(self.theta, self.given, strict=True):
            if value.requires_grad and not not_reached(value, [tensor]):
                derivative, reason = None, "the loss depends on it directly, which is not bounded here: drop that part"
            elif known is not None:
                derivative, reason = _moved(known, float(torch.linalg.vector_norm(x - first))), ""
            else:
                derivative, reason = mixed_derivative(self.objective, x, tensor)
            reasons.append(reason)
            bounds.append(None if derivative is None else _total(derivative, products, all_images, e, q, tensor.dtype))
        return bounds, reasons, distance


def _refined(context: _Context, x: Tensor, found: Hypergradient, bounds: list[float | None]) -> list[float | None]:
    """|g~ - g'| + the bound of g' where that is smaller; as before if a linear system cannot be solved."""
    objective, rtol = context.objective, max(1e-10, 64 * torch.finfo(x.dtype).eps)
    try:
        better = _closer(objective, x, rtol)
        parameters = parameters_of(objective, context.theta, "hypergradient_bound")
        how = Implicit(rtol=rtol, start=found.adjoint.detach())
        _, gradients, q = _gradient(context.loss, objective, better, context.theta, parameters, how)
    except ConvergenceError:
        return bounds
    closer, _, _ = context.at(better, x, q.detach())
    total: list[float | None] = []
    for old, rest, g, mine in zip(bounds, closer, gradients, found.gradients, strict=True):
        if old is None or rest is None:
            total.append(old)
            continue
        apart = _size(_double(g) - _double(mine))
        rounding = 64 * torch.finfo(g.dtype).eps * _size(_double(mine))
        total.append(min(old, (apart + rest + rounding) * (1 + 1e-12)))
    return total


@torch.no_grad()
def _closer(objective: Differentiable, x: Tensor, rtol: float) -> Tensor:
    """Where Newton's method gets from x in a few steps, each of which halves the gradient at least.

    Raises: ConvergenceError if a system is not solved.
    """
    size = float(torch.linalg.vector_norm(objective.gradient(x)))
    for _ in range(_NEWTON_STEPS):
        newton = Implicit(rtol=rtol).invert(
            hessian_at(objective, x), objective.gradient(x), preconditioner=jacobi(objective, x)
        )
        left = float(torch.linalg.vector_norm(objective.gradient(x - newton)))
        if not left < size / 2:
            break
        x, size = x - newton, left
    return x


def _moved(known: MixedDerivative, by: float) -> MixedDerivative:
    return MixedDerivative(norm=known.norm + known.lipschitz * by, lipschitz=known.lipschitz)


def _total(
    m: MixedDerivative, products: Tensor, distance: float, e: float, q: Tensor, kept: torch.dtype
) -> float | None:
    """The bound for a gradient of size at most |M| |q| that is returned in the precision of its tensor, ``kept``."""
    size = m.norm + m.lipschitz * distance
    eps = max(torch.finfo(q.dtype).eps, torch.finfo(kept).eps)
    rounding = 64 * eps * m.norm * _size(q)
    bound = m.lipschitz * float(products.sum()) + size * e + rounding
    return bound * (1 + 1e-12) if math.isfinite(bound) else None


def _size(tensor: Tensor) -> float:
    return float(torch.linalg.vector_norm(tensor))


def _double(tensor: Tensor) -> Tensor:
    return tensor.to(torch.complex128 if tensor.is_complex() else torch.float64)


def _missing(modulus: float | None, bend: float | None, slope: float | None) -> str:
    """What is not known, and the way out; empty if everything is."""
    if modulus is None or not modulus > 0:
        return "the objective is not known to be strongly convex: add a multiple of SquaredL2()"
    if bend is None or not math.isfinite(bend):
        return (
            "no Lipschitz constant of the Hessian is known: use squares and SmoothedNorm, or give hessian_lipschitz()"
        )
    if slope is None:
        return "no Lipschitz constant of the gradient of the loss is known: give loss_smoothness"
    return ""


def _loss_smoothness(loss: Loss, given: float | None) -> float | None:
    if given is not None:
        if not 0 <= given < math.inf:
            raise ConfigError(
                f"hypergradient_bound: loss_smoothness is {given}, expected a finite number >= 0. Give an upper bound."
            )
        return given
    stated = loss.smoothness() if isinstance(loss, Differentiable) else None
    return None if stated is None else stated.upper


@torch.no_grad()
def _residual(objective: Differentiable, x: Tensor) -> Tensor:
    """|gradient f(x)| of each image in double precision, with what rounding may hide of it."""
    return norm(objective.gradient(x)).double() + _rounding(objective, x)


def _rounding(objective: Differentiable, x: Tensor) -> Tensor:
    smooth, size = objective.smoothness(), norm(objective.gradient(torch.zeros_like(x))).double()
    if smooth is not None:
        size = size + smooth.upper * norm(x).double()
    return 64 * torch.finfo(x.dtype).eps * size


@torch.no_grad()
def _check_same_point(objective: Differentiable, x: Tensor, found: Hypergradient) -> None:
    """Raises: ConfigError if |gradient f(x)| is not what ``hypergradient`` met."""
    here, there = norm(objective.gradient(x)).double(), found.residual.double()
    allowed = 1e-6 * here + _rounding(objective, x)
    if there.shape != here.shape or bool(((there - here).abs() > allowed).any()):
        raise ConfigError(
            f"hypergradient_bound: |gradient f| at the solution is {here.tolist()}, expected {there.tolist()}, as "
            "where the gradients were found. Pass the same objective and solution to both."
        )


def _adjoint_residual(objective: Differentiable, loss: Loss, x: Tensor, q: Tensor) -> tuple[float, Tensor]:
    """|gradient l(x) - H(x) q| of all images, with what rounding may hide; and the loss with its graph."""
    with torch.enable_grad():
        point = x.clone().requires_grad_()
        value = loss(point).sum()
        (slope,) = torch.autograd.grad(value, point, retain_graph=True, allow_unused=True, materialize_grads=True)
    with torch.no_grad():
        missed = slope - objective.hessian_vector(x, q)
        smooth = objective.smoothness()
        size = torch.linalg.vector_norm(slope)
        if smooth is not None:
            size = size + smooth.upper * torch.linalg.vector_norm(q)
        rounding = 64 * torch.finfo(x.dtype).eps * size
        return float(torch.linalg.vector_norm(missed) + rounding), value
