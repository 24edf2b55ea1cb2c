"""The noises of the core."""

from __future__ import annotations

from ..spec import Spec
from ._common import COMPLEX, DEVICES

_HOME = "invkit.data.noise"

SPECS: list[Spec] = [
    Spec(
        name="gaussian",
        summary="White real Gaussian noise.",
        target=f"{_HOME}:Gaussian",
        devices=DEVICES,
        dims=(2, 3),
    ),
    Spec(
        name="complex-gaussian",
        summary="White circular complex Gaussian noise.",
        target=f"{_HOME}:ComplexGaussian",
        devices=DEVICES,
        dtypes=COMPLEX,
        dims=(2, 3),
    ),
    Spec(
        name="post-log-poisson",
        summary="Low-dose transmission noise: Poisson counts, then the logarithm.",
        target=f"{_HOME}:PostLogPoisson",
        devices=DEVICES,
    ),
]
