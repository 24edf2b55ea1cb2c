"""Tiny problems for the solvers, with minimisers known from elsewhere."""

from __future__ import annotations

import torch
from torch import Tensor

from ...functionals import GroupL1, least_squares
from ...functionals.base import Functional
from ...functionals.huber import Huber
from ...operators import Dense, Identity
from ...solvers import (
    ADMM,
    CGLS,
    FISTA,
    MLEM,
    OSEM,
    PDHG,
    SVRG,
    AcceleratedPDHG,
    AdaptivePDHG,
    ArmijoGradientDescent,
    BacktrackingFISTA,
    BarzilaiBorwein,
    CondatVu,
    ConjugateGradient,
    DouglasRachford,
    GradientDescent,
    Kaczmarz,
    Landweber,
    LinearisedBregman,
    LinearRatePDHG,
    NewtonCG,
    OrderedSubsets,
    PreconditionedPDHG,
    PrimalDualNewton,
    ProximalGradient,
    RestartedFISTA,
    Solver,
    StochasticGradient,
    StochasticPDHG,
)
from ..cases import Example
from ._problems import (
    Device,
    Lasso,
    accuracy,
    common_solution,
    emission,
    flat_ridge,
    lasso,
    noise,
    overdetermined,
    ridge,
    wide,
)


def gradient_descent(device: Device, dtype: torch.dtype) -> Example:
    return ridge(GradientDescent(), device, dtype)


def conjugate_gradient(device: Device, dtype: torch.dtype) -> Example:
    return ridge(ConjugateGradient(), device, dtype)


def proximal_gradient(device: Device, dtype: torch.dtype) -> Example:
    return lasso(ProximalGradient(), device, dtype)


def fista(device: Device, dtype: torch.dtype) -> Example:
    return lasso(FISTA(), device, dtype)


def restarted_fista(device: Device, dtype: torch.dtype) -> Example:
    return lasso(RestartedFISTA(), device, dtype)


def backtracking_fista(device: Device, dtype: torch.dtype) -> Example:
    return lasso(BacktrackingFISTA(step_size=8.0), device, dtype)


def armijo_gradient_descent(device: Device, dtype: torch.dtype) -> Example:
    return flat_ridge(ArmijoGradientDescent(), device, dtype)


def barzilai_borwein(device: Device, dtype: torch.dtype) -> Example:
    return flat_ridge(BarzilaiBorwein(), device, dtype)


def landweber(device: Device, dtype: torch.dtype) -> Example:
    """0.5 |A x - y|^2 for an A of full column rank, run to the end: the pseudo-inverse of the matrix."""
    operator, y = overdetermined(device, dtype)
    expected = (wide(y) @ torch.linalg.pinv(wide(operator.matrix)).mT).unflatten(1, operator.domain.shape).to(dtype)

    def objective(y: Tensor) -> Functional:
        return least_squares(operator, y)

    return Example(subject=Landweber(), objective=objective, y=y, expected=expected, accuracy=accuracy(dtype, 2e-3))


def linearised_bregman(device: Device, dtype: torch.dtype) -> Example:
    """Each number of y is 2 a + b of two pixels: a alone is there until |y| > 2 c / mu, then both.

    a = (2 p - c) / mu and b = (p - c) / mu for the p > c with 2 a + b = y, by the optimality conditions.
    """
    matrix = torch.zeros(6, 12, dtype=dtype, device=device)
    rows = torch.arange(6, device=device)
    matrix[rows, 2 * rows], matrix[rows, 2 * rows + 1] = 2, 1
    operator, weight, mu = Dense(matrix, domain_shape=(1, 3, 4)), 0.7, 0.5
    y = 3 * noise((2, 6), dtype, device, seed=10)

    def objective(y: Tensor) -> Functional:
        return least_squares(operator, y) + weight * GroupL1(())

    size = wide(y).abs()
    p = (mu * size + 3 * weight) / 5
    both = p > weight
    pixels = [torch.where(both, (2 * p - weight) / mu, size / 2), torch.where(both, (p - weight) / mu, 0.0)]
    expected = (torch.stack(pixels, 2) * wide(y).sgn()[:, :, None]).flatten(1).unflatten(1, (1, 3, 4)).to(dtype)
    solver = LinearisedBregman(quadratic_weight=mu)
    return Example(subject=solver, objective=objective, y=y, expected=expected, accuracy=accuracy(dtype, 1e-3))


def pdhg(device: Device, dtype: torch.dtype) -> Example:
    return rotated_lasso(PDHG(), device, dtype)


def pdhg_preconditioned(device: Device, dtype: torch.dtype) -> Example:
    return rotated_lasso(PreconditionedPDHG(), device, dtype)


def condat_vu(device: Device, dtype: torch.dtype) -> Example:
    return rotated_lasso(CondatVu(), device, dtype)


def stochastic_pdhg(device: Device, dtype: torch.dtype) -> Example:
    return rotated_lasso(StochasticPDHG(), device, dtype)


def admm(device: Device, dtype: torch.dtype) -> Example:
    return rotated_lasso(ADMM(), device, dtype)


def douglas_rachford(device: Device, dtype: torch.dtype) -> Example:
    """0.5 |x - y|^2 + c |x|_1, whose minimiser is y shrunk by c."""
    y = 2 * noise((2, 1, 4, 3), dtype, device, seed=21)
    identity, weight = Identity((4, 3), 1, dtype, y.device), 0.7

    def objective(y: Tensor) -> Functional:
        return least_squares(identity, y) + weight * GroupL1(())

    size = wide(y).abs()
    shrunk = torch.where(size > weight, 1 - weight / size.clamp_min(1e-300), 0.0) * wide(y)
    return Example(
        subject=DouglasRachford(), objective=objective, y=y, expected=shrunk.to(dtype), accuracy=accuracy(dtype, 1e-3)
    )


def pdhg_adaptive(device: Device, dtype: torch.dtype) -> Example:
    return rotated_lasso(AdaptivePDHG(), device, dtype)


def rotated_lasso(solver: Solver, device: Device, dtype: torch.dtype) -> Example:
    """0.5 |A W x - y|^2 + c |W x|_1, the lasso seen through a unitary W, so that two blocks have an operator."""
    problem = Lasso(device, dtype)
    rotation = problem.rotation

    def objective(y: Tensor) -> Functional:
        return least_squares(problem.operator @ rotation, y) + problem.weight * (GroupL1(()) @ rotation)

    expected = rotation.adjoint(problem.solution(problem.y))
    return Example(subject=solver, objective=objective, y=problem.y, expected=expected, accuracy=accuracy(dtype, 1e-3))


def cgls(device: Device, dtype: torch.dtype) -> Example:
    return ridge(CGLS(), device, dtype)


def newton_cg(device: Device, dtype: torch.dtype) -> Example:
    return ridge(NewtonCG(), device, dtype)


def pdhg_accelerated(device: Device, dtype: torch.dtype) -> Example:
    return ridge(AcceleratedPDHG(), device, dtype)


def pdhg_linear_rate(device: Device, dtype: torch.dtype) -> Example:
    return ridge(LinearRatePDHG(), device, dtype)


def primal_dual_newton(device: Device, dtype: torch.dtype) -> Example:
    """The lasso with a Huber function of parameter delta: z_i = b_i / (d_i^2 + c / delta) where that is <= delta."""
    problem, delta = Lasso(device, dtype), 0.1

    def objective(y: Tensor) -> Functional:
        return least_squares(problem.operator, y) + problem.weight * Huber(delta)

    correlated = problem.scales * (wide(problem.y) @ problem.unitary.conj())
    inner = correlated / (problem.scales**2 + problem.weight / delta)
    beyond = problem.solution(problem.y)  # where |z_i| > delta the slope is that of the norm
    expected = torch.where(wide(beyond).abs() > delta, wide(beyond), inner.unflatten(1, (1, 4, 3))).to(dtype)
    return Example(
        subject=PrimalDualNewton(), objective=objective, y=problem.y, expected=expected, accuracy=accuracy(dtype, 1e-3)
    )


def mlem(device: Device, dtype: torch.dtype) -> Example:
    return emission(MLEM(), device, dtype)


def osem(device: Device, dtype: torch.dtype) -> Example:
    return emission(OSEM(), device, dtype)


def kaczmarz(device: Device, dtype: torch.dtype) -> Example:
    return common_solution(Kaczmarz(), device, dtype)


def ordered_subsets(device: Device, dtype: torch.dtype) -> Example:
    return common_solution(OrderedSubsets(decay=0.0), device, dtype)


def stochastic_gradient(device: Device, dtype: torch.dtype) -> Example:
    return common_solution(StochasticGradient(decay=0.0), device, dtype)


def svrg(device: Device, dtype: torch.dtype) -> Example:
    return flat_ridge(SVRG(), device, dtype)
