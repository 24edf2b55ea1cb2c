"""What a rule returns, and what the rules have in common: one image at a time, one weight at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ...errors import ConfigError
from ...functionals.data_fidelity import check_measurement
from ...operators.base import LinearOperator
from ..variational import Variational


@dataclass(frozen=True, eq=False)
class WeightChoice:
    """The weight that a rule chose for each image.

    weight: (batch,), float64.   x: the reconstructions with these weights.
    weights: what was tried, one table for each image, ascending.   criterion: the number of the rule for each of them.
    at_end: whether the choice is the smallest or the largest weight tried, so that a better one may lie beyond.
    """

    weight: Tensor
    x: Tensor
    weights: tuple[Tensor, ...]
    criterion: tuple[Tensor, ...]
    at_end: tuple[bool, ...]


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

    def __call__(self, weight: float) -> Tensor:
        if weight not in self.known:
            nearest = min(self.known, key=lambda w: abs(math.log(w / weight)), default=None)
            start = None if nearest is None else self.known[nearest]
            solution = self.model.with_weight(weight).solve(self.y, self.operator, x0=start)
            self.known[weight] = solution.x
        return self.known[weight]

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
    found = [rule(Reconstructions(model, y[i : i + 1], operator), i) for i in bar]
    images = [one.x for one in found]
    return WeightChoice(
        weight=torch.tensor([one.weight for one in found], dtype=torch.float64),
        x=torch.cat(images) if images else operator.domain.zeros(0),
        weights=tuple(torch.tensor(sorted(one.tried), dtype=torch.float64) for one in found),
        criterion=tuple(torch.tensor([one.tried[w] for w in sorted(one.tried)], dtype=torch.float64) for one in found),
        at_end=tuple(one.at_end for one in found),
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
