"""Random expressions of linear operators beside their real matrices, and a judge of what an operator claims of itself.

Complex numbers are pairs of real ones here, so that a matrix of real numbers says everything: the adjoint for the real
inner product is the transpose, the norm the largest singular value. The matrices are made by numpy from those of the
leaves and never through the algebra of operators.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from invkit.claims import Claim
from invkit.errors import ConfigError
from invkit.operators import (
    Adjoint,
    Blur,
    Dense,
    Diagonal,
    Downsampling,
    FiniteDifference,
    Fourier,
    Haar,
    Identity,
    LinearOperator,
    Restriction,
    Space,
    stack,
    subsets,
)
from invkit.operators.norm import Interval
from invkit.operators.symmetric_derivative import SymmetricDerivative
from invkit.operators.weighted_normal import WeightedNormal

Pair = tuple[LinearOperator, np.ndarray]


class Isometry(Dense):
    """A matrix with orthonormal columns that says so."""

    @property
    def structure(self) -> frozenset[str]:
        return frozenset({"isometric"})


@dataclass(frozen=True, eq=False, repr=False)
class AsComplex(LinearOperator):
    """A real image as a complex one: linear over the real numbers, isometric and not onto."""

    real: Space

    @property
    def domain(self) -> Space:
        return self.real

    @property
    def codomain(self) -> Space:
        return Space(self.real.shape, torch.complex128 if self.real.dtype == torch.float64 else torch.complex64)

    def _forward(self, x: Tensor) -> Tensor:
        return x.to(self.codomain.dtype)

    def _adjoint(self, y: Tensor) -> Tensor:
        return y.real.clone()

    def _norm(self) -> Interval:
        return Interval.exact(1.0)

    @property
    def structure(self) -> frozenset[str]:
        return frozenset({"isometric"})


def parts(x: Tensor) -> np.ndarray:
    """A batch of images as rows of real numbers in double."""
    flat = x.detach().flatten(1)
    return (torch.view_as_real(flat.resolve_conj()).flatten(1) if flat.is_complex() else flat).double().numpy()


def columns(call: Callable[[Tensor], Tensor], domain: Space) -> np.ndarray:
    """The real matrix of a linear map, from its values at the unit images, and at i times those of complex ones."""
    units = torch.eye(domain.size, dtype=domain.dtype).unflatten(1, domain.shape)
    values = parts(call(units)).T
    if not domain.is_complex:
        return values
    return np.stack([values, parts(call(1j * units)).T], axis=2).reshape(len(values), -1)


def multiplied(factor: complex, matrix: np.ndarray, *, complex_values: bool) -> np.ndarray:
    """The matrix of factor * A."""
    if not complex_values:
        return factor.real * matrix
    turn = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    return np.kron(np.eye(len(matrix) // 2), turn) @ matrix


def leaves(precision: torch.dtype) -> list[Pair]:
    """Operators on four real or complex numbers, and on a field, with every structure that one can have."""
    rng = torch.Generator().manual_seed(1)
    wide = torch.complex128 if precision == torch.float64 else torch.complex64
    found: list[LinearOperator] = [
        AsComplex(Space((1, 4), precision)),
        SymmetricDerivative((2, 2), 1, 1, dtype=precision),
        Fourier((4,), dtype=wide),
        Fourier((4,), torch.tensor([1.0, 0.0, 0.5, 0.0]), dtype=wide),
    ]
    for dtype in (precision, wide):
        weights = torch.randn(4, dtype=dtype, generator=rng)
        tall = torch.linalg.qr(torch.randn((6, 4), dtype=dtype, generator=rng))[0]
        found += [
            Identity((4,), 1, dtype),
            Diagonal(weights, (1, 4)),
            Diagonal(weights.abs(), (1, 4), dtype),
            Diagonal(weights / weights.abs(), (1, 4)),
            Restriction(Space((1, 4), dtype), 1, torch.tensor([2, 0, 3, 1])),
            Restriction(Space((1, 4), dtype), 1, torch.tensor([3, 1])),
            Downsampling((4,), 2, dtype=dtype),
            Haar((4,), 2, dtype=dtype),
            Blur(torch.randn(3, dtype=dtype, generator=rng), (4,), boundary="periodic"),
            Blur(torch.randn(2, dtype=dtype, generator=rng), (4,), boundary="zero"),
            FiniteDifference((4,), dtype=dtype),
            Isometry(tall, (1, 4), (1, 6)),
            Dense(torch.randn((4, 4), dtype=dtype, generator=rng), (1, 4), (1, 4)),
            Dense(torch.randn((2, 4), dtype=dtype, generator=rng), (1, 4), (1, 2)),
        ]
    return [(op, columns(op.forward, op.domain)) for op in found]


def expression(rng: np.random.Generator, known: list[Pair], depth: int) -> Pair:
    """A random expression; where two parts do not fit together, one is combined with itself."""
    if depth == 0 or rng.random() < 0.1:
        return known[rng.integers(len(known))]
    first, second = expression(rng, known, depth - 1), expression(rng, known, depth - 1)
    makers = (_composition, _composition, _composition, _sum, _sum, _stack, _multiple, _multiple, _adjoint, _normal)
    makers += (_weighted_normal, _restriction, _subset)
    return makers[rng.integers(len(makers))](rng, first, second)


def _composition(rng: np.random.Generator, first: Pair, second: Pair) -> Pair:
    (a, m), (b, n) = first, second
    if a.domain == b.codomain:
        return a @ b, m @ n
    if a.domain == b.domain:
        return a @ b.H, m @ n.T
    return (a @ a.H, m @ m.T) if rng.random() < 0.5 else (a.H @ a, m.T @ m)


def _sum(rng: np.random.Generator, first: Pair, second: Pair) -> Pair:
    (a, m), (b, n) = first, second
    if (a.domain, a.codomain) != (b.domain, b.codomain):
        return (a - a, m - m) if rng.random() < 0.3 else (a + a, m + m)
    return (a - b, m - n) if rng.random() < 0.4 else (a + b, m + n)


def _stack(rng: np.random.Generator, first: Pair, second: Pair) -> Pair:
    (a, m), (b, n) = first, second
    if a.domain != b.domain or a.codomain.dtype != b.codomain.dtype:
        b, n = first
    return stack([a, b]), np.concatenate([m, n])


def _multiple(rng: np.random.Generator, first: Pair, second: Pair) -> Pair:
    op, matrix = first
    small = 1e-30 if op.codomain.dtype in (torch.float64, torch.complex128) else 1e-3  # its square is no float32
    numbers: list[complex | Tensor] = [2.0, -1.0, 1.0, 0.0, -0.5, small]
    numbers += [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (1.0, -1.0, 0.3)]
    if op.codomain.is_complex:
        numbers += [1j, 0.6 + 0.8j, -0.5 + 1j, torch.tensor(1j), torch.tensor(1 + 0j)]
    factor = numbers[rng.integers(len(numbers))]
    value = complex(factor.detach()) if isinstance(factor, Tensor) else complex(factor)
    return factor * op, multiplied(value, matrix, complex_values=op.codomain.is_complex)


def _adjoint(rng: np.random.Generator, first: Pair, second: Pair) -> Pair:
    op, matrix = first
    return (op.H if rng.random() < 0.5 else Adjoint(op)), matrix.T  # .H leaves a self-adjoint operator as it is


def _normal(rng: np.random.Generator, first: Pair, second: Pair) -> Pair:
    op, matrix = first
    return op.normal(), matrix.T @ matrix


def _weighted_normal(rng: np.random.Generator, first: Pair, second: Pair) -> Pair:
    op, matrix = first
    weights = rng.normal(size=op.codomain.size)
    weights = (np.abs(weights) if rng.random() < 0.7 else weights).astype(np.float32)
    rows = np.repeat(weights.astype(float), 2 if op.codomain.is_complex else 1)
    shaped = torch.from_numpy(weights).reshape(1, *op.codomain.shape)
    return WeightedNormal(op, shaped), matrix.T @ (rows[:, None] * matrix)


def _restriction(rng: np.random.Generator, first: Pair, second: Pair) -> Pair:
    op, matrix = first
    axis = int(rng.integers(len(op.codomain.shape)))
    length = op.codomain.shape[axis]
    indices = torch.from_numpy(rng.permutation(length)[: rng.integers(1, length + 1)])
    restriction = Restriction(op.codomain, axis, indices)
    return restriction @ op, columns(restriction.forward, op.codomain) @ matrix


def _subset(rng: np.random.Generator, first: Pair, second: Pair) -> Pair:
    op, matrix = first
    axis = len(op.codomain.shape) - 1
    try:
        found = subsets(op, 2, axis=axis)
    except ConfigError:  # there is only one view
        found = subsets(op, 1, axis=axis)
    part, restriction = found[rng.integers(len(found))]
    return part, columns(restriction.forward, op.codomain) @ matrix


def contradictions(op: LinearOperator, matrix: np.ndarray) -> set[str]:
    """The properties that an operator claims and its matrix, or what it computes, does not have."""
    claims = op.claims()
    size = next(claim.params["upper"] for claim in claims if claim.property == "norm_bound")
    eps = float(torch.finfo(op.codomain.dtype).eps)
    allowed = 200 * eps * size + 1e-300
    computed, transposed = columns(op.forward, op.domain), columns(op.adjoint, op.codomain)
    wrong = {claim.property for claim in claims if not _holds(claim, matrix, allowed)}
    wrong |= {claim.property for claim in claims if claim.property == "norm_bound" and not _holds(claim, computed, 0)}
    if np.abs(computed - matrix).max() > allowed:
        wrong.add("linear")
    if np.abs(transposed - matrix.T).max() > allowed:
        wrong.add("adjoint")
    return wrong


def _holds(claim: Claim, matrix: np.ndarray, allowed: float) -> bool:
    if claim.property == "norm_bound":
        largest = np.linalg.svd(matrix, compute_uv=False)[0]
        slack = 1e-14 * (largest + claim.params["upper"])  # of the numbers that judge
        return bool(claim.params["lower"] - slack <= largest <= claim.params["upper"] + slack)
    if claim.property == "self_adjoint":
        return bool(np.abs(matrix - matrix.T).max() <= allowed)
    if claim.property == "positive_semidefinite":
        symmetric = np.abs(matrix - matrix.T).max() <= allowed
        return bool(symmetric and np.linalg.eigvalsh((matrix + matrix.T) / 2)[0] >= -allowed)
    if claim.property == "isometric":
        return bool(np.abs(matrix.T @ matrix - np.eye(matrix.shape[1])).max() <= allowed)
    if claim.property == "unitary":
        both = (matrix.T @ matrix - np.eye(matrix.shape[1]), matrix @ matrix.T - np.eye(len(matrix)))
        return all(bool(np.abs(gap).max() <= allowed) for gap in both)
    return True  # linear and adjoint are compared with the matrix; groups have checks of their own
