"""A tiny denoiser, for images of two channels that are not square."""

from __future__ import annotations

import torch
from invkit.operators import Space
from invkit.testing import Example

from .denoiser import CycleSpinning


def cycle_spinning(device: torch.device, dtype: torch.dtype) -> Example:
    return Example(subject=CycleSpinning(0.2, levels=1), space=Space((2, 6, 4), dtype, torch.device(device)))
