"""Runge-Kutta methods by their tableaux, and the largest disk in which each is contractive, in rational arithmetic."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import torch

from ...errors import ConfigError

Matrix = tuple[tuple[Fraction, ...], ...]


@dataclass(frozen=True)
class ButcherTableau:
    """x_new = x + h sum_i b_i f(Y_i),   Y_i = x + h sum_j a_ij f(Y_j).

    a: a square matrix.   b: weights that sum to 1. Integers, floats, fractions or texts such as "1/3", kept exactly.

    Raises: ConfigError if a is not square or does not fit b, a number is not finite, or the weights do not sum to 1.
    Source: dissertation, Definition 3.2.1.
    """

    a: Matrix
    b: tuple[Fraction, ...]

    def __post_init__(self) -> None:
        try:
            a, b = tuple(_exact(row) for row in self.a), _exact(self.b)
        except (ValueError, TypeError, OverflowError, ZeroDivisionError) as error:
            raise ConfigError(
                f"ButcherTableau: a number cannot be read ({error}), expected rows of finite numbers. "
                'Write them as in a=((0, 0), ("1/2", 0)), b=(0, 1).'
            ) from error
        if not b or len(a) != len(b) or any(len(row) != len(b) for row in a):
            raise ConfigError(
                f"ButcherTableau: a has rows of {[len(row) for row in a]} numbers for {len(b)} weights, expected as "
                "many rows and columns as weights. Fill a with zeros."
            )
        if abs(sum(b, Fraction(-1))) > Fraction(1, 10**12):
            raise ConfigError(
                f"ButcherTableau: the weights b sum to {float(sum(b, Fraction(0))):.12g}, expected 1. "
                "Correct them: the method would not be consistent."
            )
        object.__setattr__(self, "a", a)
        object.__setattr__(self, "b", b)

    @property
    def num_stages(self) -> int:
        """How many values of f a step takes."""
        return len(self.b)

    @property
    def is_explicit(self) -> bool:
        """Whether a is strictly lower triangular, so that the stages follow one from the other."""
        return all(entry == 0 for i, row in enumerate(self.a) for entry in row[i:])

    def circle_contractivity_radius(self) -> float:
        """r: |K(z)| <= 1 wherever all |z_i + r| <= r; inf where Re z_i <= 0 suffices, 0 where no disk is known.

            r = 1 / s with the least s >= 0 for which   diag(b) a + a^T diag(b) - b b^T + s diag(b) >= 0,   all b_i >= 0

        The least s is estimated by an eigenvalue and then confirmed by an exact factorisation, so that r is never too
        large; it may be too small by one part in 10^12.

        Source: dissertation, Remark 3.2.1; Dahlquist, Jeltsch (1979), Theorem 3.1.
        """
        return _radius(self)

    def __repr__(self) -> str:
        rows = "; ".join(" ".join(map(str, row)) for row in self.a)
        return f"ButcherTableau(a=[{rows}], b=[{' '.join(map(str, self.b))}])"


@functools.lru_cache(maxsize=256)
def _radius(tableau: ButcherTableau) -> float:
    a, b = tableau.a, tableau.b
    if any(weight < 0 for weight in b):
        return 0.0
    stages = range(len(b))
    q = [[b[i] * a[i][j] + a[j][i] * b[j] - b[i] * b[j] for j in stages] for i in stages]
    # A stage of weight 0 has a zero on the diagonal for every s: its row must vanish, which is that no stage that
    # counts uses it.
    if any(b[i] == 0 and any(q[i]) for i in stages):
        return 0.0
    used = [i for i in stages if b[i] > 0]
    if _is_semidefinite(_shifted(q, b, used, Fraction(0))):
        return math.inf
    root = [math.sqrt(b[i]) for i in used]
    scaled = [[float(q[i][j]) / root[m] / root[n] for n, j in enumerate(used)] for m, i in enumerate(used)]
    estimate = Fraction(-float(torch.linalg.eigvalsh(torch.tensor(scaled, dtype=torch.float64))[0]))
    for s in _candidates(estimate):
        if s > 0 and _is_semidefinite(_shifted(q, b, used, s)):
            r = float(1 / s)
            return r if Fraction(r) <= 1 / s else math.nextafter(r, 0.0)
    return 0.0


def _candidates(s: Fraction) -> list[Fraction]:
    """Simple numbers next to the estimate, then the estimate made larger by more and more."""
    simple = [s.limit_denominator(10**digits) for digits in range(1, 7)]
    near = [one for one in dict.fromkeys(simple) if abs(one - s) <= abs(s) / 10**12]
    return [*near, *(s * (1 + Fraction(4**k, 10**15)) for k in range(5, 26))]


def _shifted(q: list[list[Fraction]], b: tuple[Fraction, ...], used: list[int], s: Fraction) -> list[list[Fraction]]:
    return [[q[i][j] + (s * b[i] if i == j else 0) for j in used] for i in used]


def _is_semidefinite(matrix: list[list[Fraction]]) -> bool:
    """Whether a symmetric rational matrix is positive semidefinite, by elimination without rounding."""
    rows = [list(row) for row in matrix]
    while rows:
        pivot, first = rows[0][0], rows[0]
        if pivot < 0 or (pivot == 0 and any(first)):
            return False
        rest = range(1, len(rows))
        rows = [[rows[i][j] - (rows[i][0] * first[j] / pivot if pivot else 0) for j in rest] for i in rest]
    return True


def _exact(numbers: Sequence[Fraction | float | str]) -> tuple[Fraction, ...]:
    if isinstance(numbers, str | bytes):
        raise TypeError("a text in place of a row")
    return tuple(Fraction(number) for number in numbers)


def _tableau(a: tuple[tuple[float | str, ...], ...], b: tuple[float | str, ...]) -> ButcherTableau:
    return ButcherTableau(tuple(_exact(row) for row in a), _exact(b))


EULER = _tableau(((0,),), (1,))
EXPLICIT_MIDPOINT = _tableau(((0, 0), ("1/2", 0)), (0, 1))
HEUN = _tableau(((0, 0), (1, 0)), ("1/2", "1/2"))
KUTTA3 = _tableau(((0, 0, 0), ("1/2", 0, 0), (-1, 2, 0)), ("1/6", "2/3", "1/6"))
SSPRK3 = _tableau(((0, 0, 0), (1, 0, 0), ("1/4", "1/4", 0)), ("1/6", "1/6", "2/3"))
RK4 = _tableau(((0, 0, 0, 0), ("1/2", 0, 0, 0), (0, "1/2", 0, 0), (0, 0, 1, 0)), ("1/6", "1/3", "1/3", "1/6"))
BACKWARD_EULER = _tableau(((1,),), (1,))
IMPLICIT_MIDPOINT = _tableau((("1/2",),), (1,))

#: The methods that a configuration may name.
TABLEAUX: dict[str, ButcherTableau] = {
    "euler": EULER,
    "explicit-midpoint": EXPLICIT_MIDPOINT,
    "heun": HEUN,
    "kutta3": KUTTA3,
    "ssprk3": SSPRK3,
    "rk4": RK4,
    "backward-euler": BACKWARD_EULER,
    "implicit-midpoint": IMPLICIT_MIDPOINT,
}
