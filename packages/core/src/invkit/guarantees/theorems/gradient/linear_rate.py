"""The linear rate of gradient steps where f or g is strongly convex."""

from __future__ import annotations

from ....claims import ASSUMED, find_claim
from ....functionals.base import Functional
from ... import premises
from ...hypotheses import HAS_MINIMISER
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting
from .._numbers import SLACK, at_most, factor
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


def gradient_step_factor(tau: float, modulus: float, lipschitz: float, modulus_of_g: float = 0.0) -> float:
    """q with |x_k - x*| <= q^k |x_0 - x*|; Taylor, Hendrickx, Glineur (2018), and the prox of g."""
    return max(abs(1 - tau * modulus), abs(1 - tau * lipschitz)) / (1 + tau * modulus_of_g)


def modulus_of(functional: Functional) -> float:
    """The modulus of strong convexity that a functional claims, 0 for none; less what rounding may have added."""
    claim = find_claim(functional.claims(), "strongly_convex")
    return 0.0 if claim is None else float(claim.params["modulus"]) * (1 - SLACK)


def _strongly_convex(setting: Setting) -> Premise:
    found = parts(setting)
    known = [(name, part) for name, part in (("f", found.f), ("g", found.g)) if modulus_of(part) > 0]
    if not known:
        return Premise(
            statement="f or g is strongly convex",
            holds=False,
            basis=ASSUMED,
            value=0.0,
            how="no positive modulus is known of either",
            remedy="add a square with a positive weight, such as 1e-3 * SquaredL2()",
        )
    # Either suffices for some rate, but the number rests on each whose modulus is in it.
    claims = [find_claim(part.claims(), "strongly_convex") for _, part in known]
    premise = Premise(
        statement="f or g is strongly convex",
        holds=True,
        basis=min(claim.basis for claim in claims if claim is not None),
        value=sum(modulus_of(part) for _, part in known),
        how=f"modulus of {' and '.join(name for name, _ in known)}",
    )
    return premises.resting_on(premise, *(part for _, part in known))


def _conclusion(setting: Setting) -> Conclusion:
    found = parts(setting)
    assert found.tau is not None
    assert found.lipschitz is not None
    q = factor(gradient_step_factor(found.tau, modulus_of(found.f), found.lipschitz.upper, modulus_of(found.g)))
    rate = f"linearly with factor {at_most(q)}" if q < 1 else "with a factor that rounding hides"
    return Conclusion(
        statement=f"gradient steps: the iterates converge to the only minimiser, {rate}",
        params={"to": "the minimiser"},
        value=q,
        how="max(|1 - tau mu|, |1 - tau L|) / (1 + tau mu_g)",
    )


GRADIENT_LINEAR_RATE = Rule(
    name="gradient-linear-rate",
    statement="gradient steps: the iterates converge linearly to the only minimiser",
    formula="|x_k - x*| <= q^k |x_0 - x*|, q = max(|1 - tau mu|, |1 - tau L|) / (1 + tau mu_g), mu and mu_g the moduli "
    "of f and g",
    source="Taylor, Hendrickx, Glineur (2018), Exact worst-case convergence rates of the proximal gradient method for "
    "composite convex minimization, the rate of the distance; the proximal map of g contracts by 1 / (1 + tau mu_g)",
    about=about_forward_backward,
    premises=(
        F_CONVEX,
        G_CONVEX,
        Hypothesis(statement="f or g is strongly convex", concerns=("strongly_convex",), evaluate=_strongly_convex),
        F_SMOOTH,
        G_PROXIMABLE,
        step_below(2.0, strict=True),
        ADJOINTS,
        HAS_MINIMISER,
    ),
    concludes="convergent",
    conclude=_conclusion,
    further=True,
)
