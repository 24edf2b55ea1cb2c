"""Plug-and-Play: proximal gradient with an averaged denoiser, Douglas-Rachford with a firmly nonexpansive one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ....derivations.sectors import rounded_up, theorem_3_2_4
from ....models.plug_and_play import PlugAndPlay
from ....solvers.factors import DouglasRachfordStep, Factor
from ....solvers.fixed_point import KrasnoselskiiMann
from ...hypotheses import EXACT_ADJOINTS
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting
from .._numbers import at_most
from ._existence import HAS_FIXED_POINT
from ._factors import AVERAGED, FIRM, factor_premise, problem_of
from .krasnoselskii_mann import relaxation_of, relaxed, residual_constant, sector_of


def _by(algorithm: str) -> Callable[[Setting], bool]:
    def about(setting: Setting) -> bool:
        subject = setting.subject
        iterated = type(setting.solver) is KrasnoselskiiMann and setting.problem is not None
        return type(subject) is PlugAndPlay and subject.algorithm == algorithm and iterated

    return about


def _parts(setting: Setting) -> tuple[Factor, Factor]:
    """The step on the data fidelity, and the denoiser."""
    factors = problem_of(setting).factors
    last = factors[-1]
    if isinstance(last, DouglasRachfordStep):
        return last.first, last.second
    first, second = factors
    return first, second


def _first(setting: Setting) -> Premise:
    return _part(setting, 0)


def _denoiser(setting: Setting) -> Premise:
    return _part(setting, 1)


def _part(setting: Setting, index: int) -> Premise:
    """A premise without the theorem about the part, which stands below that of Krasnosel'skii and Mann."""
    premise = factor_premise(_parts(setting)[index], FIRM if _is_splitting(setting) else AVERAGED)
    return replace(premise, children=())


def _is_splitting(setting: Setting) -> bool:
    return isinstance(problem_of(setting).factors[-1], DouglasRachfordStep)


def _conclusion(setting: Setting) -> Conclusion:
    best = sector_of(setting)
    assert best is not None
    alpha = rounded_up(best.exact_alpha)
    constant = residual_constant(best.exact_alpha, relaxation_of(setting))
    how = "alpha of T"
    if not _is_splitting(setting):
        alphas = [_first(setting).value, _denoiser(setting).value]
        other = theorem_3_2_4([max(one, 2.0**-60) for one in alphas if one is not None])
        how = f"{how}; the dissertation's Theorem 3.2.4 gives {at_most(other)}"
    return Conclusion(
        statement="Plug-and-Play converges to a fixed point, and "
        f"|T(x_k) - x_k| <= {at_most(constant)} |x_0 - x*| / sqrt(k + 1)",
        params={"to": "a fixed point"},
        value=alpha,
        how=how,
    )


_RELAXED = Hypothesis(
    statement="the relaxation lies in (0, 1/alpha)", concerns=("parameter", "averaged"), evaluate=relaxed
)

PLUG_AND_PLAY_PROXIMAL_GRADIENT = Rule(
    name="plug-and-play-proximal-gradient",
    statement="Plug-and-Play with proximal gradient steps and an averaged denoiser converges to a fixed point",
    formula="x_k -> x* = D(x* - tau A*(A x* - y)), for 0 < tau < 2/L; alpha of T = D (id - tau grad f): "
    "1 / (1 + 1 / (a / (1 - a) + d / (1 - d))) with a = tau L / 2 and a d-averaged D",
    source="Bauschke, Combettes (2011), Proposition 5.15; Combettes, Yamada (2015), Proposition 2.5; dissertation, "
    "section 3.1",
    about=_by("proximal-gradient"),
    premises=(
        Hypothesis(
            statement="the gradient step on the data fidelity is averaged: tau lies in (0, 2/L)",
            concerns=("averaged", "step_size", "smooth"),
            evaluate=_first,
        ),
        Hypothesis(statement="the denoiser D is averaged", concerns=("averaged",), evaluate=_denoiser),
        _RELAXED,
        EXACT_ADJOINTS,
        HAS_FIXED_POINT,
    ),
    concludes="convergent",
    conclude=_conclusion,
    further=True,
)

PLUG_AND_PLAY_DOUGLAS_RACHFORD = Rule(
    name="plug-and-play-douglas-rachford",
    statement="Plug-and-Play with Douglas-Rachford steps and a firmly nonexpansive denoiser converges to a fixed point",
    formula="v_k -> v* with p = D(2 p - v*), p = P v*, for every tau > 0; T = (id + (2 D - id)(2 P - id)) / 2",
    source="Lions, Mercier (1979); Bauschke, Combettes (2011), Proposition 5.15",
    about=_by("douglas-rachford"),
    premises=(
        Hypothesis(
            statement="the proximal map P of the data fidelity is firmly nonexpansive",
            concerns=("firmly_nonexpansive", "convex"),
            evaluate=_first,
        ),
        Hypothesis(
            statement="the denoiser D is firmly nonexpansive", concerns=("firmly_nonexpansive",), evaluate=_denoiser
        ),
        _RELAXED,
        EXACT_ADJOINTS,
        HAS_FIXED_POINT,
    ),
    concludes="convergent",
    conclude=_conclusion,
    further=True,
)
