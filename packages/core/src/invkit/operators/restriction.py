"""Restriction to some entries along one axis: views, coils, channels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..derivations import operators as rules
from ..derivations.symmetry import Action, Diagonal, Moved
from ..errors import ConfigError, DataError
from .base import HasGramDiagonal, HasPseudoInverse
from .norm import Interval
from .space import Space, check_tensor


@dataclass(frozen=True, eq=False, repr=False)
class Restriction(HasGramDiagonal, HasPseudoInverse):
    """(R x)_k = x_{indices[k]} along one axis, in the order given; the adjoint puts them back among zeros.

    space: of x.   axis: of ``space.shape``, so 0 is the first axis behind the batch; it may be negative.
    indices: 1-D whole numbers without repeats.

    R R* = id, hence |R| = 1, and the pseudo-inverse is R*.

    Raises: ConfigError if the axis does not exist; DataError if an index is repeated, missing or out of range.
    """

    space: Space
    axis: int
    indices: Tensor
    derivations = (rules.RESTRICTION_NORM, rules.RESTRICTION_ISOMETRIC, rules.RESTRICTION_UNITARY)

    def __post_init__(self) -> None:
        check_tensor(self.indices, "Restriction", "indices")
        dims, indices = len(self.space.shape), self.indices
        if not -dims <= self.axis < dims:
            raise ConfigError(
                f"Restriction: axis is {self.axis}, expected {-dims} to {dims - 1} for shape {self.space.shape}. "
                "The batch axis is not counted."
            )
        object.__setattr__(self, "axis", self.axis % dims)
        if indices.ndim != 1 or not len(indices) or indices.dtype not in (torch.int64, torch.int32):
            raise DataError(
                f"Restriction: indices have shape {tuple(indices.shape)} and dtype {indices.dtype}, expected at least "
                "one whole number in one dimension. Of a mask give mask.nonzero().flatten()."
            )
        n = self.space.shape[self.axis]
        low, high = (int(end) for end in indices.aminmax())
        if low < 0 or high >= n:
            raise DataError(f"Restriction: indices are {low} to {high}, expected 0 to {n - 1}. Correct them.")
        if (count := len(indices.unique())) < len(indices):
            raise DataError(
                f"Restriction: there are {len(indices)} indices, {count} of them distinct, expected no repeats. "
                "Remove them, or the norm is not 1."
            )
        # A copy: what the caller writes into theirs later may repeat an index.
        object.__setattr__(self, "indices", indices.to(device=self.space.device, dtype=torch.int64, copy=True))

    @property
    def domain(self) -> Space:
        return self.space

    @property
    def codomain(self) -> Space:
        shape = list(self.space.shape)
        shape[self.axis] = len(self.indices)
        return replace(self.space, shape=tuple(shape))

    def _forward(self, x: Tensor) -> Tensor:
        return x.index_select(self.axis + 1, self.indices)

    def _adjoint(self, y: Tensor) -> Tensor:
        return y.new_zeros((len(y), *self.space.shape)).index_copy(self.axis + 1, self.indices, y)

    def _gram_diagonal(self, weights: Tensor) -> Tensor:
        return self._adjoint(weights)

    def _pseudo_inverse(self, y: Tensor) -> Tensor:
        return self._adjoint(y)

    def _norm(self) -> Interval:
        return Interval.exact(1.0)

    def _carried(self, action: Action) -> Action | None:
        apart = isinstance(action, Moved) and self.axis < action.leading
        return action if apart or isinstance(action, Diagonal) else None

    @property
    def structure(self) -> frozenset[str]:
        # All of them, in whatever order: a permutation.
        whole = len(self.indices) == self.space.shape[self.axis]
        return frozenset({"isometric", "unitary"}) if whole else frozenset()
