"""Premises of both theorems about steps along x' = -A* sigma(A x + b)."""

from __future__ import annotations

import math

from ....claims import ASSUMED, BY_CONSTRUCTION, find_claim
from ....operators.moving import basis_of_class
from ....operators.nonlinear.activations import slopes_hold
from ....operators.nonlinear.gradient_flow_step import GradientFlowStep
from ...premises import resting_on
from ...rule import Hypothesis, Premise, Setting
from .._numbers import at_least, at_most


def about_a_step(setting: Setting) -> bool:
    """Exactly that class: what is derived from it may step otherwise."""
    return type(setting.subject) is GradientFlowStep


def the_step(setting: Setting) -> GradientFlowStep:
    assert isinstance(setting.subject, GradientFlowStep)
    return setting.subject


def slack(step: GradientFlowStep, limit: float, remedy: str) -> Premise:
    """h L |A|^2 <= limit, with what would make it hold."""
    ratio = step.ratio()
    return Premise(
        statement=f"h L |A|^2 <= {limit:g}",
        holds=0 <= ratio <= limit,
        basis=step.operator.norm().basis,
        value=ratio,
        bound=limit,
        how=f"h = step_size / {step.num_steps}, L = {step.activation.largest_slope:g}, |A| <= "
        f"{at_most(step.operator.norm().upper)}",
        remedy=remedy if ratio >= 0 else "use a step size >= 0",
    )


def way_out(step: GradientFlowStep, limit: float) -> str:
    """How much shorter the steps must be."""
    ratio = step.ratio()
    if not 0 < limit < ratio < math.inf:
        return "lower the step size"
    size = float(step.step_size) * limit / ratio
    steps = math.ceil(step.num_steps * ratio / limit * 1.001)
    return f"lower step_size below {at_least(size)}, or take num_steps = {steps}"


def _increasing(setting: Setting) -> Premise:
    step = the_step(setting)
    activation = step.activation
    basis = basis_of_class(type(activation))
    return Premise(
        statement=f"{activation!r} is increasing and Lipschitz with constant L",
        holds=slopes_hold(activation),
        basis=basis,
        value=activation.largest_slope,
        how="closed form" if basis is BY_CONSTRUCTION else "it says so, and no slope that was looked at refutes it",
        remedy="keep what was learned of the activation in its range, slopes in [0, 1]",
    )


def _linear(setting: Setting) -> Premise:
    operator = the_step(setting).operator
    claims = operator.claims()
    found = [find_claim(claims, name) for name in ("linear", "adjoint")]
    known = [claim for claim in found if claim is not None]
    premise = Premise(
        statement=f"{operator!r} is linear and its adjoint is exact",
        holds=len(known) == len(found),
        basis=min((claim.basis for claim in known), default=ASSUMED),
        remedy="use an implementation with a matched adjoint",
    )
    return resting_on(premise, operator)


def _bounded(setting: Setting) -> Premise:
    norm = the_step(setting).operator.norm()
    premise = Premise(statement="|A| is bounded", holds=True, basis=norm.basis, value=norm.upper, how=norm.how)
    return resting_on(premise, the_step(setting).operator)


INCREASING = Hypothesis(
    statement="sigma is increasing and Lipschitz with constant L: 0 <= sigma' <= L",
    concerns=("activation", "lipschitz"),
    evaluate=_increasing,
)
LINEAR_A = Hypothesis(
    statement="A is linear and its adjoint is exact", concerns=("linear", "adjoint"), evaluate=_linear
)
BOUNDED_A = Hypothesis(statement="|A| is bounded", concerns=("norm_bound",), evaluate=_bounded)
