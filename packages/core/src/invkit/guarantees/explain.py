"""``explain``: what is guaranteed of a method and an operator, before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from ..claims import Basis, Claim, find_claim
from ..errors import InvkitError
from ..functionals.base import Functional
from ..models.adjoint import Adjoint
from ..models.base import IterativeReconstructor, Reconstructor
from ..models.pseudo_inverse import PseudoInverse
from ..operators.base import HasPseudoInverse, LinearOperator
from ..plugins import Registry, get_registry
from ..solvers.base import Solver
from .node import Node
from .rule import Rule, Setting


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
    objective, solver = iteration
    setting = Setting(objective=objective, solver=solver, problem=solver.prepare(objective), operator=operator, y=y)
    found, broken = _rules(registry) if rules is None else (tuple(rules), ())
    applied = tuple(rule.apply(setting) for rule in found if _applies(rule, setting))
    name = f"{type(model).__name__} by {type(solver).__name__}"
    children = (*applied, *_claims_of(model), *broken)
    conclusions = [node for node in applied if node.holds]
    if not applied:
        children = (_no_theorem(solver), *children)
    return Node(
        statement=f"{name}: minimise {objective!r}",
        holds=bool(conclusions),
        basis=max((node.basis for node in conclusions if node.basis is not None), default=None),
        children=children,
    )


def _iteration(model: Reconstructor, operator: LinearOperator, y: Tensor) -> tuple[Functional, Solver[Any, Any]] | None:
    """The objective that the model minimises, and its solver; None for a method without iteration."""
    if not isinstance(model, IterativeReconstructor):
        return None
    if isinstance(model, PseudoInverse) and isinstance(operator, HasPseudoInverse):
        return None
    return model.objective(y, operator), model.used_solver()


def _direct(model: Reconstructor, operator: LinearOperator) -> Node:
    """A method in closed form: its own claims, with a number where one is known."""
    claims = list(_claims_of(model))
    bound = _lipschitz(model, operator)
    if bound is not None:
        claims.append(bound)
    if isinstance(model, PseudoInverse):
        claims.append(
            Node(
                statement="the least-squares solution of smallest norm, in closed form",
                holds=True,
                basis=Basis.BY_CONSTRUCTION,
                how=f"{type(operator).__name__} has its pseudo-inverse",
            )
        )
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


def _claims_of(model: Reconstructor) -> tuple[Node, ...]:
    return tuple(
        Node(
            statement=f"{type(model).__name__} is {claim}",
            holds=True,
            basis=claim.basis,
            claim=claim,
            how=claim.evidence,
            source=claim.source,
        )
        for claim in model.claims()
    )


def _lipschitz(model: Reconstructor, operator: LinearOperator) -> Node | None:
    """|R(y1) - R(y2)| <= |R| |y1 - y2| for a linear R; the number where |R| is known."""
    linear = find_claim(model.claims(), "linear")
    if linear is None:
        return None
    statement = "errors in y are amplified at most by |R|: |R(y1) - R(y2)| <= |R| |y1 - y2|"
    if not isinstance(model, Adjoint):
        return Node(statement=statement, holds=True, basis=linear.basis, how="no bound of |R| is known")
    norm = operator.norm()
    basis = min(linear.basis, norm.basis)
    claim = Claim(
        property="lipschitz", params={"constant": norm.upper}, basis=basis, evidence=f"|A*| = |A|, {norm.how}"
    )
    return Node(
        statement=statement, holds=True, basis=basis, claim=claim, value=norm.upper, how=f"|A*| = |A|, {norm.how}"
    )


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
        remedy="choose a solver of the core, or let a plugin add a rule for this one",
    )
