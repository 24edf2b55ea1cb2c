"""Tiny operators at two or three sizes each: odd and even, square and not, complex where they may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ...operators import (
    Blur,
    Coils,
    Dense,
    Diagonal,
    Downsampling,
    FiniteDifference,
    Fourier,
    GradientFlowStep,
    Haar,
    Identity,
    Restriction,
    Space,
)
from ...operators import inpainting as build_inpainting
from ...operators import sense as build_sense
from ...operators.nonlinear.activations import Softplus
from ...operators.nonlinear.gradient_flow_step import largest_step_size
from ...operators.nonlinear.runge_kutta import RK4
from ...operators.space import real_dtype
from ..cases import Example
from ._problems import Device, noise


def at_sizes(make: Callable[..., Any], *sizes: tuple[int, ...]) -> list[Example]:
    """``make(size)`` for each size, named by it."""
    return [Example(subject=make(size), name=" x ".join(map(str, size))) for size in sizes]


def identity(device: Device, dtype: torch.dtype) -> list[Example]:
    return at_sizes(lambda size: Identity(size, 2, dtype, torch.device(device)), (5, 4), (3,))


def dense(device: Device, dtype: torch.dtype) -> list[Example]:
    matrix = noise((7, 12), dtype, device, seed=1)
    wide, tall = Dense(matrix, domain_shape=(1, 3, 4), codomain_shape=(7,)), Dense(matrix.mT.contiguous())
    return [Example(subject=wide, name="wide"), Example(subject=tall, name="tall")]


def finite_difference(device: Device, dtype: torch.dtype) -> list[Example]:
    where = torch.device(device)
    return [
        Example(subject=FiniteDifference((5, 4, 3), 2, "neumann", (1.0, 0.5, 2.0), dtype, where), name="volume"),
        *at_sizes(lambda size: FiniteDifference(size, 1, "neumann", dtype=dtype, device=where), (5, 5), (1, 6)),
        Example(subject=FiniteDifference((4, 6), 1, "periodic", dtype=dtype, device=where), name="periodic"),
    ]


def fourier(device: Device, dtype: torch.dtype) -> list[Example]:
    def make(size: tuple[int, ...]) -> Fourier:
        pattern = noise(size, real_dtype(dtype), device, seed=2).clamp_min(0)
        return Fourier(size, pattern, 2, dtype, torch.device(device))

    return at_sizes(make, (5, 6), (4, 4), (7, 3))


def sense(device: Device, dtype: torch.dtype) -> list[Example]:
    def make(size: tuple[int, ...]) -> Any:
        lines = noise((1, size[1]), real_dtype(dtype), device, seed=19).sign().clamp_min(0)
        return build_sense(noise((3, *size), dtype, device, seed=3), lines)

    return at_sizes(make, (5, 4), (4, 7))


def coils(device: Device, dtype: torch.dtype) -> list[Example]:
    return at_sizes(lambda size: Coils(noise((3, *size), dtype, device, seed=4)), (5, 4), (3, 3))


def blur(device: Device, dtype: torch.dtype) -> list[Example]:
    kernel = noise((3, 2), dtype, device, seed=5)
    return [
        Example(subject=Blur(kernel, (6, 5), 2, dtype), name="periodic"),
        Example(subject=Blur(kernel, (4, 4), 1, dtype, "zero"), name="zero"),
        Example(subject=Blur(kernel, (5, 7), 1, dtype, "valid"), name="valid"),
    ]


def diagonal(device: Device, dtype: torch.dtype) -> list[Example]:
    def make(size: tuple[int, ...]) -> Diagonal:
        return Diagonal(noise((2, size[0], 1), dtype, device, seed=20), (2, *size))

    return at_sizes(make, (5, 4), (4, 4))


def inpainting(device: Device, dtype: torch.dtype) -> list[Example]:
    def make(size: tuple[int, ...]) -> Any:
        return build_inpainting(noise(size, real_dtype(dtype), device, seed=21).clamp(0, 1), channels=2, dtype=dtype)

    return at_sizes(make, (5, 4), (3, 3))


def restriction(device: Device, dtype: torch.dtype) -> list[Example]:
    def make(size: tuple[int, ...]) -> Restriction:
        return Restriction(Space((2, *size), dtype, torch.device(device)), 1, torch.tensor([3, 0, 1], device=device))

    return at_sizes(make, (5, 4), (4, 3))


def downsampling(device: Device, dtype: torch.dtype) -> list[Example]:
    where = torch.device(device)
    return [
        Example(subject=Downsampling((6, 4), (3, 2), 2, "mean", dtype, where), name="blocks of 3 x 2"),
        Example(subject=Downsampling((9, 3), (3, 3), 1, "mean", dtype, where), name="blocks of 3 x 3"),
    ]


def haar(device: Device, dtype: torch.dtype) -> list[Example]:
    where = torch.device(device)
    return [
        Example(subject=Haar((12, 8), 2, 2, dtype, where), name="two levels"),
        Example(subject=Haar((6, 10), 1, 1, dtype, where), name="one level"),
    ]


def gradient_flow_step(device: Device, dtype: torch.dtype) -> Example:
    operator = Dense(noise((7, 12), dtype, device, seed=22), domain_shape=(1, 3, 4), codomain_shape=(7,))
    size = largest_step_size(operator, "softplus", "rk4")
    return Example(subject=GradientFlowStep(operator, noise((7,), dtype, device, seed=23), size, Softplus(), RK4))
