"""Cycle spinning beside references of its own, and the errors of its author's making."""

from __future__ import annotations

import invkit
import pytest
import torch
from invkit.errors import ConfigError, ShapeError
from invkit.models import Denoiser

from invkit_cycle_spinning.denoiser import CycleSpinning


def noise(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(0))


def test_on_two_pixels_it_is_soft_shrinkage_of_their_difference() -> None:
    p, q, t = 0.9, 0.2, 0.3
    mean, half = (p + q) / 2, (p - q) / 2 - t / 2**0.5  # the coefficient is (p - q) / sqrt(2), for both shifts
    found = CycleSpinning(noise_std=t, factor=1.0, levels=1)(torch.tensor([[[p, q]]], dtype=torch.float64))
    torch.testing.assert_close(found, torch.tensor([[[mean + half, mean - half]]], dtype=torch.float64))


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_it_commutes_with_every_shift_and_keeps_constants(dtype: torch.dtype) -> None:
    denoiser, x = CycleSpinning(0.3), noise(2, 1, 8, 12, dtype=dtype)
    torch.testing.assert_close(denoiser(x.roll((3, 5), (2, 3))), denoiser(x).roll((3, 5), (2, 3)))
    torch.testing.assert_close(denoiser(torch.ones_like(x)), torch.ones_like(x))


def test_it_removes_noise_and_the_level_of_the_call_counts() -> None:
    truth = torch.zeros(1, 1, 32, 32, dtype=torch.float64)
    truth[..., 8:20, 11:25] = 1.0
    noisy = truth + 0.1 * noise(1, 1, 32, 32)
    denoised = CycleSpinning(noise_std=5.0)(noisy, 0.1)
    assert (denoised - truth).norm() < 0.5 * (noisy - truth).norm()
    per_image = CycleSpinning(0.1)(torch.cat([noisy, noisy]), torch.tensor([0.1, 0.2], dtype=torch.float64))
    torch.testing.assert_close(per_image[:1], denoised)


def test_it_is_found_as_one_that_fills_the_role() -> None:
    entries = [entry for entry in invkit.get_registry().entries("model") if entry.spec.role == "denoiser"]
    assert "cycle-spinning/cycle-spinning" in {entry.id for entry in entries}
    assert isinstance(invkit.build("model", "cycle-spinning", noise_std=0.1), Denoiser)


def test_bad_settings_and_sizes_are_refused() -> None:
    with pytest.raises(ConfigError, match="noise_std is -1, expected a positive number"):
        CycleSpinning(-1)
    with pytest.raises(ConfigError, match="levels is 0, expected a whole number"):
        CycleSpinning(1, levels=0)
    with pytest.raises(ShapeError, match=r"image is \(6, 8\), expected sides that are multiples of 4"):
        CycleSpinning(1)(noise(1, 1, 6, 8))
