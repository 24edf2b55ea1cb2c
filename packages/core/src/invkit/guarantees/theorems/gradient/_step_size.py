"""The step size that a method of gradients would use, and the premise that it lies below a limit."""

from __future__ import annotations

from ...hypotheses import smooth_part
from ...premises import step_below
from ...rule import Hypothesis, Setting


def step_size(setting: Setting) -> float | None:
    """The step size that would be used, even one that the solver would refuse; None if there is none."""
    given = getattr(setting.solver, "step_size", None)
    if given is not None:
        return float(given)
    lipschitz = smooth_part(setting).smoothness()
    return None if lipschitz is None else setting.solver.step_size_for(setting.problem)  # type: ignore[union-attr]


def step_size_below(limit: float, *, strict: bool) -> Hypothesis:
    """The premise that the step size lies in (0, limit/L), or up to limit/L where ``strict`` is False."""
    return Hypothesis(
        statement=f"the step size lies in (0, {limit:g}/L{')' if strict else ']'}",
        concerns=("step_size", "smooth"),
        evaluate=lambda s: step_below(step_size(s), smooth_part(s), limit, strict=strict),
    )
