"""The one loop: every iterative method runs here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ..errors import ConfigError
from ..functionals.base import Functional
from .base import Optimality, Solver, select
from .problems import Problem
from .solution import History, Solution, Status
from .stopping import StoppingRule

Callback = Callable[[int, Any], None]


def solve(
    objective: Functional | Problem,
    solver: Solver[Any, Any],
    x0: Tensor | None = None,
    *,
    atol: float = 0.0,
    rtol: float = 1e-4,
    max_steps: int = 1000,
    check_every: int = 10,
    stop_when: Sequence[StoppingRule] = (),
    state: Any = None,
    record_objective: bool = False,
    callback: Callback | None = None,
    progress: bool = False,
) -> Solution:
    """Minimise an objective: x* with residual(x*) <= atol + rtol * scale, each image by its own residual.

    objective: a sum of functionals, or a problem in the solver's form.   x0: start; zeros if None.
    check_every: the residual is looked at after so many steps (and after the last). Only then does the host wait for
        the device; an image stops at the first check it passes and is held there while the others go on, so its
        result is the one it has alone.
    stop_when: further rules, such as ``Discrepancy``; an image stops by the first that it meets, and its status says
        which. ``rtol = atol = 0`` leaves the stopping to them.
    state: a solver state to go on from (``solution.state``) instead of x0.
    record_objective: keep the objective at each check; it may cost an operator call.
    callback: called as ``callback(step, state)`` at each check.   progress: a bar on stderr.

    Autograd follows the steps if a tensor of the problem requires it. Ctrl-C ends the loop and returns what there is,
    with status ``INTERRUPTED``.

    Raises: ConfigError if a setting is outside its range; ShapeError or DataError for input that does not fit.
    """
    check_settings(atol, rtol, max_steps, check_every)
    if not isinstance(objective, Functional | Problem):
        raise ConfigError(f"solve: objective is {objective!r}, expected a Functional. Build it, as least_squares does.")
    if not isinstance(solver, Solver):
        raise ConfigError(f"solve: solver is {solver!r}, expected a Solver. Make one, such as PDHG().")
    if state is not None and x0 is not None:
        raise ConfigError("solve: both x0 and state are given, expected one. Drop x0 to go on from the state.")
    problem = solver.prepare(objective) if isinstance(objective, Functional) else objective
    if not isinstance(problem, solver.form):
        raise ConfigError(
            f"solve: problem is a {type(problem).__name__}, expected a {solver.form.__name__} for "
            f"{type(solver).__name__}. Pass the objective, and the solver prepares it."
        )
    current = solver.init(problem, x0) if state is None else state
    stop = _Stopping(solver, problem, atol, rtol, tuple(stop_when), record_objective)
    bar = tqdm(total=max_steps, desc=type(solver).__name__, unit="step", leave=False, disable=not progress)
    step = 0
    try:
        while step < max_steps:
            current = solver.step(problem, current)
            step += 1
            if step % check_every == 0 or step == max_steps:
                finished = stop.check(step, current)
                bar.set_postfix_str(f"residual {stop.worst:.1e}", refresh=False)
                bar.update(step - bar.n)
                if callback is not None:
                    callback(step, current)
                if finished:
                    break
    except KeyboardInterrupt:
        stop.interrupted = True
    finally:
        bar.close()
    return stop.solution(step, current)


class _Stopping:
    """Per-image stopping: which images are done, their states at that moment, and the history."""

    def __init__(
        self,
        solver: Any,
        problem: Any,
        atol: float,
        rtol: float,
        rules: tuple[StoppingRule, ...],
        record_objective: bool,
    ) -> None:
        self.solver, self.problem = solver, problem
        self.atol, self.rtol, self.record_objective = atol, rtol, record_objective
        self.rules = rules
        #: What an image is called that stopped for the reason of that number.
        self.reasons = (Status.DIVERGED, Status.CONVERGED, *(rule.status for rule in rules))
        self.interrupted = False
        self.worst = float("inf")
        self.kept: Any = None
        self.done: Tensor | None = None
        self.reason: Tensor
        self.stopped_at: Tensor
        self.reached: Tensor
        self.steps: list[int] = []
        self.relative: list[Tensor] = []
        self.objective: list[Tensor] = []

    def check(self, step: int, state: Any) -> bool:
        """Record this step; whether every image is done."""
        with torch.no_grad():
            found: Optimality = self.solver.optimality(self.problem, state)
            relative = found.relative
            if self.done is None:
                self.done = torch.zeros_like(relative, dtype=torch.bool)
                self.reason = torch.zeros_like(relative, dtype=torch.long)
                self.stopped_at = torch.zeros_like(relative, dtype=torch.long)
                self.reached = torch.full_like(relative, float("inf"))
            broken = ~torch.isfinite(found.residual + found.scale)
            reason = torch.full_like(self.reason, -1)
            # The first rule that holds gives its name, so that they are written from the last to the first.
            for number in reversed(range(len(self.rules))):
                met = self.rules[number].passed(self.solver, self.problem, state)
                reason = torch.where(met, number + 2, reason)
            reason = torch.where(found.residual <= self.atol + self.rtol * found.scale, 1, reason)
            reason = torch.where(broken, 0, reason)
            newly = (reason >= 0) & ~self.done
            going = ~self.done
            self.reached = torch.where(going, relative, self.reached)
            self.stopped_at = torch.where(going, step, self.stopped_at)
            self.reason = torch.where(newly, reason, self.reason)
            self.steps.append(step)
            self.relative.append(self.reached)
            if self.record_objective:
                value = self.solver.objective(self.problem, state)
                self.objective.append(torch.where(going, value, self.objective[-1]) if self.objective else value)
            done = self.done | newly
            # The one wait for the device: three numbers come back together.
            any_new, all_done, worst = torch.stack(
                [newly.any().double(), done.all().double(), _max(self.reached).double()]
            ).tolist()
        if any_new:
            kept = state if self.kept is None else select(newly, state, self.kept)
            # Together and after the wait, in which Ctrl-C is most likely: no image is done whose state is not kept.
            self.kept, self.done = kept, done
        self.worst = worst
        return bool(all_done)

    def solution(self, step: int, state: Any) -> Solution:
        """The final solution: stopped images as they were at their stop, the others as they are."""
        if self.done is None:  # interrupted before the first check
            x = self.solver.solution(state)
            self.done = torch.zeros(len(x), dtype=torch.bool, device=x.device)
            self.reason = torch.zeros_like(self.done, dtype=torch.long)
            self.stopped_at = torch.full((len(x),), step, device=x.device)
            self.reached = torch.full((len(x),), float("inf"), device=x.device)
        if self.kept is not None:
            state = select(~self.done, state, self.kept)  # counters are those of the images that went on
        stopped_at = torch.where(self.done, self.stopped_at, step)
        unfinished = Status.INTERRUPTED if self.interrupted else Status.MAX_STEPS
        status = tuple(
            self.reasons[reason] if done else unfinished
            for done, reason in zip(self.done.tolist(), self.reason.tolist(), strict=True)
        )
        table = torch.stack(self.relative).cpu() if self.relative else torch.empty(0, len(status))
        values = torch.stack(self.objective).detach().cpu() if self.objective else None
        return Solution(
            x=self.problem.image(self.solver.solution(state)),
            status=status,
            steps=stopped_at.cpu(),
            optimality=self.reached.cpu(),
            history=History(tuple(self.steps), table, values),
            state=state,
            total_steps=step,
        )


def _max(values: Tensor) -> Tensor:
    return values.max() if values.numel() else values.new_zeros(())


def check_settings(atol: float, rtol: float, max_steps: int, check_every: int) -> None:
    """Raises: ConfigError if a tolerance is negative or not finite, or a count is not a whole number >= 1."""
    for name, value in (("atol", atol), ("rtol", rtol)):
        if not 0 <= value < float("inf"):
            raise ConfigError(f"solve: {name} is {value}, expected a finite number >= 0. Use 1e-4 for images.")
    for name, count in (("max_steps", max_steps), ("check_every", check_every)):
        if not float(count).is_integer() or count < 1:
            raise ConfigError(f"solve: {name} is {count}, expected a whole number >= 1. Use the default.")
