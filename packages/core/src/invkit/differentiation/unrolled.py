"""Unrolling: autograd through the steps of a solver, in bounded memory."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ..errors import ConfigError
from ..functionals.base import Functional
from ..solvers.base import Solver
from ..solvers.solution import History, Solution, Status
from .base import Differentiation, check_count, detached


@dataclass(frozen=True)
class Unrolled(Differentiation):
    """The derivative of the iterate after ``num_steps`` steps of the solver, which is what is computed, exactly.

    checkpoint_every: states are kept only after so many steps, and the steps between are done again on the way back:
        the same gradient from num_steps / checkpoint_every states and the graph of checkpoint_every steps, for one more
        pass. ``"sqrt"`` is ceil(sqrt(num_steps)), with which memory grows like that. None keeps everything.
    last: only the last so many steps are differentiated, as if the state before them were given; None is all of them.
        The error decays like the rate of the solver to that power.

    Every image takes all the steps, so that its status is MAX_STEPS. Step sizes that were computed from norms count as
    given numbers: they have no part in the limit.

    Raises: ConfigError if a count is not a whole number >= 1, or ``last`` is larger than num_steps.
    Source: Griewank, Walther (2008), Evaluating Derivatives, chapter 12, for checkpoints; Shaban et al. (2019)
    for ``last``.
    """

    num_steps: int
    checkpoint_every: int | str | None = None
    last: int | None = None

    def __post_init__(self) -> None:
        check_count(self.num_steps, "num_steps", "Unrolled")
        if isinstance(self.checkpoint_every, str):
            if self.checkpoint_every != "sqrt":
                raise ConfigError(
                    f"Unrolled: checkpoint_every is {self.checkpoint_every!r}, expected a whole number, 'sqrt' or "
                    "None. Choose one."
                )
        elif self.checkpoint_every is not None:
            check_count(self.checkpoint_every, "checkpoint_every", "Unrolled")
        if self.last is not None:
            check_count(self.last, "last", "Unrolled")
            if self.last > self.num_steps:
                raise ConfigError(
                    f"Unrolled: last is {self.last}, expected at most num_steps = {self.num_steps}. Lower it."
                )

    def solve(
        self,
        objective: Functional,
        solver: Solver[Any, Any],
        x0: Tensor | None,
        theta: Iterable[Tensor] | nn.Module,
        settings: dict[str, Any],
    ) -> Solution:
        if settings:
            raise ConfigError(
                f"Unrolled: settings of solve are {', '.join(settings)}, expected none, for every image takes all "
                "steps. Say how many with Unrolled(num_steps)."
            )
        problem = solver.prepare(objective)
        state = solver.init(problem, x0)
        differentiated = self.num_steps if self.last is None else self.last
        if differentiated < self.num_steps:
            with torch.no_grad():
                state = detached(_steps(solver, problem, state, self.num_steps - differentiated))
        taken, segment = 0, self._segment(differentiated)
        while taken < differentiated:
            count = min(segment, differentiated - taken)
            if segment < differentiated and torch.is_grad_enabled():
                state = checkpoint(_steps, solver, problem, state, count, use_reentrant=False, preserve_rng_state=False)
            else:
                state = _steps(solver, problem, state, count)
            taken += count
        return finished(solver, problem, state, self.num_steps)

    def _segment(self, steps: int) -> int:
        if self.checkpoint_every is None:
            return steps
        return math.ceil(math.sqrt(steps)) if isinstance(self.checkpoint_every, str) else self.checkpoint_every


def finished(solver: Solver[Any, Any], problem: Any, state: Any, steps: int) -> Solution:
    """The solution in a state after so many steps, for a budget without a tolerance."""
    x = problem.image(solver.solution(state))
    with torch.no_grad():
        relative = solver.optimality(problem, state).relative.cpu()
    return Solution(
        x=x,
        status=(Status.MAX_STEPS,) * len(x),
        steps=torch.full((len(x),), steps),
        optimality=relative,
        history=History((steps,), relative.unsqueeze(0), None),
        state=state,
        total_steps=steps,
    )


def _steps(solver: Solver[Any, Any], problem: Any, state: Any, count: int) -> Any:
    for _ in range(count):
        state = solver.step(problem, state)
    return state
