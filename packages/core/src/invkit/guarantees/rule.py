"""Rule: a theorem. Premises that are evaluated on a method and an operator, and the conclusion they allow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..claims import Basis, Claim
from ..functionals.base import Functional
from ..operators.base import LinearOperator
from ..solvers.base import Solver
from ..solvers.problems import Problem
from .node import Node


@dataclass(frozen=True, eq=False, kw_only=True)
class Setting:
    """What a rule looks at: the objective, the solver, and the problem in the solver's form."""

    objective: Functional
    solver: Solver[Any, Any]
    problem: Problem
    operator: LinearOperator | None = None
    y: Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class Premise:
    """One hypothesis of a theorem, evaluated.

    statement: the hypothesis.   holds: whether it does.   basis: how strongly that is known.
    value, bound, how: its number, what it is compared with, and where the number comes from.
    remedy: what to change if it does not hold.
    """

    statement: str
    holds: bool
    basis: Basis
    value: float | None = None
    bound: float | None = None
    how: str = ""
    remedy: str = ""

    def as_node(self) -> Node:
        return Node(
            statement=self.statement,
            holds=self.holds,
            basis=self.basis if self.holds else None,
            value=self.value,
            bound=self.bound,
            how=self.how,
            remedy=self.remedy,
        )


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """What a theorem says of this setting: a statement, the claim it amounts to, and its leading number.

    params: parameters of the claim.   formula, source: where they differ from the rule's, for a special case.
    """

    statement: str
    property: str
    params: dict[str, Any]
    value: float | None = None
    how: str = ""
    formula: str = ""
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A theorem about one type of solver, its subclasses left out; a plugin adds its own by ``invkit_rules``.

    name: lower case with hyphens.   statement: the theorem in a sentence.   formula: its inequality.
    source: publication and number.   solver: the type of solver it is about; a
    subclass may step otherwise.
    premises: the hypotheses, evaluated; all of them, so that every one that fails is named.
    conclude: the conclusion, asked for only if all premises hold.
    """

    name: str
    statement: str
    formula: str
    source: str
    solver: type
    premises: Callable[[Setting], tuple[Premise, ...]]
    conclude: Callable[[Setting], Conclusion]

    def applies_to(self, setting: Setting) -> bool:
        return type(setting.solver) is self.solver

    def apply(self, setting: Setting) -> Node:
        """The node of this theorem. A rule that raises is a node that says so, and no other node suffers."""
        try:
            premises = self.premises(setting)
            children = tuple(premise.as_node() for premise in premises)
            if not all(premise.holds for premise in premises):
                return self._node(children)
            conclusion = self.conclude(setting)
            # A conclusion is as strong as the weakest of its premises.
            basis = min((premise.basis for premise in premises), default=Basis.BY_CONSTRUCTION)
            claim = Claim(
                property=conclusion.property,
                params=conclusion.params,
                basis=basis,
                evidence=conclusion.statement,
                source=conclusion.source or self.source,
            )
        except Exception as error:  # a rule of a plugin may raise anything
            return Node(
                statement=self.statement,
                holds=False,
                source=self.source,
                error=f"rule {self.name}: {type(error).__name__}: {' '.join(str(error).split())}",
                remedy="report this to the author of the rule",
            )
        return Node(
            statement=conclusion.statement,
            holds=True,
            basis=basis,
            claim=claim,
            value=conclusion.value,
            how=conclusion.how,
            formula=conclusion.formula or self.formula,
            source=conclusion.source or self.source,
            children=children,
        )

    def _node(self, children: tuple[Node, ...]) -> Node:
        return Node(statement=self.statement, holds=False, formula=self.formula, source=self.source, children=children)
