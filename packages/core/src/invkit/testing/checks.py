"""The checks of the core, gathered from the files that hold them by kind."""

from __future__ import annotations

from .capability_checks import CAPABILITY_CHECKS
from .check import Check
from .functional_checks import FUNCTIONAL_CHECKS
from .history_checks import FIRST_CALL_CHECK, MOVED_CLAIMS_CHECK
from .interface_checks import INTERFACE_CHECKS
from .iteration_checks import ITERATION_CHECKS
from .map_checks import MAP_CHECKS
from .operator_checks import OPERATOR_CHECKS
from .solver_checks import SOLVER_CHECKS
from .state_checks import STATE_CHECKS
from .symmetry_checks import SYMMETRY_CHECKS

#: In the order in which they are asked: what an object claims first, then how it behaves as a part.
CHECKS: tuple[Check, ...] = (
    FIRST_CALL_CHECK,  # before a call of another check is the first
    *OPERATOR_CHECKS,
    *FUNCTIONAL_CHECKS,
    *CAPABILITY_CHECKS,
    *ITERATION_CHECKS,
    *SOLVER_CHECKS,
    *MAP_CHECKS,
    *SYMMETRY_CHECKS,
    *INTERFACE_CHECKS,
    *STATE_CHECKS,
    MOVED_CLAIMS_CHECK,
)
