"""Norm intervals: (lower, upper) for a spectral norm, and how the upper bound is known.

Power iteration gives a *lower* estimate; used as an upper bound it makes step sizes too large without a word.
Every ``upper`` here is a closed form, the algebra of closed forms, or a rigorous bound, rounded outwards.
"""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..claims import ASSUMED, BY_CONSTRUCTION, CERTIFIED, Basis
from ..errors import ConfigError
from .space import Space

_ULPS = 8 * torch.finfo(torch.float64).eps


def rounded_up(value: float) -> float:
    """A number above what a few float64 operations on numbers >= 0 stand for; 0 where they gave an exact 0."""
    # The last step is for subnormal numbers, whose relative error is not small.
    return math.nextafter(value * (1 + _ULPS), math.inf) if value else 0.0


def rounded_down(value: float) -> float:
    """A number >= 0 below what a few float64 operations on numbers >= 0 stand for."""
    return max(0.0, math.nextafter(min(value, sys.float_info.max) * (1 - _ULPS), -math.inf))


def product_up(*factors: float) -> float:
    """A number above a product of numbers >= 0, which is zero only if one of them is: it may not underflow to 0."""
    if not all(factors):
        return 0.0
    return functools.reduce(lambda a, b: math.nextafter(a * b * (1 + _ULPS), math.inf), factors)


def product_down(*factors: float) -> float:
    """A number below a product of numbers >= 0."""
    return functools.reduce(lambda a, b: rounded_down(a * b), factors)


@dataclass(frozen=True)
class Interval:
    """lower <= value <= upper.

    how: one phrase saying how the upper bound is known.   basis: BY_CONSTRUCTION for a closed form, CERTIFIED for a
    computed rigorous bound; ASSUMED, unless another is stated, for a number that somebody gives.

    Raises: ConfigError if the bounds are not 0 <= lower <= upper < inf.
    """

    lower: float
    upper: float
    how: str
    basis: Basis = ASSUMED

    def __post_init__(self) -> None:
        if not 0 <= self.lower <= self.upper < math.inf:
            raise ConfigError(
                f"Interval: bounds are [{self.lower}, {self.upper}], expected 0 <= lower <= upper < inf. "
                "Check the tensors that the operator was built from for NaN, inf and numbers whose product overflows."
            )

    @classmethod
    def exact(cls, value: float, how: str = "closed form", basis: Basis = BY_CONSTRUCTION) -> Interval:
        """The interval of a value known up to the rounding of a few float64 operations."""
        return cls(rounded_down(value), rounded_up(value), how, basis)

    def __mul__(self, other: Interval) -> Interval:
        """Bounds of a product of two norms that is attained (|A| |B| when one of them is unitary, |A|^2 for A*A)."""
        return Interval(
            product_down(self.lower, other.lower),
            product_up(self.upper, other.upper),
            _join(self, other, "algebra"),
            min(self.basis, other.basis),
        )

    def without_lower(self) -> Interval:
        """The same upper bound with no lower one."""
        return Interval(0.0, self.upper, self.how, self.basis)

    def __add__(self, other: Interval) -> Interval:
        """Bounds of |A + B| by the triangle inequality."""
        return Interval(
            rounded_down(max(0.0, self.lower - other.upper, other.lower - self.upper)),
            rounded_up(self.upper + other.upper),
            _join(self, other, "triangle inequality"),
            min(self.basis, other.basis),
        )

    def widened(self, space: Space) -> Interval:
        """The bounds made wider by the rounding of an operator that computes in the precision of ``space``.

        A rounding or two of each number, and one for each stage of a transform over n numbers: (2 + log2 n) eps / 2.
        """
        return self.rounded(space.dtype, 2 + math.log2(space.size))

    def rounded(self, dtype: torch.dtype, times: float = 1.0) -> Interval:
        """The bounds made wider by so many roundings of every number in the precision of ``dtype``."""
        slack = times * torch.finfo(dtype).eps / 2 + torch.finfo(torch.float64).eps  # the second: of this very line
        lower = max(0.0, math.nextafter(self.lower * (1 - slack), 0.0))
        upper = math.nextafter(self.upper * (1 + slack), math.inf) if self.upper else 0.0
        return Interval(lower, upper, self.how, self.basis)

    def transformed(self, space: Space, transforms: int = 1) -> Interval:
        """The bounds made wider by the rounding of so many fast Fourier transforms of images of ``space``.

        |fl(F x) - F x| <= about 7 log2(n) u |x|, for n a power of two and factors that are rounded once. For other
        lengths the same is added, which is not proved.
        Source: Higham (2002), Accuracy and Stability of Numerical Algorithms, Theorem 24.2.
        """
        return self.rounded(space.dtype, 7 * transforms * math.log2(space.size))

    def scaled(self, factor: float) -> Interval:
        """Bounds of |factor| times the value."""
        factor = abs(factor)
        return Interval(product_down(self.lower, factor), product_up(self.upper, factor), self.how, self.basis)

    def __str__(self) -> str:
        return f"[{self.lower:.6g}, {self.upper:.6g}] ({self.how})"


def _join(a: Interval, b: Interval, rule: str) -> str:
    parts = dict.fromkeys([part for side in (a, b) for part in side.how.split(": ", 1)[-1].split(", ")])
    return f"{rule}: {', '.join(parts)}"


def stacked(norms: list[Interval]) -> Interval:
    """Bounds of |(A_1, ..., A_m)| = |sum A_i* A_i|^(1/2): between max |A_i| and (sum |A_i|^2)^(1/2)."""
    return Interval(
        max(n.lower for n in norms),
        rounded_up(math.hypot(*(n.upper for n in norms)) * (1 + len(norms) * _ULPS)),
        "stack: root sum of squares",
        min(n.basis for n in norms),
    )


def dense_norm(matrix: Tensor) -> Interval:
    """|A| of a dense matrix by its largest singular value in float64, padded by the backward error of the SVD.

    The computed singular values are exact for a matrix within p(m, n) eps |A| of A (Golub, Van Loan, 4th ed., 5.4.1);
    p = 16 (m + n) is generous.
    """
    wide = matrix.detach().to(torch.complex128 if matrix.is_complex() else torch.float64)
    largest = float((torch.view_as_real(wide.resolve_conj()) if wide.is_complex() else wide).abs().max())
    if not math.isfinite(largest):
        raise ConfigError(
            f"dense_norm: the largest entry of the matrix is {largest}, expected a finite number. It was changed since "
            "it was given: find what wrote to it."
        )
    if largest < 1e-290:  # near the subnormal numbers the backward error is not relative
        return Interval(0.0, product_up(largest, math.sqrt(2 * wide.numel())), "largest entry", CERTIFIED)
    value = float(torch.linalg.svdvals(wide)[0])
    slack = 16 * sum(matrix.shape) * torch.finfo(torch.float64).eps
    lower, upper = value * max(0.0, 1 - slack), value * (1 + slack)
    return Interval(lower, upper, "largest singular value, padded by its backward error", CERTIFIED)


def schur_norm_bound(column_sums: Tensor, row_sums: Tensor, terms: int) -> float:
    """Schur's bound |A|_2 <= sqrt(|A|_1 |A|_inf) from the sums of absolute values, rounded outwards.

    terms: the longest sum; a sum of n nonnegative numbers has relative error at most about n u
    (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., eq. 4.4).
    """
    u = torch.finfo(real_precision(column_sums)).eps
    # Root by root: the product of the two sums may underflow.
    return product_up(math.sqrt(float(column_sums.max())), math.sqrt(float(row_sums.max())), 1 + 2 * terms * u)


def real_precision(x: Tensor) -> torch.dtype:
    """The real dtype of a tensor's precision."""
    return x.abs().dtype if x.is_complex() else x.dtype


def nonnegative_norm(
    forward: Callable[[Tensor], Tensor], adjoint: Callable[[Tensor], Tensor], start: Tensor, terms: int, num_steps: int
) -> Interval:
    """|A| of a matrix with nonnegative entries, by Collatz and Wielandt: a tight and rigorous bound.

        |A|^2 = rho(M) <= max_i (M x)_i / x_i   for M = A*A >= 0 and any x > 0;
        |A| >= |A x| / |x|.

    Power iteration only chooses x; whatever x is, both bounds hold. ``terms`` is the longest sum inside A plus the
    longest inside A*: sums of nonnegative numbers have a relative error of at most about n u, which is added on.
    Rows of M that vanish (pixels that no ray meets) say 0 <= 0.

    start: a positive tensor with a batch axis of one.   num_steps: power steps, each one A and one A*.

    Source: Collatz (1942), Wielandt (1950); Horn, Johnson, Matrix Analysis, 2nd ed., Corollary 8.1.29.
    """
    u = torch.finfo(real_precision(start)).eps
    slack = 4 * (terms + 8) * u
    floor = torch.finfo(real_precision(start)).tiny ** 0.5
    x = start
    upper_squared, lower = math.inf, 0.0
    for _ in range(num_steps):
        projected = forward(x)
        if not float(projected.max()):
            return Interval(0.0, 0.0, "every weight is zero", BY_CONSTRUCTION)
        image = adjoint(projected)
        upper_squared = min(upper_squared, float((image / x).max()))
        lower = max(lower, float(torch.linalg.vector_norm(projected.double()) / torch.linalg.vector_norm(x.double())))
        # x stays strictly positive, as the theorem needs.
        x = (image / image.max()).clamp_min(floor)
    # Products of weights below the smallest normal number count as zero; what they hide is below its root.
    hidden = math.sqrt(torch.finfo(real_precision(start)).tiny * (terms + 8))
    upper = math.sqrt(upper_squared) * (1 + slack) + (hidden if upper_squared < hidden else 0.0)
    return Interval(
        min(lower * max(0.0, 1 - slack), upper),
        upper,
        "Collatz-Wielandt bound of a nonnegative matrix, rounded outwards",
        CERTIFIED,
    )
