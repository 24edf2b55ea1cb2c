"""Rule: a theorem. Premises that are evaluated on a method and an operator, and the conclusion they allow."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from ..claims import PROPERTIES, Basis, Claim
from ..errors import ConfigError
from ..functionals.base import Functional
from ..operators.base import LinearOperator
from ..solvers.base import Solver
from ..solvers.problems import Problem
from .claimants import named
from .node import Node

#: What a premise may be about beside the properties of ``invkit.claims``.
TOPICS: tuple[str, ...] = ("step_size", "parameter", "existence", "form", "activation", "group", "data")

#: A ``Conclusion.part``: what holds of the minimiser holds of a method that converges to it, and of no other.
THE_MINIMISER = "the minimiser"

SEE_VOCABULARY = "Run 'invkit list claims' for all of them."

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, eq=False, kw_only=True)
class Setting:
    """What a rule looks at.

    subject: what is explained: a model, a functional, an operator, a denoiser, a problem.
    operator, y: with which a model reconstructs what; None for anything else.
    solver, problem: of what iterates, the problem in the solver's form; None for a closed form.
    """

    subject: Any = None
    operator: LinearOperator | None = None
    y: Tensor | None = None
    solver: Solver[Any, Any] | None = None
    problem: Problem | None = None

    @property
    def objective(self) -> Functional:
        """The objective of the problem.

        Raises: ConfigError if nothing is iterated; a rule that asks for it says in ``about`` that it needs one.
        """
        if self.problem is None:
            raise ConfigError(
                f"Setting of {type(self.subject).__name__}: problem is None, expected one with an objective. "
                "Let the rule's about() ask for a problem."
            )
        return self.problem.objective


@dataclass(frozen=True, kw_only=True)
class Premise:
    """One hypothesis of a theorem, evaluated.

    statement: the hypothesis.   holds: whether it does.   basis: how strongly that is known.
    value, bound, how: its number, what it is compared with, and where the number comes from.
    remedy: what to change if it does not hold.   children: what it rests on, such as the node of another theorem.
    """

    statement: str
    holds: bool
    basis: Basis
    value: float | None = None
    bound: float | None = None
    how: str = ""
    remedy: str = ""
    children: tuple[Node, ...] = ()

    def as_node(self) -> Node:
        unknown = self.value is not None and math.isnan(self.value)  # a step that could not be formed, say
        return Node(
            statement=self.statement,
            holds=self.holds,
            basis=self.basis if self.holds else None,
            value=None if unknown else self.value,
            bound=None if unknown else self.bound,
            how=self.how,
            remedy=self.remedy,
            children=self.children,
        )


@dataclass(frozen=True, kw_only=True)
class Hypothesis:
    """One premise of a theorem as the theorem states it, and how it is evaluated.

    statement: in general terms, such as "f is convex"; ``invkit info`` and the documentation print it.
    concerns: what it is about: properties of ``invkit.claims`` or words of ``TOPICS``, at least one.
    evaluate: Setting -> the premise in this setting, or several (one for each operator of a sum, say).

    Raises: ConfigError if it says nothing, or is about nothing that is known.
    """

    statement: str
    concerns: tuple[str, ...]
    evaluate: Callable[[Setting], Premise | Iterable[Premise]]

    def __post_init__(self) -> None:
        if not self.statement.strip():
            raise ConfigError("Hypothesis: statement is empty, expected the premise in words. Write what must hold.")
        if not isinstance(self.concerns, tuple) or not self.concerns:
            raise ConfigError(
                f"Hypothesis {self.statement!r}: concerns is {self.concerns!r}, expected a tuple of at least one "
                f"property or topic, such as ('convex',). {SEE_VOCABULARY}"
            )
        for name in self.concerns:
            if name not in PROPERTIES and name not in TOPICS:
                raise ConfigError(
                    f"Hypothesis {self.statement!r}: concerns names {name!r}, expected a known property or topic. "
                    f"{_near(name, (*PROPERTIES, *TOPICS))}"
                )
        if not callable(self.evaluate):
            raise ConfigError(
                f"Hypothesis {self.statement!r}: evaluate is {self.evaluate!r}, expected a function of the setting. "
                "Give one that returns a Premise."
            )

    def premises(self, setting: Setting) -> tuple[Premise, ...]:
        """The premise, or the premises, in this setting.

        Raises: TypeError if the author's function returns anything else.
        """
        found = self.evaluate(setting)
        several = (found,) if isinstance(found, Premise) else tuple(found)
        for one in several:
            if not isinstance(one, Premise):
                raise TypeError(f"premise {self.statement!r} is {type(one).__name__}, expected a Premise")
        return several


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """What a theorem says of this setting: a statement, the claim it amounts to, and its leading number.

    params: parameters of the claim of the property ``Rule.concludes``.
    value: an upper bound, such as a rate, or a setting, printed rounded up; with ``lower`` a lower bound, such as a
        modulus or a step, printed rounded down.
    formula, source: where they differ from the rule's, for a special case.
    part: what the claim is about where that is not the whole method, such as "the proximal map of R"; what is of
        ``THE_MINIMISER`` counts for a method that is guaranteed to converge to it.
    """

    statement: str
    params: Mapping[str, Any] = field(default_factory=dict)
    value: float | None = None
    lower: bool = False
    how: str = ""
    formula: str = ""
    source: str = ""
    part: str = ""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A theorem; a plugin adds its own by ``invkit_rules``.

    name: lower case with hyphens.   statement: the theorem in a sentence.   formula: its inequality.
    source: publication and number.   about: Setting -> whether the theorem speaks of it, ``solved_by(FISTA)`` say.
    premises: the hypotheses; all are evaluated, so that every one that fails is named.
    concludes: the property of ``invkit.claims`` that the conclusion states.
    conclude: the conclusion, asked for only if all premises hold.
    further: True for a property beside convergence, whose absence is no fault of the method: where it does not hold,
        the printed tree has one line for it.
    basis: how strongly its author vouches that the theorem is true and says what the code does. BY_CONSTRUCTION: it was
        proved for exactly this; ASSUMED, the default: nobody says so, and nothing it concludes is a guarantee. The
        core vouches for its own.

    Raises: ConfigError if the name is malformed, a text is missing, the property or the basis is unknown, or there is
    no premise.
    """

    name: str
    statement: str
    formula: str
    source: str
    about: Callable[[Setting], bool]
    premises: tuple[Hypothesis, ...]
    concludes: str
    conclude: Callable[[Setting], Conclusion]
    further: bool = False
    basis: Basis = Basis.ASSUMED

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ConfigError(f"Rule: name is {self.name!r}, expected words of a-z and 0-9 joined by hyphens. Rename.")
        for what in ("statement", "formula", "source"):
            if not getattr(self, what).strip():
                raise ConfigError(f"Rule {self.name}: {what} is empty, expected a text. Say it, with its number.")
        if self.concludes not in PROPERTIES:
            raise ConfigError(
                f"Rule {self.name}: concludes is {self.concludes!r}, expected a known property. "
                f"{_near(self.concludes, tuple(PROPERTIES))}"
            )
        if not isinstance(self.basis, Basis):
            raise ConfigError(
                f"Rule {self.name}: basis is {self.basis!r}, expected one of {', '.join(one.name for one in Basis)}. "
                "Import it from invkit.claims."
            )
        if not isinstance(self.premises, tuple) or not self.premises:
            raise ConfigError(
                f"Rule {self.name}: premises is {self.premises!r}, expected a tuple of at least one Hypothesis. "
                "A theorem without premises is no theorem."
            )
        for premise in self.premises:
            if not isinstance(premise, Hypothesis):
                raise ConfigError(
                    f"Rule {self.name}: a premise is {type(premise).__name__}, expected a Hypothesis. "
                    "Wrap it: Hypothesis(statement=..., concerns=(...,), evaluate=...)."
                )

    def apply(self, setting: Setting) -> Node:
        """The node of this theorem. A rule that raises is a node that says so, and no other node suffers."""
        try:
            premises = tuple(one for premise in self.premises for one in premise.premises(setting))
            children = tuple(premise.as_node() for premise in premises)
            if not all(premise.holds for premise in premises):
                return self._node(children)
            conclusion = self.conclude(setting)
            # A conclusion is as strong as the weakest of its premises.
            basis = min((premise.basis for premise in premises), default=Basis.BY_CONSTRUCTION)
            claim = Claim(
                property=self.concludes,
                params=dict(conclusion.params),
                basis=basis,
                evidence=conclusion.statement,
                source=conclusion.source or self.source,
            )
        except Exception as error:  # a rule of a plugin may raise anything
            return Node(
                statement=self.statement,
                holds=False,
                rule=self.name,
                concludes=self.concludes,
                further=self.further,
                source=self.source,
                error=f"rule {self.name}: {named(error)}",
                remedy="report this to the author of the rule",
            )
        return Node(
            statement=conclusion.statement,
            holds=True,
            rule=self.name,
            concludes=self.concludes,
            part=conclusion.part,
            further=self.further,
            basis=basis,
            claim=claim,
            value=conclusion.value,
            lower=conclusion.lower,
            how=conclusion.how,
            formula=conclusion.formula or self.formula,
            source=conclusion.source or self.source,
            children=children,
        )

    def _node(self, children: tuple[Node, ...]) -> Node:
        return Node(
            statement=self.statement,
            holds=False,
            rule=self.name,
            concludes=self.concludes,
            further=self.further,
            formula=self.formula,
            source=self.source,
            children=children,
        )


def solved_by(*solvers: type) -> Callable[[Setting], bool]:
    """Settings whose solver is of exactly one of these types; a subclass may step otherwise."""

    def about(setting: Setting) -> bool:
        return type(setting.solver) in solvers and setting.problem is not None

    return about


def _near(name: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(str(name), known, n=2)
    return f"Did you mean {' or '.join(near)}?" if near else SEE_VOCABULARY
