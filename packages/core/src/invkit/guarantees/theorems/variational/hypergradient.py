"""The error of a hypergradient at an inexact solution has a bound that can be computed."""

from __future__ import annotations

from ...hypotheses import EXACT_ADJOINTS
from ...rule import Conclusion, Rule, Setting
from ._smooth_objective import (
    LIPSCHITZ_HESSIAN,
    STRONGLY_CONVEX_OBJECTIVE,
    TWICE_DIFFERENTIABLE,
    about_an_objective,
    hessian_lipschitz,
)


def _conclusion(setting: Setting) -> Conclusion:
    return Conclusion(
        statement="hypergradient_bound(...) bounds the error in weights of terms, and in centres and weights of "
        "squares, for a loss whose gradient has a known Lipschitz constant",
        params={"what": "hypergradient"},
        value=hessian_lipschitz(setting),
        how="L_H; 0 for a quadratic objective",
        part="the hypergradient",
    )


A_POSTERIORI_HYPERGRADIENT_BOUND = Rule(
    name="a-posteriori-hypergradient-bound",
    statement="the error of a hypergradient at an inexact solution is bounded by numbers that are at hand",
    formula="|g~ - g| <= L_M d |q~| + (|M(x~)| + L_M d) (L_H d |q~| + |r| + L_l d) / m, d = |gradient f(x~)| / m, "
    "r = gradient l(x~) - H(x~) q~",
    source="Ehrhardt, Roberts (2024), Analyzing inexact hypergradients for bilevel learning, the a posteriori bound; "
    "proved in invkit.differentiation.hypergradient_bound",
    about=about_an_objective,
    premises=(STRONGLY_CONVEX_OBJECTIVE, TWICE_DIFFERENTIABLE, LIPSCHITZ_HESSIAN, EXACT_ADJOINTS),
    concludes="error_bounded",
    conclude=_conclusion,
    further=True,
)
