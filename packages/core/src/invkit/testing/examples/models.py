"""Tiny reconstructions with results known from elsewhere."""

from __future__ import annotations

import torch

from ...functionals import regularisers
from ...models import Adjoint, PseudoInverse, Stopping, Variational
from ...operators import Dense
from ..cases import Example
from ._problems import Device, Lasso, accuracy, is_single, noise, overdetermined, wide


def adjoint(device: Device, dtype: torch.dtype) -> Example:
    operator, y = overdetermined(device, dtype)
    expected = (wide(y) @ wide(operator.matrix).conj()).unflatten(1, operator.domain.shape).to(dtype)
    return Example(
        subject=Adjoint(), operator=operator, y=y, expected=expected, accuracy=1e-5 if is_single(dtype) else 1e-12
    )


def pseudo_inverse(device: Device, dtype: torch.dtype) -> Example:
    """A matrix with fewer rows than columns: of the many least-squares solutions the shortest is wanted."""
    matrix = noise((5, 12), dtype, device, seed=8)
    operator = Dense(matrix, domain_shape=(1, 3, 4))
    y = noise((2, 5), dtype, device, seed=9)
    expected = (wide(y) @ torch.linalg.pinv(wide(matrix)).mT).unflatten(1, (1, 3, 4)).to(dtype)
    return Example(subject=PseudoInverse(), operator=operator, y=y, expected=expected, accuracy=1e-4)


def variational(device: Device, dtype: torch.dtype) -> Example:
    problem = Lasso(device, dtype)
    stopping = Stopping(rtol=1e-6 if is_single(dtype) else 1e-9, max_steps=5000)
    model = Variational(regularisers.l1, weight=problem.weight, stopping=stopping)
    return Example(
        subject=model,
        operator=problem.operator,
        y=problem.y,
        expected=problem.solution(problem.y),
        accuracy=accuracy(dtype, 1e-3),
    )
