"""One measurement: the worst number found, the largest that a true claim allows, and where it was found."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..errors import ConfigError

#: What a counterexample is made of.
Datum = Tensor | float | str

#: Relative error that rounding alone explains, for well-scaled linear maps.
_TOLERANCES = {
    torch.float64: 1e-12,
    torch.complex128: 1e-12,
    torch.float32: 1e-6,
    torch.complex64: 1e-6,
}


def tolerance(dtype: torch.dtype) -> float:
    """1e-12 in double and 1e-6 in single precision.

    Raises: ConfigError for another dtype.
    """
    if dtype not in _TOLERANCES:
        raise ConfigError(
            f"tolerance: dtype is {dtype}, expected one of {', '.join(map(str, _TOLERANCES))}. Convert the object."
        )
    return _TOLERANCES[dtype]


@dataclass(frozen=True, eq=False)
class Measurement:
    """value: the worst found.   bound: the largest that a true claim allows.   trials: how many were made.

    where: the worst trial in words.   counterexample: the tensors and numbers at which it was taken, by which the
    function of the same name with ``_at`` takes it again; empty if nothing was found out.
    """

    value: float
    bound: float
    trials: int
    where: str = ""
    counterexample: Mapping[str, Datum] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """value <= bound; not-a-number never passes."""
        return self.value <= self.bound

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; a number that JSON has no word for becomes None."""
        return {
            "value": self.value if math.isfinite(self.value) else None,
            "bound": self.bound if math.isfinite(self.bound) else None,
            "trials": self.trials,
            "where": self.where,
            "passed": self.passed,
        }


class Worst:
    """Keeps the largest value offered, and what belongs to it; not-a-number is larger than anything."""

    def __init__(self, bound: float) -> None:
        self.bound = bound
        self.value = -math.inf
        self.trials = 0
        self.where = ""
        self.found: Mapping[str, Datum] = {}

    def offer(self, value: float, where: str = "", /, **found: Datum) -> None:
        self.trials += 1
        if math.isnan(self.value) or value <= self.value:
            return
        self.value, self.where = value, where
        # Kept only where it refutes: a measurement that passes should not hold on to memory.
        self.found = {} if value <= self.bound else {name: _kept(datum) for name, datum in found.items()}

    def measurement(self) -> Measurement:
        value = self.value if self.trials else 0.0
        return Measurement(value, self.bound, self.trials, self.where, self.found)


def _kept(datum: Datum) -> Datum:
    return datum.detach().clone() if isinstance(datum, Tensor) else datum


def wide(x: Tensor) -> Tensor:
    """The tensor in double precision, so that taking the measure adds no error of its own."""
    return x.to(torch.complex128 if x.is_complex() else torch.float64)


def length(x: Tensor) -> float:
    """|x|_2 of the whole tensor in double precision."""
    return float(torch.linalg.vector_norm(wide(x.detach())))


def ratio(size: float, scale: float) -> float:
    """size / scale; over a scale of zero, infinite if the size is positive and 0 if it is not."""
    if math.isnan(size) or math.isnan(scale):
        return math.nan
    if scale > 0:
        return size / scale if math.isfinite(scale) else float(size == scale)
    return math.inf if size > 0 else 0.0
