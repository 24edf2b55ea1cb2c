"""The problems behind the examples: their references come from dense linear algebra in float64 or a closed form."""

from __future__ import annotations

import torch
from torch import Tensor

from ...functionals import GroupL1, SquaredL2, least_squares
from ...functionals.base import Functional
from ...functionals.data_fidelity import kullback_leibler
from ...operators import Dense, LinearOperator
from ...operators.space import real_dtype
from ...solvers import Solver
from ..cases import Example

Device = torch.device | str


def ridge(solver: Solver, device: Device, dtype: torch.dtype) -> Example:
    """0.5 |Ax - y|^2 + (c/2) |x|^2, whose minimiser solves (A*A + c id) x = A*y."""
    return _ridge(solver, *overdetermined(device, dtype), dtype)


def flat_ridge(solver: Solver, device: Device, dtype: torch.dtype) -> Example:
    """The same where the Hessian has a condition number of 4.

    Steps longer than 2/L make the rounding of some component larger by up to that number, each time. A matrix product
    rounds differently for another batch size, so that of an ill-conditioned problem two runs would drift apart.
    """
    unitary = torch.linalg.qr(wide(noise((6, 6), dtype, device, seed=6)))[0]
    scales = torch.linspace(0.6, 1.7, 6, dtype=torch.float64, device=device)
    operator = Dense((unitary * scales).to(dtype), domain_shape=(1, 2, 3))
    return _ridge(solver, operator, 2 * noise((2, 6), dtype, device, seed=10), dtype)


def _ridge(solver: Solver, operator: Dense, y: Tensor, dtype: torch.dtype) -> Example:
    weight = 0.6

    def objective(y: Tensor) -> Functional:
        return least_squares(operator, y) + weight * SquaredL2()

    a = wide(operator.matrix)
    gram = a.mH @ a + weight * torch.eye(a.shape[1], dtype=a.dtype, device=a.device)
    expected = torch.linalg.solve(gram, a.mH @ wide(y).mT).mT.unflatten(1, operator.domain.shape).to(dtype)
    return Example(subject=solver, objective=objective, y=y, expected=expected, accuracy=accuracy(dtype, 2e-3))


def lasso(solver: Solver, device: Device, dtype: torch.dtype) -> Example:
    problem = Lasso(device, dtype)

    def objective(y: Tensor) -> Functional:
        return least_squares(problem.operator, y) + problem.weight * GroupL1(())

    return Example(
        subject=solver,
        objective=objective,
        y=problem.y,
        expected=problem.solution(problem.y),
        accuracy=accuracy(dtype, 1e-3),
    )


class Lasso:
    """0.5 |U D z - y|^2 + c |z|_1 with U unitary and D diagonal: z_i = soft(d_i (U* y)_i, c) / d_i^2."""

    weight = 0.4

    def __init__(self, device: Device, dtype: torch.dtype) -> None:
        self.unitary = torch.linalg.qr(wide(noise((12, 12), dtype, device, seed=6)))[0]
        self.scales = torch.linspace(0.6, 1.7, 12, dtype=torch.float64, device=device)
        shape = (1, 4, 3)
        self.operator: LinearOperator = Dense((self.unitary * self.scales).to(dtype), domain_shape=shape)
        turned = torch.linalg.qr(wide(noise((12, 12), dtype, device, seed=7)))[0]
        self.rotation: LinearOperator = Dense(turned.to(dtype), domain_shape=shape, codomain_shape=shape)
        self.y = 2 * noise((2, 12), dtype, device, seed=10)

    def solution(self, y: Tensor) -> Tensor:
        correlated = self.scales * (wide(y) @ self.unitary.conj())
        size = correlated.abs()
        shrunk = torch.where(size > self.weight, 1 - self.weight / size.clamp_min(1e-300), 0.0) * correlated
        return (shrunk / self.scales**2).unflatten(1, (1, 4, 3)).to(y.dtype)


def emission(solver: Solver, device: Device, dtype: torch.dtype) -> Example:
    """Counts without noise, in two subsets of rows: the only image that explains them maximises the likelihood.

    Each subset sees every pixel mostly by a row of its own, so that the ratios are nearly those of the pixels.
    """
    mixing = noise((12, 6), dtype, device, seed=13).abs()
    near = torch.eye(6, dtype=dtype, device=device).repeat(2, 1)
    matrix = near + 0.02 * mixing
    parts = [Dense(part, domain_shape=(1, 2, 3)) for part in (matrix[:6], matrix[6:])]

    def objective(y: Tensor) -> Functional:
        # Counts that no image explains would leave a method of subsets in its cycle: y is what the pixels emit.
        first, second = (y.abs() @ part.matrix.mT for part in parts)
        return kullback_leibler(parts[0], first) + kullback_leibler(parts[1], second)

    y = 1 + noise((2, 6), dtype, device, seed=14).abs()
    expected = y.unflatten(1, (1, 2, 3))
    return Example(subject=solver, objective=objective, y=y, expected=expected, accuracy=accuracy(dtype, 1e-3))


def common_solution(solver: Solver, device: Device, dtype: torch.dtype) -> Example:
    """0.5 |A_1 x - d_1|^2 + 0.5 |A_2 x - d_2|^2 with d_i = A_i y: both terms have the minimiser y."""
    parts = []
    for seed in (15, 16):
        unitary = torch.linalg.qr(wide(noise((6, 6), dtype, device, seed=seed)))[0]
        scales = torch.linspace(0.8, 1.6, 6, dtype=torch.float64, device=device)
        parts.append(Dense((unitary * scales).to(dtype), domain_shape=(1, 2, 3)))

    def objective(y: Tensor) -> Functional:
        first, second = (least_squares(part, y @ part.matrix.mT) for part in parts)
        return first + second

    y = noise((2, 6), dtype, device, seed=17)
    expected = y.unflatten(1, (1, 2, 3))
    return Example(subject=solver, objective=objective, y=y, expected=expected, accuracy=accuracy(dtype, 1e-3))


def overdetermined(device: Device, dtype: torch.dtype) -> tuple[Dense, Tensor]:
    return Dense(noise((9, 6), dtype, device, seed=11), domain_shape=(1, 2, 3)), noise((2, 9), dtype, device, seed=12)


def noise(shape: tuple[int, ...], dtype: torch.dtype, device: Device, *, seed: int) -> Tensor:
    """Drawn in double precision on the CPU, so that every dtype and device has the same numbers."""
    double = torch.complex128 if dtype.is_complex else torch.float64
    return torch.randn(shape, dtype=double, generator=torch.Generator().manual_seed(seed)).to(device, dtype)


def wide(x: Tensor) -> Tensor:
    return x.to(torch.complex128 if x.is_complex() else torch.float64)


def is_single(dtype: torch.dtype) -> bool:
    return real_dtype(dtype) == torch.float32


def accuracy(dtype: torch.dtype, single: float) -> float:
    return single if is_single(dtype) else 1e-7
