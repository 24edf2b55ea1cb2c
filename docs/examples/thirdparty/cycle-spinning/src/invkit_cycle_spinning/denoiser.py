"""Cycle spinning: what shrinkage in a fixed basis does differently at every place, averaged out."""

from __future__ import annotations

import itertools
from typing import ClassVar

import torch
from invkit.claims import BY_CONSTRUCTION, Basis, Claim
from invkit.errors import ConfigError, ShapeError
from invkit.models import Denoiser
from invkit.operators import Haar
from torch import Tensor


class CycleSpinning(Denoiser):
    """D(x) = mean over cyclic shifts T of T* W* shrink(W T x), W the orthonormal Haar transform of ``levels`` levels.

    shrink moves every detail coefficient towards zero by ``factor * noise_std``, complex ones by their magnitude, and
    leaves the approximation alone. All 2^levels shifts along each axis: further ones bring nothing new.
    noise_std: of the call; None is the one given here.

    Each term is the proximal map of threshold * |details of W T x|_1, which is convex, so it is firmly nonexpansive and
    a gradient; so is a mean of such maps.

    Raises: ConfigError if a setting is outside its range; ShapeError if a side of the image is no multiple of 2^levels.
    Source: Coifman, Donoho (1995), Translation-Invariant De-Noising.
    """

    basis: ClassVar[Basis] = BY_CONSTRUCTION

    def __init__(self, noise_std: float, *, factor: float = 1.5, levels: int = 2) -> None:
        super().__init__()
        for name, value in (("noise_std", noise_std), ("factor", factor)):
            if not 0 < value < float("inf"):
                raise ConfigError(f"CycleSpinning: {name} is {value}, expected a positive number. Use one > 0.")
        if isinstance(levels, bool) or not isinstance(levels, int) or not 1 <= levels <= 8:
            raise ConfigError(f"CycleSpinning: levels is {levels!r}, expected a whole number from 1 to 8. Use 2.")
        self.noise_std, self.factor, self.levels = noise_std, factor, levels

    def threshold(self, noise_std: float | Tensor | None = None) -> float | Tensor:
        """By how much each detail coefficient is moved at most."""
        return self.factor * (self.noise_std if noise_std is None else noise_std)

    def forward(self, x: Tensor, noise_std: float | Tensor | None = None) -> Tensor:
        shape, step = tuple(x.shape[2:]), 2**self.levels
        if not shape or any(n % step or n == 0 for n in shape):
            raise ShapeError(
                f"CycleSpinning: image is {shape}, expected sides that are multiples of {step}. "
                "Pad it, or use fewer levels."
            )
        threshold = self.threshold(noise_std)
        if isinstance(threshold, Tensor) and threshold.ndim:
            threshold = threshold.reshape(-1, *(1,) * (x.ndim - 1))
        transform = Haar(shape, self.levels, x.shape[1], x.dtype, x.device)
        dims = tuple(range(2, x.ndim))
        total = torch.zeros_like(x)
        for shift in itertools.product(range(step), repeat=len(dims)):
            low, details = transform.split(transform.forward(x.roll(shift, dims)))
            back = transform.adjoint(low + _shrunk(details, threshold))
            total = total + back.roll([-pixels for pixels in shift], dims)
        return total / step ** len(dims)

    def claims(self) -> tuple[Claim, ...]:
        how = "a mean of proximal maps of convex functions"
        return (
            Claim(property="firmly_nonexpansive", basis=BY_CONSTRUCTION, evidence=how),
            Claim(property="gradient_field", basis=BY_CONSTRUCTION, evidence=how),
        )


def _shrunk(z: Tensor, threshold: float | Tensor) -> Tensor:
    """z (1 - threshold / |z|)_+."""
    size = z.abs()
    kept = (size - threshold).clamp_min(0)
    return z * (kept / torch.where(size > 0, size, 1))
