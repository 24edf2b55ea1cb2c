"""Tiny problems for the solvers, with minimisers known from elsewhere."""

from __future__ import annotations

import torch
from torch import Tensor

from ...functionals import GroupL1, least_squares
from ...functionals.base import Functional
from ...solvers import (
    CGLS,
    FISTA,
    PDHG,
    ArmijoGradientDescent,
    BacktrackingFISTA,
    BarzilaiBorwein,
    ConjugateGradient,
    GradientDescent,
    NewtonCG,
    ProximalGradient,
    RestartedFISTA,
)
from ..cases import Example
from ._problems import Device, Lasso, accuracy, flat_ridge, lasso, ridge


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
