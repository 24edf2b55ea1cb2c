"""The checks of the core, gathered from the files that hold them by kind."""

from __future__ import annotations

from .check import Check
from .denoiser_checks import DENOISER_CHECKS
from .functional_checks import FUNCTIONAL_CHECKS
from .interface_checks import INTERFACE_CHECKS
from .iteration_checks import ITERATION_CHECKS
from .operator_checks import OPERATOR_CHECKS

#: In the order in which they are asked: what an object claims first, then how it behaves as a part.
CHECKS: tuple[Check, ...] = (
    *OPERATOR_CHECKS,
    *FUNCTIONAL_CHECKS,
    *ITERATION_CHECKS,
    *DENOISER_CHECKS,
    *INTERFACE_CHECKS,
)
