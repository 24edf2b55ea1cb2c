"""Tiny regularisers: in float64 on images of two channels, even by odd; in float32 on one channel, odd and square.

One size for each precision, because the probes of a proximal map are the longest of all checks.
"""

from __future__ import annotations

import functools

import torch

from ...functionals import regularisers
from ...operators import Space
from ..cases import Example
from ._problems import Device, is_single, noise


def l1(device: Device, dtype: torch.dtype) -> Example:
    return _regulariser(regularisers.l1, device, dtype)


def group_l1(device: Device, dtype: torch.dtype) -> Example:
    return _regulariser(regularisers.group_l1, device, dtype)


def smoothed_l1(device: Device, dtype: torch.dtype) -> Example:
    return _regulariser(functools.partial(regularisers.smoothed_l1, gamma=0.3), device, dtype)


def nuclear_norm(device: Device, dtype: torch.dtype) -> Example:
    return _regulariser(regularisers.nuclear_norm, device, dtype)


def simplex(device: Device, dtype: torch.dtype) -> Example:
    return _regulariser(functools.partial(regularisers.simplex, total=1.7), device, dtype)


def tv(device: Device, dtype: torch.dtype) -> Example:
    return _regulariser(regularisers.total_variation, device, dtype)


def huber_tv(device: Device, dtype: torch.dtype) -> Example:
    return _regulariser(functools.partial(regularisers.huber_tv, delta=0.3), device, dtype)


def smoothed_tv(device: Device, dtype: torch.dtype) -> Example:
    return _regulariser(functools.partial(regularisers.smoothed_tv, gamma=0.3), device, dtype)


def vector_tv(device: Device, dtype: torch.dtype) -> Example:
    return _regulariser(regularisers.vector_tv, device, dtype)


def nuclear_tv(device: Device, dtype: torch.dtype) -> Example:
    return _regulariser(regularisers.nuclear_tv, device, dtype)


def directional_tv(device: Device, dtype: torch.dtype) -> Example:
    reference = noise(_shape(dtype)[1:], dtype, device, seed=3)
    return _regulariser(functools.partial(regularisers.directional_tv, reference=reference), device, dtype)


def tgv(device: Device, dtype: torch.dtype) -> Example:
    return _regulariser(functools.partial(regularisers.tgv, weights=(1.7, 0.9)), device, dtype)


def h1(device: Device, dtype: torch.dtype) -> Example:
    return _regulariser(regularisers.h1, device, dtype)


def squared_l2(device: Device, dtype: torch.dtype) -> Example:
    return _regulariser(regularisers.squared_l2, device, dtype)


def nonnegativity(device: Device, dtype: torch.dtype) -> Example:
    return _regulariser(regularisers.nonnegativity, device, dtype)


def _regulariser(factory: object, device: Device, dtype: torch.dtype) -> Example:
    space = Space(_shape(dtype), dtype, torch.device(device))
    return Example(subject=factory(space), space=space)  # type: ignore[operator]


def _shape(dtype: torch.dtype) -> tuple[int, ...]:
    return (1, 5, 5) if is_single(dtype) else (2, 4, 3)
