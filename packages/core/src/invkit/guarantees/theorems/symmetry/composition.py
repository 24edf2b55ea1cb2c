"""A composition of equivariant maps is equivariant."""

from __future__ import annotations

from collections.abc import Iterator

from ....claims import BY_CONSTRUCTION
from ....derivations.symmetry import Action, Moved, largest, motions
from ....operators.algebra import Composition
from ....operators.base import Operator
from ....operators.nonlinear.algebra import NonlinearComposition
from ...premises import resting_on
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting

_KINDS = (Composition, NonlinearComposition)


def _factors(operator: Operator) -> Iterator[Operator]:
    """The maps in the order in which they are applied."""
    if type(operator) in _KINDS:
        assert isinstance(operator, Composition | NonlinearComposition)
        yield from _factors(operator.right)
        yield from _factors(operator.left)
    else:
        yield operator


def _steps(setting: Setting) -> Iterator[tuple[Operator, tuple[str, ...]]]:
    """Each factor with the groups whose motions have come through it; behind the last they move pixels again."""
    whole = setting.subject
    image_shape = whole.domain.shape[1:]
    dims, factors = len(image_shape), tuple(_factors(whole))
    alive: dict[str, Action] = {name: Moved(name, 1, dims) for name in motions(image_shape)}
    behind = len(whole.codomain.shape) - dims
    for number, factor in enumerate(factors, 1):
        carried = {name: factor.carried(action) for name, action in alive.items()}
        alive = {name: action for name, action in carried.items() if action is not None}
        if number == len(factors):
            alive = {name: action for name, action in alive.items() if action == Moved(name, behind, dims)}
        yield factor, largest(tuple(alive), dims)


def _premises(setting: Setting) -> Iterator[Premise]:
    for number, (factor, groups) in enumerate(_steps(setting), 1):
        premise = Premise(
            statement=f"map {number}, {factor!r}, maps moved arguments to moved values",
            holds=bool(groups),
            basis=BY_CONSTRUCTION,
            how=" and ".join(groups) or "no group is known that comes through it",
            remedy="put a map in its place that commutes with a group: a periodic blur, one with a symmetric kernel, a "
            "pointwise function",
        )
        yield resting_on(premise, factor)
        if not groups:
            return  # nothing is left to ask the next map about


def _conclusion(setting: Setting) -> Conclusion:
    *_, (_, groups) = _steps(setting)
    group = " + ".join(groups)
    return Conclusion(statement=f"the composition commutes with {group}", params={"group": group})


COMPOSITION_EQUIVARIANT = Rule(
    name="composition-equivariant",
    statement="a composition of equivariant maps is equivariant",
    formula="F(g x) = g' F(x) and G(g' z) = g'' G(z) for every g imply G(F(g x)) = g'' G(F(x))",
    source="dissertation, Lemma 2.3.1",
    about=lambda setting: type(setting.subject) in _KINDS,
    premises=(
        Hypothesis(
            statement="each map is equivariant, and the group acts on its values as on the arguments of the next",
            concerns=("equivariant", "group"),
            evaluate=_premises,
        ),
    ),
    concludes="equivariant",
    conclude=_conclusion,
    further=True,
)
