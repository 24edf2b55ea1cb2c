"""What a solver returns: the images, why each stopped, and how it got there."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..errors import ConvergenceError


class Status(enum.Enum):
    """Why the iteration of one image ended."""

    CONVERGED = "converged"
    DUALITY_GAP = "duality gap closed"
    DISCREPANCY = "discrepancy principle met"
    MAX_STEPS = "step budget used up"
    DIVERGED = "diverged (NaN or inf)"
    INTERRUPTED = "interrupted"

    @property
    def is_success(self) -> bool:
        """Whether a rule that was asked for ended it, rather than the budget, the user or an overflow."""
        return self in (Status.CONVERGED, Status.DUALITY_GAP, Status.DISCREPANCY)


@dataclass(frozen=True)
class History:
    """What was measured at each check; the two tables have shape (checks, batch)."""

    steps: tuple[int, ...]
    optimality: Tensor
    objective: Tensor | None


@dataclass(frozen=True, eq=False)
class Solution:
    """The result of ``solve``.

    x: images, (batch, channel, *spatial).   status: one per image.   steps: (batch,), steps taken until its stop.
    optimality: (batch,), the relative residual at that stop.   state: the solver's, to go on from.
    """

    x: Tensor
    status: tuple[Status, ...]
    steps: Tensor
    optimality: Tensor
    history: History
    state: Any
    total_steps: int

    @property
    def converged(self) -> bool:
        """Whether every image met a stopping rule."""
        return all(status.is_success for status in self.status)

    @property
    def interrupted(self) -> bool:
        """Whether the user stopped it."""
        return Status.INTERRUPTED in self.status

    def require_converged(self) -> Solution:
        """This solution.

        Raises: ConvergenceError if an image did not reach the tolerance, saying which and how far it got.
        """
        for index, status in enumerate(self.status):
            if not status.is_success:
                raise ConvergenceError(
                    f"Solution: image {index} is {status.value!r} with relative residual "
                    f"{float(self.optimality[index]):.3g} after {int(self.steps[index])} steps, expected 'converged'. "
                    "Raise max_steps, or loosen rtol."
                )
        return self
