"""A gradient step is averaged."""

from __future__ import annotations

from dataclasses import replace

from ....derivations.sectors import averaged_one
from ....solvers.factors import GradientStep
from ...premises import convex, smooth, step_below
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting
from .._numbers import at_most


def _step(setting: Setting) -> GradientStep:
    assert isinstance(setting.subject, GradientStep)
    return setting.subject


def _step_size(setting: Setting) -> Premise:
    step = _step(setting)
    premise = step_below(step.step_size, step.functional, 2.0, strict=True)
    # So close to 2/L that alpha rounds to 1 is not below it.
    return replace(premise, holds=premise.holds and any(one.alpha is not None for one in step.sectors()))


def _conclusion(setting: Setting) -> Conclusion:
    step = _step(setting)
    best = averaged_one(one for one in step.sectors() if one.alpha is not None)
    assert best is not None
    assert best.alpha is not None
    slower = f", and a contraction with {at_most(best.lipschitz)}" if best.lipschitz < 1 else ""
    return Conclusion(
        statement=f"{step.what} is averaged{slower}",
        params={"alpha": best.alpha or 0.5},  # the identity is averaged with any
        value=best.alpha,
        how="tau L / 2",
        part=step.what,
    )


GRADIENT_STEP_AVERAGED = Rule(
    name="gradient-step-averaged",
    statement="a gradient step is averaged",
    formula="id - tau grad f is (tau L / 2)-averaged; a contraction with max(|1 - tau m|, |1 - tau L|) if f is "
    "strongly convex with modulus m",
    source="Baillon, Haddad (1977); Bauschke, Combettes (2011), Proposition 4.33",
    about=lambda setting: type(setting.subject) is GradientStep,
    premises=(
        Hypothesis(statement="f is convex", concerns=("convex",), evaluate=lambda s: convex(_step(s).functional, "f")),
        Hypothesis(
            statement="the gradient of f is Lipschitz with a known constant L",
            concerns=("smooth",),
            evaluate=lambda s: smooth(_step(s).functional, "f"),
        ),
        Hypothesis(statement="the step size lies in (0, 2/L)", concerns=("step_size", "smooth"), evaluate=_step_size),
    ),
    concludes="averaged",
    conclude=_conclusion,
)
