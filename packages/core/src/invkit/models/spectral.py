"""Direct reconstruction by singular values, for operators small enough to be decomposed."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..claims import BY_CONSTRUCTION, Claim
from ..errors import ConfigError, ShapeError
from ..functionals.data_fidelity import check_measurement
from ..operators.base import LinearOperator
from ..solvers.linear.spectral import singular_system, tikhonov_factors, truncated_factors
from .base import Reconstructor


class TruncatedSVD(Reconstructor):
    """x = sum of <y, u_i> v_i / s_i over the largest singular values: the shortest least-squares fit on their space.

    rank: how many are kept.   threshold: or those with s_i > threshold * s_1. Those that are rounding,
        s_i <= max(m, n) eps s_1, never are.

    The matrix is made and decomposed in double precision at each call, m n min(m, n) operations.

    Raises: ConfigError unless exactly one of rank and threshold is given, rank a whole number >= 1, threshold in
    [0, 1); or, when called, if the operator is too large.
    Source: Hansen (1987), The truncated SVD as a method for regularization.
    """

    def __init__(self, *, rank: int | None = None, threshold: float | None = None) -> None:
        super().__init__()
        if (rank is None) == (threshold is None):
            raise ConfigError(
                f"TruncatedSVD: rank is {rank} and threshold is {threshold}, expected exactly one of them. Drop one."
            )
        if rank is not None and (not float(rank).is_integer() or rank < 1):
            raise ConfigError(f"TruncatedSVD: rank is {rank}, expected a whole number >= 1. Use threshold instead.")
        if threshold is not None and not 0 <= threshold < 1:
            raise ConfigError(f"TruncatedSVD: threshold is {threshold}, expected a number in [0, 1). Use 1e-3.")
        self.rank, self.threshold = rank, threshold

    def filter_factors(self, s: Tensor, operator: LinearOperator) -> Tensor:
        """1 where a singular value is kept, 0 elsewhere."""
        kept = truncated_factors(s, rank=self.rank, threshold=self.threshold or 0.0)
        size = max(operator.domain.size, operator.codomain.size)
        # The matrix was applied in the operator's own precision.
        rounding = size * torch.finfo(operator.domain.dtype).eps
        return kept * truncated_factors(s, threshold=rounding)

    def forward(self, y: Tensor, operator: LinearOperator) -> Tensor:
        operator.codomain.check(y, "TruncatedSVD: measurement")
        check_measurement(y, "TruncatedSVD")
        system = singular_system(operator, "TruncatedSVD")
        return system.reconstruct(y, self.filter_factors(system.s, operator))

    def claims(self) -> tuple[Claim, ...]:
        return (Claim(property="linear", basis=BY_CONSTRUCTION, evidence="x = V diag(f / s) U* y"),)


class Tikhonov(Reconstructor):
    """x = argmin 0.5 |A x - y|^2 + (weight/2) |x|^2 = sum s_i / (s_i^2 + weight) <y, u_i> v_i.

    weight: > 0, in units of |A|^2: one number, or a tensor of one per image, shape (batch,), to which gradients reach.
    ``core/variational`` with ``SquaredL2`` finds the same by iterating, for operators of any size.

    The matrix is made and decomposed in double precision at each call, m n min(m, n) operations.

    Raises: ConfigError if a weight is not positive and finite; or, when called, if the operator is too large;
    ShapeError if there are weights for another number of images.
    Source: Tikhonov (1963); Engl, Hanke, Neubauer (1996), Regularization of Inverse Problems, Chapter 5.
    """

    def __init__(self, weight: float | Tensor) -> None:
        super().__init__()
        values = torch.as_tensor(weight).detach()
        if values.ndim > 1:
            raise ConfigError(
                f"Tikhonov: weight has shape {tuple(values.shape)}, expected one number or (batch,). Flatten it."
            )
        if not all(0 < value < math.inf for value in values.reshape(-1).tolist()):
            raise ConfigError(
                f"Tikhonov: weight is {values.tolist()}, expected positive numbers. Use core/pseudo-inverse for none."
            )
        self.weight = weight

    def filter_factors(self, s: Tensor) -> Tensor:
        """s^2 / (s^2 + weight)."""
        weight = self.weight.to(s) if isinstance(self.weight, Tensor) else self.weight
        return tikhonov_factors(s, weight)

    def forward(self, y: Tensor, operator: LinearOperator) -> Tensor:
        operator.codomain.check(y, "Tikhonov: measurement")
        check_measurement(y, "Tikhonov")
        if isinstance(self.weight, Tensor) and self.weight.ndim == 1 and len(self.weight) != len(y):
            raise ShapeError(
                f"Tikhonov: there are {len(self.weight)} weights, expected {len(y)}, one for each image. "
                "Pass one number."
            )
        system = singular_system(operator, "Tikhonov")
        return system.reconstruct(y, self.filter_factors(system.s))

    def claims(self) -> tuple[Claim, ...]:
        linear = Claim(property="linear", basis=BY_CONSTRUCTION, evidence="x = V diag(s / (s^2 + weight)) U* y")
        given = self.weight
        # A number has double precision, which a tensor made of it by default has not.
        weights = given.detach().double() if isinstance(given, Tensor) else torch.tensor(given, dtype=torch.float64)
        least = float(weights.min()) if weights.numel() else math.inf
        if not 0 < least < math.inf:  # a learned weight may have left its range
            return (linear,)
        constant = math.nextafter(1 / (2 * math.sqrt(least)) * (1 + 2.0**-48), math.inf)
        evidence = "max over s of s / (s^2 + weight) = 1 / (2 sqrt(weight)), whatever the operator"
        source = "Engl, Hanke, Neubauer (1996), Regularization of Inverse Problems, Chapter 5"
        bound = Claim(
            property="lipschitz",
            params={"constant": constant},
            basis=BY_CONSTRUCTION,
            evidence=evidence,
            source=source,
        )
        return (linear, bound)
