"""What gradient steps never do: raise the objective, or go away from a minimiser."""

from __future__ import annotations

from ...rule import Conclusion, Rule, Setting
from ._forward_backward import (
    ADJOINTS,
    F_CONVEX,
    F_SMOOTH,
    G_CONVEX,
    G_PROXIMABLE,
    about_forward_backward,
    parts,
    step_below,
)


def gradient_step_decrease(step_size: float, lipschitz: float) -> float:
    """c with F(x+) <= F(x) - c |x+ - x|^2: from the descent lemma and the convexity of g; f may be nonconvex."""
    return 1 / step_size - lipschitz / 2


def _descends(setting: Setting) -> Conclusion:
    return Conclusion(
        statement="gradient steps: the objective never increases", value=parts(setting).tau, how="step size"
    )


def _approaches(setting: Setting) -> Conclusion:
    return Conclusion(
        statement="gradient steps: the distance to no minimiser ever increases",
        value=parts(setting).tau,
        how="step size",
    )


GRADIENT_STEPS_DESCEND = Rule(
    name="gradient-steps-descend",
    statement="gradient steps: the objective never increases",
    formula="F(x_k+1) <= F(x_k) - (1/tau - L/2) |x_k+1 - x_k|^2, for tau <= 2/L",
    source="Nesterov (2018), Lectures on Convex Optimization, Lemma 1.2.3, and the convexity of g; f need not be",
    about=about_forward_backward,
    premises=(G_CONVEX, F_SMOOTH, G_PROXIMABLE, step_below(2.0, strict=False), ADJOINTS),
    concludes="descent",
    conclude=_descends,
    further=True,
)

GRADIENT_STEPS_FEJER = Rule(
    name="gradient-steps-fejer",
    statement="gradient steps: the distance to no minimiser ever increases",
    formula="|x_k+1 - x*| <= |x_k - x*| for every minimiser x*, for tau <= 2/L",
    source="id - tau gradient f is nonexpansive (Baillon, Haddad 1977), so is the proximal map, and minimisers are the "
    "fixed points of their composition (Bauschke, Combettes 2011, Chapters 5 and 25)",
    about=about_forward_backward,
    premises=(F_CONVEX, G_CONVEX, F_SMOOTH, G_PROXIMABLE, step_below(2.0, strict=False), ADJOINTS),
    concludes="fejer_monotone",
    conclude=_approaches,
    further=True,
)
