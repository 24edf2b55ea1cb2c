"""Attacks: where to look for the pair of images that a map stretches most. One idea a file.

None proves anything. Each is blind to something that another sees: white noise meets the average stretch, power
iteration the largest one near an image, ascent the largest of all that lies uphill, structured images the frequency at
which a convolution is largest. A composed map hides the fault of one part behind the others: see ``measures.blocks``.
"""

from __future__ import annotations

from .jacobian_power import jacobian_power
from .neighbours import neighbours
from .random_pairs import local_pairs, random_pairs
from .secant_ascent import secant_ascent
from .structured import structured_pairs
from .target import Attack, Map, Pairs, Target

#: In the order in which they are made: the cheap ones first.
ATTACKS: tuple[Attack, ...] = (
    random_pairs,
    local_pairs,
    structured_pairs,
    neighbours,
    jacobian_power,
    secant_ascent,
)

__all__ = [
    "ATTACKS",
    "Attack",
    "Map",
    "Pairs",
    "Target",
    "jacobian_power",
    "local_pairs",
    "neighbours",
    "random_pairs",
    "secant_ascent",
    "structured_pairs",
]
