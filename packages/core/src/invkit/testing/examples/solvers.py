"""Tiny problems for the solvers, with minimisers known from elsewhere."""

from __future__ import annotations

import torch
from torch import Tensor

from ...functionals import GroupL1, least_squares
from ...functionals.base import Functional
from ...functionals.huber import Huber
from ...solvers import (
    CGLS,
    FISTA,
    PDHG,
    AcceleratedPDHG,
    ArmijoGradientDescent,
    BacktrackingFISTA,
    BarzilaiBorwein,
    ConjugateGradient,
    GradientDescent,
    LinearRatePDHG,
    NewtonCG,
    PrimalDualNewton,
    ProximalGradient,
    RestartedFISTA,
)
from ..cases import Example
from ._problems import Device, Lasso, accuracy, flat_ridge, lasso, ridge, wide


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


def pdhg(device: Device, dtype: torch.dtype) -> Example:
    """0.5 |A W x - y|^2 + c |W x|_1, the lasso seen through a unitary W, so that two blocks have an operator."""
    problem = Lasso(device, dtype)
    rotation = problem.rotation

    def objective(y: Tensor) -> Functional:
        return least_squares(problem.operator @ rotation, y) + problem.weight * (GroupL1(()) @ rotation)

    expected = rotation.adjoint(problem.solution(problem.y))
    return Example(subject=PDHG(), objective=objective, y=problem.y, expected=expected, accuracy=accuracy(dtype, 1e-3))


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
