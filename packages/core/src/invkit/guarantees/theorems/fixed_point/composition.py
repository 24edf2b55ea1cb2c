"""How averaged a composition of averaged maps is."""

from __future__ import annotations

from collections.abc import Iterator

from ....claims import ASSUMED
from ....derivations.sectors import averaged_one, composed_averagedness, strongest, theorem_3_2_4
from ....operators.base import Operator
from ....operators.nonlinear.algebra import NonlinearComposition
from ....operators.nonlinear.sectors import sectors_of
from ....solvers.fixed_point import FixedPointProblem
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting
from .._numbers import at_most
from ._factors import factor_premise


def _about(setting: Setting) -> bool:
    subject = setting.subject
    problem = isinstance(subject, FixedPointProblem) and setting.solver is None and len(subject.factors) > 1
    return problem or (
        type(subject) is NonlinearComposition and all(one.domain == one.codomain for one in _maps(subject))
    )


def _maps(operator: Operator) -> Iterator[Operator]:
    """The maps of a composition, the first applied first."""
    if isinstance(operator, NonlinearComposition):
        yield from _maps(operator.right)
        yield from _maps(operator.left)
    else:
        yield operator


def _operator_premise(operator: Operator) -> Premise:
    known = sectors_of(operator)
    best, largest = averaged_one(one for one in known if one.alpha is not None), strongest(known)
    return Premise(
        statement=f"{operator!r}: averaged",
        holds=best is not None,
        basis=ASSUMED if best is None else best.basis,
        value=best.alpha if best is not None else None if largest is None else largest.lipschitz,
        bound=1.0,
        how="nothing that helps is known" if largest is None else f"Lipschitz with {at_most(largest.lipschitz)}",
        remedy="average it with the identity, or scale it down",
    )


def _every_map(setting: Setting) -> tuple[Premise, ...]:
    subject = setting.subject
    if isinstance(subject, FixedPointProblem):
        return tuple(factor_premise(factor) for factor in subject.factors)
    return tuple(_operator_premise(operator) for operator in _maps(subject))


def _alphas(setting: Setting) -> list[float]:
    """Of the maps that are averaged; 0 is the identity."""
    return [premise.value for premise in _every_map(setting) if premise.holds and premise.value is not None]


def _below_one(setting: Setting) -> tuple[Premise, ...]:
    """A premise only where it fails: maps so close to nonexpansive that the number rounds to 1."""
    alphas = _alphas(setting)
    if not alphas or composed_averagedness(alphas) < 1:
        return ()
    return (
        Premise(
            statement="alpha, rounded up, is below 1",
            holds=False,
            basis=ASSUMED,
            value=1.0,
            bound=1.0,
            remedy="use maps that are more averaged",
        ),
    )


def _conclusion(setting: Setting) -> Conclusion:
    alphas = _alphas(setting)
    alpha = composed_averagedness(alphas)
    other = theorem_3_2_4([max(one, _IDENTITY) for one in alphas])
    return Conclusion(
        statement="the composition is averaged",
        params={"alpha": alpha or 0.5},  # the identity is averaged with any
        value=alpha,
        how=f"alpha; the formula of the dissertation's Theorem 3.2.4 gives {at_most(other)}",
        part="the composition",
    )


#: The formula of Theorem 3.2.4 divides by alpha; the identity is averaged with any.
_IDENTITY = 2.0**-60


COMPOSITION_AVERAGED = Rule(
    name="composition-averaged",
    statement="a composition of averaged maps is averaged",
    formula="alpha = 1 / (1 + 1 / sum_i alpha_i / (1 - alpha_i)) <= m / (m - 1 + min_i 1 / alpha_i)",
    source="Combettes, Yamada (2015), Proposition 2.5; the larger number: the dissertation's Theorem 3.2.4, which is "
    "Bauschke, Combettes (2011), Proposition 4.32",
    about=_about,
    premises=(
        Hypothesis(statement="every map is averaged", concerns=("averaged",), evaluate=_every_map),
        Hypothesis(statement="alpha, rounded up, is below 1", concerns=("averaged",), evaluate=_below_one),
    ),
    concludes="averaged",
    conclude=_conclusion,
)
