"""When a variational reconstruction moves with its measurement: only where the operator does."""

from __future__ import annotations

from ....claims import ASSUMED, BY_CONSTRUCTION
from ....derivations.symmetry import Action, Moved, largest, motions
from ....functionals.base import Functional
from ....functionals.data_fidelity import kullback_leibler, l1_fit, least_squares
from ....functionals.indicators import Box
from ....functionals.zero import Zero
from ....models.variational import Variational
from ....operators.base import LinearOperator
from ...premises import resting_on
from ...pure_functions import sees_only_its_arguments
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting


def _about(setting: Setting) -> bool:
    return type(setting.subject) is Variational and setting.operator is not None


def _operator(setting: Setting) -> LinearOperator:
    assert setting.operator is not None
    return setting.operator


def _penalty(setting: Setting) -> Functional:
    """All of the objective but the data fidelity, its weight left out."""
    model, domain = setting.subject, _operator(setting).domain
    penalty = Zero() if model.regulariser is None else model.regulariser(domain)
    return penalty + Box(0.0) if model.nonnegative else penalty


def _all_motions(setting: Setting) -> dict[str, Action]:
    image_shape = _operator(setting).domain.shape[1:]
    return {name: Moved(name, 1, len(image_shape)) for name in motions(image_shape)}


def _of_penalty(setting: Setting) -> tuple[str, ...]:
    penalty = _penalty(setting)
    return tuple(name for name, action in _all_motions(setting).items() if penalty.is_invariant(action))


def _of_operator(setting: Setting) -> dict[str, Action]:
    """Of the groups that leave the penalty alone, those that the operator carries to its codomain, and to what."""
    every, operator = _all_motions(setting), _operator(setting)
    wanted = _of_penalty(setting) or tuple(every)
    carried = {name: operator.carried(every[name]) for name in wanted}
    return {name: action for name, action in carried.items() if action is not None}


def _of_fidelity(setting: Setting) -> tuple[str, ...]:
    """Of those, the ones with F(g' z, g' y) = F(z, y)."""
    fidelity = setting.subject.data_fidelity
    return tuple(name for name, action in _of_operator(setting).items() if _keeps(fidelity, action))


def _keeps(fidelity: object, action: Action) -> bool:
    if fidelity is least_squares or fidelity is l1_fit:  # every action is unitary and moves or turns single entries
        return True
    return fidelity is kullback_leibler and isinstance(action, Moved)


def _named(setting: Setting, names: tuple[str, ...], joined: str) -> str:
    return joined.join(largest(names, len(_operator(setting).domain.shape) - 1))


def _penalty_premise(setting: Setting) -> Premise:
    penalty, names = _penalty(setting), _of_penalty(setting)
    build = setting.subject.regulariser
    pure = build is None or sees_only_its_arguments(build)
    premise = Premise(
        statement=f"J = {penalty!r} is invariant",
        holds=bool(names),
        basis=BY_CONSTRUCTION if pure else ASSUMED,
        how=f"under {_named(setting, names, ' and ')}{'' if pure else ', assumed to be the same for every y'}"
        if names
        else "under no group that is known",
        remedy="take h1 or total_variation(isotropic=False) for reflections and, on square images, quarter turns; "
        "boundary='periodic' for translations; l1 for all permutations",
    )
    return resting_on(premise, penalty)


def _operator_premise(setting: Setting) -> Premise:
    operator, names = _operator(setting), tuple(_of_operator(setting))
    premise = Premise(
        statement=f"A = {operator!r} maps moved images to moved measurements",
        holds=bool(names),
        basis=BY_CONSTRUCTION,
        how=_named(setting, names, " and ") or "no group is known that comes through it",
        remedy="incomplete measurements, such as those of a mask, do not move with the image, and then only the "
        "proximal map of R is equivariant; the whole is for the identity, a periodic blur, a blur with a symmetric "
        "kernel, or a mask that the group leaves alone",
    )
    return resting_on(premise, operator)


def _fidelity_premise(setting: Setting) -> Premise:
    carried = _of_operator(setting)
    names = _of_fidelity(setting)
    fidelity = setting.subject.data_fidelity
    return Premise(
        statement="moving A x and y alike leaves the data fidelity as it is",
        holds=bool(names) or (not carried and fidelity in (least_squares, l1_fit, kullback_leibler)),
        basis=BY_CONSTRUCTION,
        how=getattr(fidelity, "__name__", repr(fidelity)),
        remedy="take least-squares or l1; kullback-leibler where the pixels of the measurement only change places",
    )


def _conclusion(setting: Setting) -> Conclusion:
    names = _of_fidelity(setting)
    group = _named(setting, names, " + ")
    assert setting.problem is not None
    unique = (setting.problem.objective.convexity() or 0) > 0
    who = "the minimiser" if unique else "the set of minimisers"
    return Conclusion(
        statement=f"{who} of the objective for g' y is g times that for y, where A g = g' A and g is in {group}",
        params={"group": group},
        part="the minimisers as a function of y",
    )


EQUIVARIANT_RECONSTRUCTION = Rule(
    name="equivariant-reconstruction",
    statement="a variational reconstruction is equivariant where its operator is",
    formula="A g = g' A and J(g x) = J(x) imply argmin F(A x, g' y) + J(x) = g argmin F(A x, y) + J(x)",
    source="the argument of dissertation, Proposition 2.4.1; that the operator must be equivariant, section 2.4.1",
    about=_about,
    premises=(
        Hypothesis(
            statement="J, the sum of regulariser and constraint, is invariant under a group of motions of the image",
            concerns=("invariant", "group"),
            evaluate=_penalty_premise,
        ),
        Hypothesis(
            statement="for every g of the group there is a unitary g' with A g = g' A",
            concerns=("equivariant", "group"),
            evaluate=_operator_premise,
        ),
        Hypothesis(
            statement="F(g' z, g' y) = F(z, y) for the data fidelity F",
            concerns=("invariant", "data"),
            evaluate=_fidelity_premise,
        ),
    ),
    concludes="equivariant",
    conclude=_conclusion,
    further=True,
)
