"""The L-curve: the corner of log misfit against log regulariser."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from ...errors import ConvergenceError
from ...operators.base import LinearOperator
from ..variational import Variational
from .choice import Reconstructions, WeightChoice, _Chosen, check_weights, choose


def l_curve(
    model: Variational, y: Tensor, operator: LinearOperator, weights: Sequence[float], *, progress: bool = False
) -> WeightChoice:
    """The weight at the corner of the curve (log |A x - y|, log R(x)): where it bends most, for each image.

    Needs no noise level. The criterion in the result is the curvature, by the circle through a point and its
    neighbours (Menger), positive at the corner. A heuristic: it is not convergent as the noise vanishes (Vogel 1996),
    and may take a wrong corner on a coarse or short list of weights.

    weights: at least five, on both sides of the corner, evenly spaced in their logarithm.

    Raises: ConfigError for weights that do not serve; ConvergenceError if the curve has no corner between them.
    Source: Hansen (1992); Hansen, O'Leary (1993).
    """
    candidates = check_weights(weights, "l_curve", least=5)
    regulariser = None if model.regulariser is None else model.regulariser(operator.domain)

    def rule(curve: Reconstructions, index: int) -> _Chosen:
        assert regulariser is not None
        points = np.array([_point(curve.misfit(w), float(regulariser.value(curve(w))[0])) for w in candidates])
        bend = curvature(points)
        tried = dict(zip(candidates, bend.tolist(), strict=True))
        best = max(tried, key=lambda weight: tried[weight])
        if not tried[best] > 0:
            raise ConvergenceError(
                f"l_curve: the largest curvature of image {index} is {tried[best]:.3g}, expected a positive one. "
                f"Widen the weights beyond [{candidates[0]:g}, {candidates[-1]:g}]."
            )
        return _Chosen(best, curve(best), tried)

    return choose(rule, model, y, operator, "l_curve", progress=progress)


def _point(misfit: float, value: float) -> tuple[float, float]:
    tiny = 1e-300  # a constant image has no regulariser
    return math.log(max(misfit, tiny)), math.log(max(value, tiny))


def curvature(points: np.ndarray) -> np.ndarray:
    """The signed curvature at each point of a plane curve, 4 * area / product of the sides; zero at both ends.

    Positive where the curve turns left when the weight, and with it the misfit, grows and R falls: the corner of an L.
    """
    a, b, c = points[:-2], points[1:-1], points[2:]
    area = 0.5 * ((b - a)[:, 0] * (c - b)[:, 1] - (b - a)[:, 1] * (c - b)[:, 0])
    sides = np.linalg.norm(b - a, axis=1) * np.linalg.norm(c - b, axis=1) * np.linalg.norm(c - a, axis=1)
    inner = np.where(sides > 0, 4 * area / np.where(sides > 0, sides, 1), 0.0)
    return np.concatenate([[0.0], inner, [0.0]])
