"""What a rule returns, and what the rules have in common: one image at a time, one weight at a time."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ...errors import ConfigError, ShapeError
from ...functionals.data_fidelity import check_measurement
from ...operators.base import LinearOperator
from ...operators.space import Space
from ..variational import Variational

logger = logging.getLogger("invkit")


@dataclass(frozen=True, eq=False)
class WeightChoice:
    """The weight that a rule chose for each image.

    weight: (batch,), float64.   x: the reconstructions with these weights.
    weights: what was tried, one table for each image, ascending.   criterion: the number of the rule for each of them.
    at_end: whether the choice is the smallest or the largest weight tried, so that a better one may lie beyond.
    unconverged: how many of the reconstructions that the choice rests on did not converge, for each image.
    """

    weight: Tensor
    x: Tensor
    weights: tuple[Tensor, ...]
    criterion: tuple[Tensor, ...]
    at_end: tuple[bool, ...]
    unconverged: tuple[int, ...]


@dataclass(frozen=True)
class _Chosen:
    """The choice for one image."""

    weight: float
    x: Tensor
    tried: dict[float, float]

    @property
    def at_end(self) -> bool:
        return self.weight in (min(self.tried), max(self.tried))


class Reconstructions:
    """Reconstructions of one image over the weight, each solved once and started from that of the nearest weight."""

    def __init__(self, model: Variational, y: Tensor, operator: LinearOperator) -> None:
        self.model, self.y, self.operator = model, y, operator
        self.known: dict[float, Tensor] = {}
        self.unconverged, self.worst = 0, 0.0

    def __call__(self, weight: float) -> Tensor:
        if weight not in self.known:
            nearest = min(self.known, key=lambda w: abs(math.log(w / weight)), default=None)
            start = None if nearest is None else self.known[nearest]
            self.known[weight] = self.reconstruct(weight, self.y, start)
        return self.known[weight]

    def reconstruct(self, weight: float, y: Tensor, x0: Tensor | None = None) -> Tensor:
        """Those of any batch of measurements; what did not converge is counted."""
        solution = self.model.with_weight(weight).solve(y, self.operator, x0=x0)
        late = [i for i, status in enumerate(solution.status) if not status.is_success]
        if late:
            self.unconverged += len(late)
            self.worst = max(self.worst, float(solution.optimality[late].nan_to_num(nan=math.inf).max()))
        return solution.x

    def misfit(self, weight: float, observed: Tensor | None = None) -> float:
        """|A x - y| over the observed samples."""
        residual = self.operator.forward(self(weight)) - self.y
        return float(torch.linalg.vector_norm(residual if observed is None else residual * observed))


Rule = Callable[[Reconstructions, int], _Chosen]


@torch.no_grad()
def choose(
    rule: Rule, model: Variational, y: Tensor, operator: LinearOperator, name: str, *, progress: bool = False
) -> WeightChoice:
    """Apply a rule to each image of a batch by itself.

    Raises: ShapeError or DataError if y does not fit; ConfigError if the model has no regulariser to weigh.
    """
    operator.codomain.check(y, f"{name}: measurement")
    check_measurement(y, name)
    if not isinstance(model, Variational) or model.regulariser is None:
        raise ConfigError(
            f"{name}: model is {type(model).__name__} without a regulariser, expected a Variational with one. "
            "There is no weight to choose."
        )
    bar = tqdm(range(len(y)), desc=name, unit="image", leave=False, disable=not progress)
    curves = [Reconstructions(model, y[i : i + 1], operator) for i in range(len(y))]
    found = [rule(curves[i], i) for i in bar]
    _warn_of_unconverged(curves, name)
    images = [one.x for one in found]
    return WeightChoice(
        weight=torch.tensor([one.weight for one in found], dtype=torch.float64),
        x=torch.cat(images) if images else operator.domain.zeros(0),
        weights=tuple(torch.tensor(sorted(one.tried), dtype=torch.float64) for one in found),
        criterion=tuple(torch.tensor([one.tried[w] for w in sorted(one.tried)], dtype=torch.float64) for one in found),
        at_end=tuple(one.at_end for one in found),
        unconverged=tuple(curve.unconverged for curve in curves),
    )


def _warn_of_unconverged(curves: Sequence[Reconstructions], name: str) -> None:
    count = sum(curve.unconverged for curve in curves)
    if count:
        logger.warning(
            "%s: %d reconstructions of %d images did not converge (worst relative residual %.2g); the choice is as "
            "wrong as they are. Raise max_steps or rtol of the model's stopping.",
            name,
            count,
            sum(curve.unconverged > 0 for curve in curves),
            max(curve.worst for curve in curves),
        )


def check_observed(observed: Tensor | None, space: Space, who: str) -> None:
    """Raises: ShapeError if a pattern of samples does not broadcast to one measurement."""
    if observed is None:
        return
    shape, full = tuple(observed.shape), (1, *space.shape)
    if len(shape) > len(full) or any(n not in (1, m) for n, m in zip(shape[::-1], full[::-1], strict=False)):
        raise ShapeError(
            f"{who}: observed has shape {shape}, expected {space.shape} or axes of length 1. Every image of a batch is "
            "sampled alike: call once for each pattern."
        )


def smallest(criterion: Callable[[float], float], curve: Reconstructions, weights: Sequence[float]) -> _Chosen:
    """The weight of smallest criterion: the best of a grid, made finer between its neighbours by golden section."""
    from scipy.optimize import minimize_scalar

    tried = {weight: criterion(weight) for weight in weights}
    best = min(tried, key=lambda weight: tried[weight])
    ascending = sorted(tried)
    place = ascending.index(best)
    if 0 < place < len(ascending) - 1:

        def refined(log_weight: float) -> float:
            weight = math.exp(log_weight)
            tried[weight] = criterion(weight)
            return tried[weight]

        bracket = (math.log(ascending[place - 1]), math.log(ascending[place + 1]))
        minimize_scalar(refined, bounds=bracket, method="bounded", options={"xatol": 0.02, "maxiter": 12})
        best = min(tried, key=lambda weight: tried[weight])
    return _Chosen(best, curve(best), tried)


def check_weights(weights: Sequence[float], who: str, least: int = 3) -> tuple[float, ...]:
    """The weights, ascending.

    Raises: ConfigError unless there are enough and all are positive and finite.
    """
    found = tuple(sorted({float(weight) for weight in weights}))
    if len(found) < least or not all(0 < weight < math.inf for weight in found):
        raise ConfigError(
            f"{who}: weights are {list(weights)}, expected at least {least} different positive numbers. "
            "Use torch.logspace(-4, 1, 12).tolist()."
        )
    return found
