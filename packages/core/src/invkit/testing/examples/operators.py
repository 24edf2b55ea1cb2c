"""Tiny operators: odd, not square, complex where they may be."""

from __future__ import annotations

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
from ...operators.gradient_flow_step import largest_step_size
from ...operators.space import real_dtype
from ..cases import Example
from ._problems import Device, noise


def identity(device: Device, dtype: torch.dtype) -> Example:
    return Example(subject=Identity((5, 4), 2, dtype, torch.device(device)))


def dense(device: Device, dtype: torch.dtype) -> Example:
    matrix = noise((7, 12), dtype, device, seed=1)
    return Example(subject=Dense(matrix, domain_shape=(1, 3, 4), codomain_shape=(7,)))


def finite_difference(device: Device, dtype: torch.dtype) -> Example:
    return Example(subject=FiniteDifference((5, 4, 3), 2, "neumann", (1.0, 0.5, 2.0), dtype, torch.device(device)))


def fourier(device: Device, dtype: torch.dtype) -> Example:
    pattern = noise((5, 6), real_dtype(dtype), device, seed=2).clamp_min(0)
    return Example(subject=Fourier((5, 6), pattern, 2, dtype, torch.device(device)))


def sense(device: Device, dtype: torch.dtype) -> Example:
    sensitivities = noise((3, 5, 4), dtype, device, seed=3)
    lines = torch.tensor([[1.0, 0.0, 1.0, 1.0]], dtype=real_dtype(dtype), device=device)
    return Example(subject=build_sense(sensitivities, lines))


def coils(device: Device, dtype: torch.dtype) -> Example:
    return Example(subject=Coils(noise((3, 5, 4), dtype, device, seed=4)))


def blur(device: Device, dtype: torch.dtype) -> Example:
    return Example(subject=Blur(noise((3, 2), dtype, device, seed=5), (6, 5), 2, dtype))


def diagonal(device: Device, dtype: torch.dtype) -> Example:
    return Example(subject=Diagonal(noise((2, 5, 1), dtype, device, seed=20), (2, 5, 4)))


def inpainting(device: Device, dtype: torch.dtype) -> Example:
    mask = noise((5, 4), real_dtype(dtype), device, seed=21).clamp(0, 1)
    return Example(subject=build_inpainting(mask, channels=2, dtype=dtype))


def restriction(device: Device, dtype: torch.dtype) -> Example:
    space = Space((2, 5, 4), dtype, torch.device(device))
    return Example(subject=Restriction(space, 1, torch.tensor([3, 0, 1], device=device)))


def downsampling(device: Device, dtype: torch.dtype) -> Example:
    return Example(subject=Downsampling((6, 4), (3, 2), 2, "mean", dtype, torch.device(device)))


def haar(device: Device, dtype: torch.dtype) -> Example:
    return Example(subject=Haar((12, 8), 2, 2, dtype, torch.device(device)))


def gradient_flow_step(device: Device, dtype: torch.dtype) -> Example:
    operator = Dense(noise((7, 12), dtype, device, seed=22), domain_shape=(1, 3, 4), codomain_shape=(7,))
    size = largest_step_size(operator, "softplus", "rk4")
    return Example(subject=GradientFlowStep(operator, noise((7,), dtype, device, seed=23), size, "softplus", "rk4"))
