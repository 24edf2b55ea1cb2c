"""Random numbers: one seed, and an independent stream for each use of it."""

from __future__ import annotations

import zlib

import numpy as np
import torch


def stream(seed: int, purpose: str) -> torch.Generator:
    """A generator for one purpose. Two purposes of one seed share nothing: their draws are independent.

    One generator for all would not do: in float64, torch draws uniform and normal numbers from the same bits, and noise
    that shares its seed with a random sampling pattern is larger where samples are taken.
    """
    words = np.random.SeedSequence([seed, zlib.crc32(purpose.encode())]).generate_state(2, np.uint32)
    return torch.Generator().manual_seed(int(words[0]) << 31 | int(words[1]) >> 1)
