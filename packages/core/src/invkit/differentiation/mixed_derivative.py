"""How fast the gradient of an objective changes with the tensors it was built from: |M(x)| and its Lipschitz constant.

M(x) = d/dtheta gradient f(x, theta)

weight of g          M = gradient g(x)            Lipschitz as g is smooth
centre of a square   M = -W, copied to x          constant
weights of a square  M = diag(x - centre)         Lipschitz constant 1
centre of g(x - c)   M = -H_g(x - c)              Lipschitz as H_g is
behind an operator   K* M(K x)                    times |K|, and |K|^2
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ConfigError
from ..functionals.algebra import Composition, Scaled, Sum
from ..functionals.base import Differentiable, Functional, as_float
from ..functionals.norms import SquaredL2
from ..functionals.translation import Translated
from ..functionals.weighted_squared_l2 import WeightedSquaredL2
from ..operators.moving import tensors_of
from ..operators.space import real_dtype
from .parameters import not_reached, rebuilt


@dataclass(frozen=True, kw_only=True)
class MixedDerivative:
    """Bounds of M(x) = d/dtheta gradient f(x, theta) for one tensor of theta, of all images together.

    norm: of |M(x~)|.   lipschitz: of |M(x) - M(z)| / |x - z|.

    Raises: ConfigError if one is negative or not finite.
    """

    norm: float
    lipschitz: float

    def __post_init__(self) -> None:
        for name, value in (("norm", self.norm), ("lipschitz", self.lipschitz)):
            if not 0 <= value < math.inf:
                raise ConfigError(
                    f"MixedDerivative: {name} is {value}, expected a finite number >= 0. Give an upper bound."
                )


def mixed_derivative(objective: Differentiable, x: Tensor, theta: Tensor) -> tuple[MixedDerivative | None, str]:
    """Bounds for one tensor, or None and why."""
    parts = list(_slots(objective, x, theta))
    places = sum(tensor is theta for tensor in tensors_of(objective))
    if None in parts or len(parts) != places:
        return None, "it is no weight of a term and no centre or weights of a square alone: give mixed"
    # The same objective without this tensor must not know it: it could be behind another one, or inside a closure.
    without = rebuilt(objective, {id(theta): theta.detach()})
    with torch.enable_grad():
        slope = without.gradient(x)
    if slope.requires_grad and not not_reached(slope, [theta]):
        return None, "another tensor of the objective is computed from it: differentiate in that one, or give mixed"
    known = [part for part in parts if part is not None]
    size, change = sum(part.norm for part in known), sum(part.lipschitz for part in known)
    if not (math.isfinite(size) and math.isfinite(change)):
        return None, "its mixed derivative is not finite"
    return MixedDerivative(norm=size, lipschitz=change), ""


@torch.no_grad()
def _slots(f: Functional, x: Tensor, theta: Tensor) -> Iterator[MixedDerivative | None]:
    """Bounds for every place of f that theta stands in; None for a place of another kind.

    The classes are taken exactly: what is derived from them may use its tensors otherwise.
    """
    if isinstance(f, Sum):
        for term in f.terms:
            yield from _slots(term, x, theta)
    elif isinstance(f, Scaled):
        weight = abs(as_float(f.weight))
        if f.weight is theta:
            yield _of_weight(f.functional, x)
        for part in _slots(f.functional, x, theta):
            yield None if part is None else _times(part, weight, weight)
    elif isinstance(f, Composition):
        size = f.operator.norm().upper
        for part in _slots(f.functional, f.operator.forward(x), theta):
            yield None if part is None else _times(part, size, size * size)
        yield from (None for tensor in tensors_of(f.operator) if tensor is theta)
    elif isinstance(f, Translated):
        yield from (None for tensor in tensors_of(f.functional) if tensor is theta)
        if f.centre is theta:
            yield _of_centre(f, x, theta)
    elif type(f) is SquaredL2 and f.centre is theta:
        yield MixedDerivative(norm=_copies(x, theta), lipschitz=0.0)
    elif type(f) is WeightedSquaredL2:
        if f.centre is theta:
            largest = float(f.weights.max()) if f.weights.numel() else 0.0
            yield MixedDerivative(norm=largest * _copies(x, theta), lipschitz=0.0)
        if f.weights is theta:
            yield MixedDerivative(norm=_of_weights(f, x), lipschitz=1.0)
    else:
        yield from (None for tensor in tensors_of(f) if tensor is theta)


def _of_weight(f: Functional, x: Tensor) -> MixedDerivative | None:
    """M = gradient f, for the weight of f."""
    smooth = f.smoothness() if isinstance(f, Differentiable) else None
    if smooth is None:
        return None
    assert isinstance(f, Differentiable)
    return MixedDerivative(norm=float(torch.linalg.vector_norm(f.gradient(x))), lipschitz=smooth.upper)


def _of_centre(f: Translated, x: Tensor, theta: Tensor) -> MixedDerivative | None:
    """M = -H(x - centre)."""
    inner = f.functional
    smooth = inner.smoothness() if isinstance(inner, Differentiable) else None
    bend = inner.hessian_lipschitz() if isinstance(inner, Differentiable) else None
    if smooth is None or bend is None:
        return None
    copies = _copies(x, theta)
    return MixedDerivative(norm=smooth.upper * copies, lipschitz=bend * copies)


def _of_weights(f: WeightedSquaredL2, x: Tensor) -> float:
    """|diag(x - c)| where each weight multiplies the numbers that it is broadcast to."""
    squares = f._difference(x).abs().square().to(real_dtype(x.dtype))
    return float(squares.sum_to_size(_padded(f.weights, x)).max().sqrt()) if squares.numel() else 0.0


def _padded(tensor: Tensor, x: Tensor) -> tuple[int, ...]:
    return (1,) * (x.ndim - tensor.ndim) + tuple(tensor.shape)


def _copies(x: Tensor, theta: Tensor) -> float:
    """The norm of broadcasting theta to x."""
    return math.sqrt(x.numel() / theta.numel()) if theta.numel() else 0.0


def _times(part: MixedDerivative, size: float, change: float) -> MixedDerivative:
    return MixedDerivative(norm=part.norm * size, lipschitz=part.lipschitz * change)
