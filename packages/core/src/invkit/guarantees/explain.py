"""``explain``: what is guaranteed of a method and an operator, before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from ..claims import ASSUMED, BY_CONSTRUCTION, Claim, find_claim
from ..errors import InvkitError
from ..models.adjoint import Adjoint
from ..models.base import IterativeReconstructor, Reconstructor, basis_of_model
from ..models.pseudo_inverse import PseudoInverse
from ..operators.base import HasPseudoInverse, LinearOperator
from ..plugins import Registry, get_registry
from ..solvers.base import Solver
from ..solvers.fixed_point import FixedPointProblem
from ..solvers.problems import Problem
from .node import Node
from .premises import resting_on
from .rule import Premise, Rule, Setting


def explain(
    model: Reconstructor,
    operator: LinearOperator,
    y: Tensor | None = None,
    *,
    rules: Sequence[Rule] | None = None,
    registry: Registry | None = None,
) -> Node:
    """The tree of what holds: the model, the theorems about its solver, and their premises with their numbers.

    y: the measurement; None is zero, which changes no premise of the core's theorems.
    rules: these instead of those that the registry has, the core's and the plugins'.

    Raises: ShapeError if y does not fit; ConfigError if the solver cannot take the objective.
    """
    y = operator.codomain.zeros() if y is None else y
    operator.codomain.check(y, "explain: measurement")
    iteration = _iteration(model, operator, y)
    if iteration is None:
        return _direct(model, operator)
    problem, solver = iteration
    setting = Setting(objective=problem.objective, solver=solver, problem=problem, operator=operator, y=y)
    found, broken = _rules(registry) if rules is None else (tuple(rules), ())
    applied = tuple(_limited(rule.apply(setting), model) for rule in found if _applies(rule, setting))
    name = f"{type(model).__name__} by {type(solver).__name__}"
    children = (*applied, *_claims_of(model, operator), *broken)
    conclusions = [node for node in applied if node.holds]
    if not applied:
        children = (_no_theorem(solver), *children)
    return Node(
        statement=f"{name}: {_aim(problem)}",
        holds=bool(conclusions),
        basis=max((node.basis for node in conclusions if node.basis is not None), default=None),
        children=children,
    )


def _aim(problem: Problem) -> str:
    """What the iteration is for."""
    if isinstance(problem, FixedPointProblem):
        return f"find x = T(x), T: {', then '.join(factor.what for factor in problem.factors) or 'a given map'}"
    return f"minimise {problem.objective!r}"


def _iteration(model: Reconstructor, operator: LinearOperator, y: Tensor) -> tuple[Problem, Solver[Any, Any]] | None:
    """The problem that the model poses, and its solver; None for a method without iteration."""
    if not isinstance(model, IterativeReconstructor):
        return None
    if isinstance(model, PseudoInverse) and isinstance(operator, HasPseudoInverse):
        return None
    return model.problem(y, operator), model.used_solver()


def _direct(model: Reconstructor, operator: LinearOperator) -> Node:
    """A method in closed form: its own claims, with a number where one is known."""
    claims = list(_claims_of(model, operator))
    bound = _lipschitz(model, operator)
    if bound is not None:
        claims.append(bound)
    if isinstance(model, PseudoInverse):
        closed = Premise(
            statement="the least-squares solution of smallest norm, in closed form",
            holds=True,
            basis=BY_CONSTRUCTION,
            how=f"{type(operator).__name__} has its pseudo-inverse",
        )
        claims.append(_limited(resting_on(closed, operator).as_node(), model))
    if not claims:
        claims = [
            Node(
                statement="nothing is claimed",
                holds=False,
                remedy=f"let {type(model).__name__}.claims() say what is known of it",
            )
        ]
    holding = [node.basis for node in claims if node.holds and node.basis is not None]
    return Node(
        statement=f"{type(model).__name__}: computed without iteration",
        holds=bool(holding),
        basis=max(holding, default=None),
        children=tuple(claims),
    )


def _claims_of(model: Reconstructor, operator: LinearOperator) -> tuple[Node, ...]:
    """What the model states of itself, no stronger than its class and the operator are known."""
    return tuple(_claim_node(model, operator, claim) for claim in model.claims())


def _claim_node(model: Reconstructor, operator: LinearOperator, claim: Claim) -> Node:
    stated = Premise(statement=f"{type(model).__name__} is {claim}", holds=True, basis=claim.basis, how=claim.evidence)
    node = resting_on(stated, operator).as_node()
    assert node.basis is not None
    return _limited(replace(node, claim=replace(claim, basis=node.basis), source=claim.source), model)


def _limited(node: Node, model: Reconstructor) -> Node:
    """The node, no stronger than it is known that the model does what it says; see ``basis_of_model``."""
    known, name = basis_of_model(model), type(model).__name__
    if known is BY_CONSTRUCTION or not node.holds or node.basis is None:
        return node
    basis = min(node.basis, known)
    premise = Premise(
        statement=f"calling {name} does what its objective, solver and claims say",
        holds=True,
        basis=known,
        how="" if known > ASSUMED else f"{name} does not state that it is by construction",
        remedy=f"the author of {name} would state it in the class: basis: ClassVar[Basis] = BY_CONSTRUCTION",
    )
    claim = None if node.claim is None else replace(node.claim, basis=basis)
    return replace(node, basis=basis, claim=claim, children=(*node.children, premise.as_node()))


def _lipschitz(model: Reconstructor, operator: LinearOperator) -> Node | None:
    """|R(y1) - R(y2)| <= |R| |y1 - y2| for a linear R; the number where |R| is known."""
    linear = find_claim(model.claims(), "linear")
    if linear is None:
        return None
    statement = "errors in y are amplified at most by |R|: |R(y1) - R(y2)| <= |R| |y1 - y2|"
    if not isinstance(model, Adjoint):
        unknown = Premise(statement=statement, holds=True, basis=linear.basis, how="no bound of |R| is known")
        return _limited(resting_on(unknown, operator).as_node(), model)
    norm = operator.norm()
    how = f"|A*| = |A|, {norm.how}"
    premise = Premise(statement=statement, holds=True, basis=min(linear.basis, norm.basis), value=norm.upper, how=how)
    node = resting_on(premise, operator).as_node()
    assert node.basis is not None
    claim = Claim(property="lipschitz", params={"constant": norm.upper}, basis=node.basis, evidence=how)
    return _limited(replace(node, claim=claim), model)


def _rules(registry: Registry | None) -> tuple[tuple[Rule, ...], tuple[Node, ...]]:
    """The registered rules, and a node for each that could not be loaded."""
    registry = registry or get_registry()
    found, broken = [], []
    for entry in registry.entries("rule"):
        try:
            rule = registry.load(entry)
        except InvkitError as error:
            broken.append(_broken(entry.id, str(error)))
            continue
        if isinstance(rule, Rule):
            found.append(rule)
        else:
            broken.append(_broken(entry.id, f"target is {type(rule).__name__}, expected an invkit.guarantees.Rule"))
    return tuple(found), tuple(broken)


def _applies(rule: Rule, setting: Setting) -> bool:
    try:
        return bool(rule.applies_to(setting))
    except Exception:  # then ``apply`` meets it too, and reports it
        return True


def _broken(name: str, reason: str) -> Node:
    return Node(
        statement=f"rule {name}", holds=False, error=" ".join(reason.split()), remedy="run 'invkit plugins doctor'"
    )


def _no_theorem(solver: Solver[Any, Any]) -> Node:
    return Node(
        statement=f"no theorem is registered for {type(solver).__name__}",
        holds=False,
        remedy="choose a solver that has one ('invkit list rule' names them), or let a plugin add a rule for this one",
    )
