"""The datasets of the core."""

from __future__ import annotations

from ..spec import Spec
from ._common import COMPLEX, DEVICES

_HOME = "invkit.data.datasets"

SPECS: list[Spec] = [
    Spec(name="ellipses", summary="Random ellipses, seeded.", target=f"{_HOME}:Ellipses", devices=DEVICES),
    Spec(name="shepp-logan", summary="The Shepp-Logan phantom.", target=f"{_HOME}:SheppLogan", devices=DEVICES),
    Spec(
        name="image",
        summary="An image read from a file.",
        target=f"{_HOME}:ImageFile",
        devices=DEVICES,
        dims=(2, 3),
    ),
    Spec(
        name="kspace",
        summary="Multi-coil k-space, fully sampled or not, read from a file.",
        role="multi-coil-fourier-input",
        target=f"{_HOME}:KSpaceFile",
        devices=DEVICES,
        dtypes=COMPLEX,
        dims=(2, 3),
    ),
    Spec(
        name="photograph",
        summary="A photograph that scikit-image ships.",
        target=f"{_HOME}:Photograph",
        devices=DEVICES,
    ),
]
