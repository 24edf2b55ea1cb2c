"""Translation-invariant wavelet denoising for invkit."""

from __future__ import annotations
