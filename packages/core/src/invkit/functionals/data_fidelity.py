"""Data fidelities: how far A x is from the measurement y. A need not be linear; constants of smoothness need it."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import ConfigError, DataError, ShapeError
from ..operators.base import Operator
from ..operators.space import real_dtype
from .algebra import compose, scale
from .base import Differentiable, Functional
from .huber import Huber
from .kullback_leibler import KullbackLeibler
from .norms import L1, SquaredL2
from .smooth_kullback_leibler import SmoothKullbackLeibler
from .translation import translate
from .weighted_squared_l2 import WeightedSquaredL2


def least_squares(operator: Operator, y: Tensor) -> Differentiable:
    """0.5 |A x - y|^2, with gradient A*(A x - y): one A and one A*, smooth with constant |A|^2.

    y: a batch of the operator's codomain.

    Raises: ShapeError if y does not fit; DataError if it is not finite.
    """
    _check(operator, y, "least_squares")
    return _differentiable(SquaredL2(y), operator)


def weighted_least_squares(operator: Operator, y: Tensor, weights: Tensor) -> Differentiable:
    """0.5 sum w |A x - y|^2: weights are inverse variances, 0 for a sample to ignore; smooth with constant |A|^2 max w.

    y: a batch of the operator's codomain.   weights: real, >= 0, of a shape that broadcasts to y.

    Raises: ShapeError if y or the weights do not fit; DataError if y is not finite, or a weight negative or not finite.
    """
    _check(operator, y, "weighted_least_squares")
    shape = tuple(weights.shape)
    if len(shape) > y.ndim or any(w not in (1, n) for w, n in zip(shape[::-1], y.shape[::-1], strict=False)):
        raise ShapeError(
            f"weighted_least_squares: weights have shape {shape}, expected one that broadcasts to {tuple(y.shape)}. "
            "Give one weight per sample, or axes of length 1."
        )
    weights = weights.to(device=y.device, dtype=real_dtype(y.dtype))
    return _differentiable(WeightedSquaredL2(weights, y), operator)


def l1_fit(operator: Operator, y: Tensor) -> Functional:
    """|A x - y|_1, for impulsive noise and outliers; solvers that split f and A take it (``core/pdhg``).

    y: a batch of the operator's codomain.

    Raises: ShapeError if y does not fit; DataError if it is not finite.
    """
    _check(operator, y, "l1_fit")
    return compose(translate(L1(), y), operator)


def huber_fit(operator: Operator, y: Tensor, delta: float | Tensor) -> Functional:
    """sum rho(|A x - y|) with rho(t) = t^2 / 2 for t <= delta and delta (t - delta / 2) beyond, for outliers.

    y: a batch of the operator's codomain.   delta: a positive number, or a 0-d tensor that is learned.
    Differentiable, smooth with constant |A|^2; f is proximable, for solvers that split f and A.

    Raises: ShapeError if y does not fit; DataError if it is not finite; ConfigError if delta is not positive.
    Source: Huber (1964).
    """
    _check(operator, y, "huber_fit")
    return scale(delta, compose(translate(Huber(delta), y), operator))


def kullback_leibler(operator: Operator, y: Tensor, background: float | Tensor = 0.0) -> Differentiable:
    """KL(y, A x + background) = sum z - y + y log(y/z), the fit to Poisson counts; +inf where z = A x + background < 0.

    y: counts, a batch of the operator's codomain.   background: as in ``KullbackLeibler``.

    Raises: ShapeError if y does not fit or is complex; DataError if it is negative or not finite; ConfigError if the
    background is negative or not finite.
    """
    _check(operator, y, "kullback_leibler")
    return _differentiable(KullbackLeibler(y, background), operator)


def smooth_kullback_leibler(operator: Operator, y: Tensor, background: float | Tensor) -> Differentiable:
    """``kullback_leibler`` with a background > 0, continued by a parabola where A x < 0: smooth, for gradient methods.

    Smooth with constant |A|^2 max y/background^2; the same minimisers if A and the images are nonnegative.

    Raises: as ``kullback_leibler``, and ConfigError if the background is not positive everywhere.
    """
    _check(operator, y, "smooth_kullback_leibler")
    return _differentiable(SmoothKullbackLeibler(y, background), operator)


def _differentiable(functional: Differentiable, operator: Operator) -> Differentiable:
    fit = compose(functional, operator)
    assert isinstance(fit, Differentiable)
    return fit


def _check(operator: Operator, y: Tensor, who: str) -> None:
    if not isinstance(operator, Operator):
        raise ConfigError(
            f"{who}: operator is a {type(operator).__name__}, expected an Operator. The operator comes first, then y."
        )
    operator.codomain.check(y, f"{who}: measurement")
    check_measurement(y, who)


def check_measurement(y: Tensor, who: str) -> None:
    """Raises: DataError if a measurement contains NaN or inf; says how many and which image."""
    finite = torch.isfinite(y)
    if not bool(finite.all()):
        bad = (~finite).flatten(1).sum(1)
        first = int(bad.nonzero()[0])
        raise DataError(
            f"{who}: measurement has {int(bad.sum())} values that are NaN or inf (first in image {first}), expected 0. "
            "Repair or mask them before reconstructing."
        )
