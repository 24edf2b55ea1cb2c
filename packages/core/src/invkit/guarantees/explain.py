"""``explain``: what is guaranteed of a method and an operator, or of a part alone, before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from ..claims import BY_CONSTRUCTION, Claim, find_claim
from ..errors import ConfigError
from ..functionals.base import Functional
from ..models.adjoint import Adjoint
from ..models.base import IterativeReconstructor, Reconstructor
from ..models.iteratively_regularised import IterativelyRegularised
from ..models.pseudo_inverse import PseudoInverse
from ..operators.base import HasPseudoInverse, LinearOperator
from ..plugins import Registry
from ..solvers.base import Solver
from ..solvers.fixed_point import FixedPointProblem
from ..solvers.problems import Problem
from .claimants import naming_claimants
from .existence import of_numbers
from .node import Node
from .of_measurement import sees_measurement, without_measurement
from .premises import resting_on
from .require import DIRECT
from .rule import Premise, Rule, Setting
from .stated import claim_nodes, limited, limited_by, posed_by_hand, strongest_of
from .theorem_nodes import theorem_nodes

#: A ``Node.part``: what converges where the model itself stops before.
UNSTOPPED = "the iteration without early stopping"


@naming_claimants
def explain(
    subject: Any,
    operator: LinearOperator | None = None,
    y: Tensor | None = None,
    *,
    solver: Solver[Any, Any] | None = None,
    rules: Sequence[Rule] | None = None,
    registry: Registry | None = None,
) -> Node:
    """The tree of what holds: the theorems that speak of the subject, and their premises with their numbers.

    subject: a model, with its operator; an objective or a problem, with the solver that is to solve it; or any object
        that states claims, alone: a functional, an operator, a denoiser.
    y: the measurement of a model. None is zero; where constants may depend on it, as a Lipschitz constant max y / b^2
        or weights by the counts do, every theorem then assumes that they are those of the measurement that comes.
    rules: these instead of those that the registry has, the core's and the plugins'.

    Raises: ShapeError if y does not fit; ConfigError if the solver cannot take the objective, or a model comes without
    operator.
    """
    if isinstance(subject, Reconstructor):
        setting = _of_model(subject, operator, y)
    elif solver is not None:
        problem = subject if isinstance(subject, Problem) else solver.prepare(_objective(subject, solver))
        setting = Setting(subject=subject, solver=solver, problem=problem)
    else:
        setting = Setting(subject=subject, operator=operator)
    theorems, broken = theorem_nodes(setting, rules, registry)
    if setting.problem is not None:
        theorems = tuple(_of_objective(node, setting.problem.objective) for node in theorems)
        theorems = (*theorems, *_claims_of_solver(setting))
    if isinstance(subject, Reconstructor):
        theorems = tuple(limited(node, subject) for node in theorems)
        if y is None and setting.problem is not None and sees_measurement(subject, setting.problem.objective):
            theorems = tuple(limited_by(node, without_measurement()) for node in theorems)
        theorems = tuple(_if_it_goes_on(node, subject) for node in theorems)
    elif isinstance(subject, Problem):
        theorems = tuple(limited_by(node, posed_by_hand(subject)) for node in theorems)
    if setting.problem is None:
        return _closed_form(setting, theorems, broken)
    return _iteration(setting, theorems, broken)


def _of_objective(node: Node, objective: Functional) -> Node:
    """The node of a theorem, as far as the objective is what the solver made of it, and made of numbers.

    A subclass of a sum may have another value than its terms; where data are NaN there is nothing to converge to.
    """
    split = Premise(statement="the objective is what the solver made of it", holds=True, basis=BY_CONSTRUCTION)
    premise = of_numbers(resting_on(split, objective), objective)
    if premise.holds or not node.holds:
        return limited_by(node, premise) if premise.holds else node
    failed = replace(premise, statement="the objective is made of numbers")
    return replace(node, holds=False, basis=None, claim=None, value=None, children=(*node.children, failed.as_node()))


def _claims_of_solver(setting: Setting) -> tuple[Node, ...]:
    """What the solver states of itself on any objective: of the method, beside what converges."""
    assert setting.problem is not None
    objective = setting.problem.objective
    nodes = claim_nodes(setting.solver, objective)
    return tuple(replace(_of_objective(node, objective), further=True) for node in nodes)


def _if_it_goes_on(node: Node, model: Reconstructor) -> Node:
    """What converges is the iteration, from which a model that stops at the noise level departs on purpose."""
    stops = isinstance(model, IterativelyRegularised) and model.noise_std is not None
    if not stops or node.part or node.concludes != "convergent":
        return node
    return replace(node, part=UNSTOPPED)


def _of_model(model: Reconstructor, operator: LinearOperator | None, y: Tensor | None) -> Setting:
    """The problem that the model poses, and its solver; neither for a method without iteration."""
    if operator is None:
        raise ConfigError(
            f"explain: operator of {type(model).__name__} is None, expected the one that it reconstructs with. "
            "Pass explain(model, operator)."
        )
    y = operator.codomain.zeros() if y is None else y
    operator.codomain.check(y, "explain: measurement")
    closed = isinstance(model, PseudoInverse) and isinstance(operator, HasPseudoInverse)
    if closed or not isinstance(model, IterativeReconstructor):
        return Setting(subject=model, operator=operator, y=y)
    solver = model.used_solver()
    return Setting(subject=model, operator=operator, y=y, solver=solver, problem=model.problem(y, operator))


def _objective(subject: Any, solver: Solver[Any, Any]) -> Functional:
    if isinstance(subject, Functional):
        return subject
    raise ConfigError(
        f"explain: subject is {type(subject).__name__}, expected an objective or a problem for "
        f"{type(solver).__name__}. Leave solver out to see what holds of the object alone."
    )


def _iteration(setting: Setting, theorems: tuple[Node, ...], broken: tuple[Node, ...]) -> Node:
    """The tree of a method that iterates: it holds if it converges."""
    subject, solver = setting.subject, setting.solver
    assert setting.problem is not None
    assert solver is not None
    main = tuple(node for node in theorems if not node.further)
    parts = () if setting.operator is None else (setting.operator,)
    part = "" if isinstance(subject, Reconstructor) else "the objective"
    children = (*theorems, *claim_nodes(subject, *parts, part=part), *broken)
    if not main:
        children = (_no_theorem(solver), *children)
    by = f"{type(subject).__name__} by " if isinstance(subject, Reconstructor) else ""
    return Node(
        statement=f"{by}{type(solver).__name__}: {_aim(setting.problem)}",
        holds=any(node.holds for node in main),
        basis=strongest_of(main),
        children=children,
    )


def _aim(problem: Problem) -> str:
    """What the iteration is for."""
    if isinstance(problem, FixedPointProblem):
        return f"find x = T(x), T: {', then '.join(factor.what for factor in problem.factors) or 'a given map'}"
    return f"minimise {problem.objective!r}"


def _closed_form(setting: Setting, theorems: tuple[Node, ...], broken: tuple[Node, ...]) -> Node:
    """The tree of what is computed without iteration: its own claims, and the theorems about it."""
    subject, operator = setting.subject, setting.operator
    claims = list(claim_nodes(subject, *(() if operator is None else (operator,))))
    if isinstance(subject, Reconstructor):
        assert operator is not None
        claims += _of_closed_model(subject, operator)
    if not claims and not theorems:
        remedy = f"let {type(subject).__name__}.claims() say what is known of it"
        claims = [Node(statement="nothing is claimed", holds=False, remedy=remedy)]
    known = (*theorems, *claims)
    direct = isinstance(subject, Reconstructor)
    return Node(
        statement=f"{_name(subject)}: {DIRECT if direct else 'what is known of it'}",
        holds=any(node.holds for node in known),
        basis=strongest_of(known),
        children=(*known, *broken),
    )


def _name(subject: Any) -> str:
    """A functional is its formula; anything else its type."""
    return repr(subject) if isinstance(subject, Functional) else type(subject).__name__


def _of_closed_model(model: Reconstructor, operator: LinearOperator) -> list[Node]:
    """What is known of a linear reconstruction and of a pseudo-inverse in closed form, beside what they claim."""
    found = []
    bound = _lipschitz(model, operator)
    if bound is not None:
        found.append(bound)
    if isinstance(model, PseudoInverse):
        closed = Premise(
            statement="the least-squares solution of smallest norm, in closed form",
            holds=True,
            basis=BY_CONSTRUCTION,
            how=f"{type(operator).__name__} has its pseudo-inverse",
        )
        found.append(limited(resting_on(closed, operator).as_node(), model))
    return found


def _lipschitz(model: Reconstructor, operator: LinearOperator) -> Node | None:
    """|R(y1) - R(y2)| <= |R| |y1 - y2| for a linear R; the number where |R| is known."""
    linear = find_claim(model.claims(), "linear")
    if linear is None or find_claim(model.claims(), "lipschitz") is not None:  # then it says the number itself
        return None
    statement = "errors in y are amplified at most by |R|: |R(y1) - R(y2)| <= |R| |y1 - y2|"
    if not isinstance(model, Adjoint):
        unknown = Premise(statement=statement, holds=True, basis=linear.basis, how="no bound of |R| is known")
        return limited(resting_on(unknown, operator).as_node(), model)
    norm = operator.norm()
    how = f"|A*| = |A|, {norm.how}"
    premise = Premise(statement=statement, holds=True, basis=min(linear.basis, norm.basis), value=norm.upper, how=how)
    node = resting_on(premise, operator).as_node()
    assert node.basis is not None
    claim = Claim(property="lipschitz", params={"constant": norm.upper}, basis=node.basis, evidence=how)
    return limited(replace(node, claim=claim), model)


def _no_theorem(solver: Solver[Any, Any]) -> Node:
    return Node(
        statement=f"no theorem is registered for {type(solver).__name__}",
        holds=False,
        remedy="choose a solver that has one ('invkit list rule' names them), or let a plugin add a rule for this one",
    )
