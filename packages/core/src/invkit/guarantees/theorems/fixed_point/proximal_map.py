"""The proximal map of a convex functional is firmly nonexpansive."""

from __future__ import annotations

from ....functionals.base import Functional, Proximable
from ....solvers.factors import ProximalStep
from ...premises import convex, proximable
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting
from .._numbers import at_least


def _functional(setting: Setting) -> Functional:
    subject = setting.subject
    found = subject.functional if isinstance(subject, ProximalStep) else subject
    assert isinstance(found, Functional)
    return found


def _about(setting: Setting) -> bool:
    alone = setting.solver is None and isinstance(setting.subject, Proximable)
    return type(setting.subject) is ProximalStep or alone


def _convex(setting: Setting) -> Premise:
    return convex(_functional(setting), "f")


def _exact(setting: Setting) -> tuple[Premise, ...]:
    subject, functional = setting.subject, _functional(setting)
    if isinstance(subject, ProximalStep) and not subject.exact:
        return ()  # it is computed as the minimiser that defines it
    assert isinstance(functional, Proximable)
    return (proximable(functional, "f"),)


def _conclusion(setting: Setting) -> Conclusion:
    modulus, subject = _functional(setting).convexity(), setting.subject
    what = subject.what if isinstance(subject, ProximalStep) else "the proximal map of f"
    if not modulus or modulus < 0:
        return Conclusion(statement=f"{what} is firmly nonexpansive", part=what)
    faster = f"Lipschitz with 1 / (1 + tau m), m >= {at_least(modulus)}"
    statement = f"{what} is firmly nonexpansive and {faster}"
    return Conclusion(statement=statement, value=modulus, lower=True, how="m", part=what)


PROXIMAL_MAP_FIRMLY_NONEXPANSIVE = Rule(
    name="proximal-map-firmly-nonexpansive",
    statement="a proximal map is firmly nonexpansive",
    formula="|P v - P w|^2 <= Re <P v - P w, v - w>, P v = argmin_x f(x) + |x - v|^2 / (2 tau)",
    source="Moreau (1965); with strong convexity Bauschke, Combettes (2011), Proposition 23.11",
    about=_about,
    premises=(
        Hypothesis(statement="f is convex", concerns=("convex",), evaluate=_convex),
        Hypothesis(statement="the proximal map of f is exact", concerns=("prox",), evaluate=_exact),
    ),
    concludes="firmly_nonexpansive",
    conclude=_conclusion,
    further=True,
)
