"""Tiny instances of what the core registers: odd, not square, weights that are not 1, complex where they may be.

Reference results come from dense linear algebra in float64 or from a closed form; none from what is being checked.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..functionals import GroupL1, SquaredL2, least_squares, regularisers
from ..functionals.base import Functional
from ..models import Adjoint, PseudoInverse, Stopping, Variational
from ..operators import Blur, Coils, Dense, FiniteDifference, Fourier, Identity, LinearOperator, Space
from ..operators import sense as build_sense
from ..operators.space import real_dtype
from ..solvers import FISTA, PDHG, ConjugateGradient, GradientDescent, ProximalGradient, Solver
from .cases import Example

Device = torch.device | str


def identity(device: Device, dtype: torch.dtype) -> Example:
    return Example(subject=Identity((5, 4), 2, dtype, torch.device(device)))


def dense(device: Device, dtype: torch.dtype) -> Example:
    matrix = _noise((7, 12), dtype, device, seed=1)
    return Example(subject=Dense(matrix, domain_shape=(1, 3, 4), codomain_shape=(7,)))


def finite_difference(device: Device, dtype: torch.dtype) -> Example:
    return Example(subject=FiniteDifference((5, 4, 3), 2, "neumann", (1.0, 0.5, 2.0), dtype, torch.device(device)))


def fourier(device: Device, dtype: torch.dtype) -> Example:
    pattern = _noise((5, 6), real_dtype(dtype), device, seed=2).clamp_min(0)
    return Example(subject=Fourier((5, 6), pattern, 2, dtype, torch.device(device)))


def sense(device: Device, dtype: torch.dtype) -> Example:
    sensitivities = _noise((3, 5, 4), dtype, device, seed=3)
    lines = torch.tensor([[1.0, 0.0, 1.0, 1.0]], dtype=real_dtype(dtype), device=device)
    return Example(subject=build_sense(sensitivities, lines))


def coils(device: Device, dtype: torch.dtype) -> Example:
    return Example(subject=Coils(_noise((3, 5, 4), dtype, device, seed=4)))


def blur(device: Device, dtype: torch.dtype) -> Example:
    return Example(subject=Blur(_noise((3, 2), dtype, device, seed=5), (6, 5), 2, dtype))


def l1(device: Device, dtype: torch.dtype) -> Example:
    return _regulariser(regularisers.l1, device, dtype)


def group_l1(device: Device, dtype: torch.dtype) -> Example:
    return _regulariser(regularisers.group_l1, device, dtype)


def tv(device: Device, dtype: torch.dtype) -> Example:
    return _regulariser(regularisers.total_variation, device, dtype)


def h1(device: Device, dtype: torch.dtype) -> Example:
    return _regulariser(regularisers.h1, device, dtype)


def squared_l2(device: Device, dtype: torch.dtype) -> Example:
    return _regulariser(regularisers.squared_l2, device, dtype)


def nonnegativity(device: Device, dtype: torch.dtype) -> Example:
    return _regulariser(regularisers.nonnegativity, device, dtype)


def gradient_descent(device: Device, dtype: torch.dtype) -> Example:
    return _ridge(GradientDescent(), device, dtype)


def conjugate_gradient(device: Device, dtype: torch.dtype) -> Example:
    return _ridge(ConjugateGradient(), device, dtype)


def proximal_gradient(device: Device, dtype: torch.dtype) -> Example:
    return _lasso(ProximalGradient(), device, dtype)


def fista(device: Device, dtype: torch.dtype) -> Example:
    return _lasso(FISTA(), device, dtype)


def pdhg(device: Device, dtype: torch.dtype) -> Example:
    """0.5 |A W x - y|^2 + c |W x|_1, the lasso seen through a unitary W, so that two blocks have an operator."""
    problem = _Lasso(device, dtype)
    rotation = problem.rotation

    def objective(y: Tensor) -> Functional:
        return least_squares(problem.operator @ rotation, y) + problem.weight * (GroupL1(()) @ rotation)

    expected = rotation.adjoint(problem.solution(problem.y))
    return Example(subject=PDHG(), objective=objective, y=problem.y, expected=expected, accuracy=_accuracy(dtype, 1e-3))


def adjoint(device: Device, dtype: torch.dtype) -> Example:
    operator, y = _overdetermined(device, dtype)
    expected = (_wide(y) @ _wide(operator.matrix).conj()).unflatten(1, operator.domain.shape).to(dtype)
    return Example(
        subject=Adjoint(), operator=operator, y=y, expected=expected, accuracy=1e-5 if _is_single(dtype) else 1e-12
    )


def pseudo_inverse(device: Device, dtype: torch.dtype) -> Example:
    """A matrix with fewer rows than columns: of the many least-squares solutions the shortest is wanted."""
    matrix = _noise((5, 12), dtype, device, seed=8)
    operator = Dense(matrix, domain_shape=(1, 3, 4))
    y = _noise((2, 5), dtype, device, seed=9)
    expected = (_wide(y) @ torch.linalg.pinv(_wide(matrix)).mT).unflatten(1, (1, 3, 4)).to(dtype)
    return Example(subject=PseudoInverse(), operator=operator, y=y, expected=expected, accuracy=1e-4)


def variational(device: Device, dtype: torch.dtype) -> Example:
    problem = _Lasso(device, dtype)
    stopping = Stopping(rtol=1e-6 if _is_single(dtype) else 1e-9, max_steps=5000)
    model = Variational(regularisers.l1, weight=problem.weight, stopping=stopping)
    return Example(
        subject=model,
        operator=problem.operator,
        y=problem.y,
        expected=problem.solution(problem.y),
        accuracy=_accuracy(dtype, 1e-3),
    )


def _regulariser(factory: object, device: Device, dtype: torch.dtype) -> Example:
    space = Space((2, 4, 3), dtype, torch.device(device))
    return Example(subject=factory(space), space=space)  # type: ignore[operator]


def _ridge(solver: Solver, device: Device, dtype: torch.dtype) -> Example:
    """0.5 |Ax - y|^2 + (c/2) |x|^2, whose minimiser solves (A*A + c id) x = A*y."""
    operator, y = _overdetermined(device, dtype)
    weight = 0.6

    def objective(y: Tensor) -> Functional:
        return least_squares(operator, y) + weight * SquaredL2()

    a = _wide(operator.matrix)
    gram = a.mH @ a + weight * torch.eye(a.shape[1], dtype=a.dtype, device=a.device)
    expected = torch.linalg.solve(gram, a.mH @ _wide(y).mT).mT.unflatten(1, operator.domain.shape).to(dtype)
    return Example(subject=solver, objective=objective, y=y, expected=expected, accuracy=_accuracy(dtype, 2e-3))


def _lasso(solver: Solver, device: Device, dtype: torch.dtype) -> Example:
    problem = _Lasso(device, dtype)

    def objective(y: Tensor) -> Functional:
        return least_squares(problem.operator, y) + problem.weight * GroupL1(())

    return Example(
        subject=solver,
        objective=objective,
        y=problem.y,
        expected=problem.solution(problem.y),
        accuracy=_accuracy(dtype, 1e-3),
    )


class _Lasso:
    """0.5 |U D z - y|^2 + c |z|_1 with U unitary and D diagonal: z_i = soft(d_i (U* y)_i, c) / d_i^2."""

    weight = 0.4

    def __init__(self, device: Device, dtype: torch.dtype) -> None:
        self.unitary = torch.linalg.qr(_wide(_noise((12, 12), dtype, device, seed=6)))[0]
        self.scales = torch.linspace(0.6, 1.7, 12, dtype=torch.float64, device=device)
        shape = (1, 4, 3)
        self.operator: LinearOperator = Dense((self.unitary * self.scales).to(dtype), domain_shape=shape)
        turned = torch.linalg.qr(_wide(_noise((12, 12), dtype, device, seed=7)))[0]
        self.rotation: LinearOperator = Dense(turned.to(dtype), domain_shape=shape, codomain_shape=shape)
        self.y = 2 * _noise((2, 12), dtype, device, seed=10)

    def solution(self, y: Tensor) -> Tensor:
        correlated = self.scales * (_wide(y) @ self.unitary.conj())
        size = correlated.abs()
        shrunk = torch.where(size > self.weight, 1 - self.weight / size.clamp_min(1e-300), 0.0) * correlated
        return (shrunk / self.scales**2).unflatten(1, (1, 4, 3)).to(y.dtype)


def _overdetermined(device: Device, dtype: torch.dtype) -> tuple[Dense, Tensor]:
    return Dense(_noise((9, 6), dtype, device, seed=11), domain_shape=(1, 2, 3)), _noise((2, 9), dtype, device, seed=12)


def _noise(shape: tuple[int, ...], dtype: torch.dtype, device: Device, *, seed: int) -> Tensor:
    """Drawn in double precision on the CPU, so that every dtype and device has the same numbers."""
    double = torch.complex128 if dtype.is_complex else torch.float64
    return torch.randn(shape, dtype=double, generator=torch.Generator().manual_seed(seed)).to(device, dtype)


def _wide(x: Tensor) -> Tensor:
    return x.to(torch.complex128 if x.is_complex() else torch.float64)


def _is_single(dtype: torch.dtype) -> bool:
    return real_dtype(dtype) == torch.float32


def _accuracy(dtype: torch.dtype, single: float) -> float:
    return single if _is_single(dtype) else 1e-7
