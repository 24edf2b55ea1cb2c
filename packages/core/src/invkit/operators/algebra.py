"""Algebra of linear operators: A @ B, A + B, c * A, A.H, A*A and stacks. Structure follows only sound rules.

(AB)* = B*A*    (A + B)* = A* + B*    (cA)* = conj(c) A*    (A*)* = A
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..derivations import operators as rules
from ..derivations import symmetry
from ..derivations.derivation import Derivation
from ..derivations.symmetry import Action, Moved
from ..derivations.symmetry import stacked as stacked_actions
from ..derivations.symmetry import summed as summed_actions
from ..errors import ConfigError, ShapeError
from .base import HasGram, LinearOperator, require_space
from .capabilities.views import HasSubsets
from .norm import Interval, product_up, stacked
from .space import Space

if TYPE_CHECKING:
    from .restriction import Restriction

_SYMMETRIC = frozenset({"self_adjoint", "positive_semidefinite"})


@dataclass(frozen=True, eq=False, repr=False)
class Scaled(LinearOperator):
    """c A for a real or complex number c, which may be a 0-d tensor that is learned.

    Raises: ConfigError if c is not one number that is finite in the precision of A; ShapeError if c is complex and A is
    real.
    """

    factor: float | complex | Tensor
    operator: LinearOperator
    derivations = (
        rules.MULTIPLE_ADJOINT, rules.MULTIPLE_NORM, rules.MULTIPLE_SELF_ADJOINT, rules.MULTIPLE_PSD,
        rules.MULTIPLE_ISOMETRIC, rules.MULTIPLE_UNITARY, symmetry.MULTIPLE_EQUIVARIANT,
    )  # fmt: skip

    def __post_init__(self) -> None:
        check_factor(self.factor, self.operator.codomain)

    @property
    def _number(self) -> complex:
        return number(self.factor)

    @property
    def domain(self) -> Space:
        return self.operator.domain

    @property
    def codomain(self) -> Space:
        return self.operator.codomain

    def _forward(self, x: Tensor) -> Tensor:
        return self.factor * self.operator.forward(x)

    def _adjoint(self, y: Tensor) -> Tensor:
        # The factor goes first: it may be complex where the domain is real.
        return self.operator.adjoint(_conj(self.factor) * y)

    def _norm(self) -> Interval:
        norm, size = self.operator.norm(), abs(self._number)
        smallest = torch.finfo(self.codomain.dtype).tiny
        if 0 < size < smallest:  # computed with another number, or with 0
            return Interval(0.0, product_up(norm.upper, smallest), norm.how, norm.basis)
        return norm.scaled(size)

    def _carried(self, action: Action) -> Action | None:
        return self.operator.carried(action)

    @property
    def structure(self) -> frozenset[str]:
        # What a tensor is worth may change, and adjoint() decides once: a complex one is taken for no real number.
        value, factor = self._number, self.factor
        kept = set(self.operator.structure)
        if value.imag or (isinstance(factor, Tensor) and factor.is_complex()):
            kept -= _SYMMETRIC
        if isinstance(factor, Tensor) and factor.requires_grad:
            kept -= {"positive_semidefinite", "isometric", "unitary"}
        if not value.real >= 0:
            kept -= {"positive_semidefinite"}
        if abs(value) != 1.0:
            kept -= {"isometric", "unitary"}
        return frozenset(kept)


@dataclass(frozen=True, eq=False, repr=False)
class Sum(LinearOperator):
    """A_1 + ... + A_m, all between the same spaces.

    Raises: ConfigError if there are none; ShapeError if their spaces differ.
    """

    terms: tuple[LinearOperator, ...]
    derivations = (rules.SUM_ADJOINT, rules.SUM_NORM, rules.SUM_SELF_ADJOINT, rules.SUM_PSD, symmetry.SUM_EQUIVARIANT)

    def __post_init__(self) -> None:
        object.__setattr__(self, "terms", tuple(self.terms))
        if not self.terms:
            raise ConfigError("Sum: there are 0 terms, expected at least one. Nothing says between which spaces it is.")
        for term in self.terms[1:]:
            require_space(term.domain, self.terms[0].domain, "Sum", "domain of a term")
            require_space(term.codomain, self.terms[0].codomain, "Sum", "codomain of a term")

    @property
    def domain(self) -> Space:
        return self.terms[0].domain

    @property
    def codomain(self) -> Space:
        return self.terms[0].codomain

    def _forward(self, x: Tensor) -> Tensor:
        return functools.reduce(torch.add, (term.forward(x) for term in self.terms))

    def _adjoint(self, y: Tensor) -> Tensor:
        return functools.reduce(torch.add, (term.adjoint(y) for term in self.terms))

    def _norm(self) -> Interval:
        dtype = self.codomain.dtype
        return functools.reduce(lambda a, b: (a + b).rounded(dtype), (term.norm() for term in self.terms))

    def _carried(self, action: Action) -> Action | None:
        return summed_actions([term.carried(action) for term in self.terms])

    @property
    def structure(self) -> frozenset[str]:
        return frozenset.intersection(*(term.structure for term in self.terms)) & _SYMMETRIC


@dataclass(frozen=True, eq=False, repr=False)
class Composition(LinearOperator):
    """A B: first B, then A.

    Raises: ShapeError if the codomain of B is not the domain of A.
    """

    left: LinearOperator
    right: LinearOperator

    def __post_init__(self) -> None:
        require_space(self.right.codomain, self.left.domain, "Composition", "codomain of the right operator")

    @property
    def domain(self) -> Space:
        return self.right.domain

    @property
    def codomain(self) -> Space:
        return self.left.codomain

    def _forward(self, x: Tensor) -> Tensor:
        return self.left.forward(self.right.forward(x))

    def _adjoint(self, y: Tensor) -> Tensor:
        return self.right.adjoint(self.left.adjoint(y))

    def _norm(self) -> Interval:
        product = self.left.norm() * self.right.norm()
        return product if self._attained() else product.without_lower()

    def _attained(self) -> tuple[Derivation, ...]:
        """The rules by which |A B| = |A| |B|; without one the product is an upper bound only."""
        found = (rules.COMPOSITION_NORM_LEFT,) if "isometric" in self.left.structure else ()
        return found + ((rules.COMPOSITION_NORM_RIGHT,) if "unitary" in self.right.structure else ())

    @property
    def derivations(self) -> tuple[Derivation, ...]:
        return (
            rules.COMPOSITION_ADJOINT, *(self._attained() or (rules.COMPOSITION_NORM,)), rules.COMPOSITION_ISOMETRIC,
            rules.COMPOSITION_UNITARY, symmetry.COMPOSITION_EQUIVARIANT,
        )  # fmt: skip

    def _carried(self, action: Action) -> Action | None:
        between = self.right.carried(action)
        return None if between is None else self.left.carried(between)

    @property
    def structure(self) -> frozenset[str]:
        return self.left.structure & self.right.structure & {"isometric", "unitary"}


@dataclass(frozen=True, eq=False, repr=False)
class Adjoint(LinearOperator):
    """A* as an operator."""

    operator: LinearOperator
    derivations = (
        rules.ADJOINT_ADJOINT, rules.ADJOINT_NORM, rules.ADJOINT_SELF_ADJOINT, rules.ADJOINT_PSD,
        rules.ADJOINT_ISOMETRIC, rules.ADJOINT_UNITARY, symmetry.ADJOINT_EQUIVARIANT,
    )  # fmt: skip

    @property
    def domain(self) -> Space:
        return self.operator.codomain

    @property
    def codomain(self) -> Space:
        return self.operator.domain

    def _forward(self, x: Tensor) -> Tensor:
        return self.operator.adjoint(x)

    def _adjoint(self, y: Tensor) -> Tensor:
        return self.operator.forward(y)

    def _norm(self) -> Interval:
        return self.operator.norm()

    def _carried(self, action: Action) -> Action | None:
        if not isinstance(action, Moved) or action.dims is None:
            return None
        there = Moved(action.group, len(self.codomain.shape) - action.dims, action.dims)
        return there if self.operator.carried(there) == action else None

    @property
    def structure(self) -> frozenset[str]:
        # The adjoint of an isometry preserves lengths only if it is onto.
        kept = self.operator.structure
        return kept if "unitary" in kept else kept - {"isometric"}


@dataclass(frozen=True, eq=False, repr=False)
class Normal(LinearOperator):
    """A*A, by the operator's own shorter route where it has one (``HasGram``)."""

    operator: LinearOperator
    derivations = (
        rules.NORMAL_ADJOINT, rules.NORMAL_NORM, rules.NORMAL_SELF_ADJOINT, rules.NORMAL_PSD, rules.NORMAL_ISOMETRIC,
        rules.NORMAL_UNITARY, symmetry.NORMAL_EQUIVARIANT,
    )  # fmt: skip

    @property
    def domain(self) -> Space:
        return self.operator.domain

    @property
    def codomain(self) -> Space:
        return self.operator.domain

    def _forward(self, x: Tensor) -> Tensor:
        if isinstance(self.operator, HasGram):
            return self.operator._gram(x)
        return self.operator.adjoint(self.operator.forward(x))

    def _adjoint(self, y: Tensor) -> Tensor:
        return self._forward(y)

    def _norm(self) -> Interval:
        norm = self.operator.norm()
        return norm * norm

    def _carried(self, action: Action) -> Action | None:
        return None if self.operator.carried(action) is None else action

    @property
    def structure(self) -> frozenset[str]:
        isometric = {"isometric", "unitary"} if "isometric" in self.operator.structure else frozenset()
        return _SYMMETRIC | isometric


@dataclass(frozen=True, eq=False, repr=False)
class Stack(HasSubsets):
    """(A_1 x, ..., A_m x), flattened and concatenated to shape (batch, sum of sizes); ``split`` takes it apart.

    Raises: ConfigError if there are no parts; ShapeError if the domains, or the dtypes of the codomains, differ.
    """

    operators: tuple[LinearOperator, ...]
    derivations = (rules.STACK_ADJOINT, rules.STACK_NORM)

    def __post_init__(self) -> None:
        object.__setattr__(self, "operators", tuple(self.operators))
        if not self.operators:
            raise ConfigError("stack: there are 0 operators, expected at least one. Pass a non-empty sequence.")
        first = self.operators[0]
        for operator in self.operators[1:]:
            require_space(operator.domain, first.domain, "Stack", "domain of a part")
            if operator.codomain.dtype != first.codomain.dtype:
                raise ShapeError(
                    f"Stack: a part has dtype {operator.codomain.dtype}, expected {first.codomain.dtype}. "
                    "Stack operators of one dtype."
                )

    @property
    def domain(self) -> Space:
        return self.operators[0].domain

    @property
    def codomain(self) -> Space:
        first = self.operators[0].codomain
        return Space((sum(op.codomain.size for op in self.operators),), first.dtype, first.device)

    def split(self, y: Tensor) -> tuple[Tensor, ...]:
        """The parts of a stacked tensor, each in the shape of its codomain."""
        parts = y.split([op.codomain.size for op in self.operators], dim=1)
        return tuple(part.unflatten(1, op.codomain.shape) for part, op in zip(parts, self.operators, strict=True))

    def _forward(self, x: Tensor) -> Tensor:
        return torch.cat([op.forward(x).flatten(1) for op in self.operators], dim=1)

    def _adjoint(self, y: Tensor) -> Tensor:
        parts = zip(self.operators, self.split(y), strict=True)
        return functools.reduce(torch.add, (op.adjoint(part) for op, part in parts))

    @property
    def view_axes(self) -> tuple[int, ...]:
        return (0,)

    def _num_views(self, axis: int) -> int:
        return len(self.operators)

    def _subset(self, axis: int, views: Tensor) -> tuple[LinearOperator, Restriction]:
        from .restriction import Restriction  # late, so that what restriction.py needs may need this file

        chosen = views.tolist()
        numbers = torch.arange(self.codomain.size, device=views.device)
        parts = numbers.split([op.codomain.size for op in self.operators])
        entries = torch.cat([parts[view] for view in chosen])
        return Stack(tuple(self.operators[view] for view in chosen)), Restriction(self.codomain, 0, entries)

    def _carried(self, action: Action) -> Action | None:
        return stacked_actions([op.carried(action) for op in self.operators])

    def _norm(self) -> Interval:
        return stacked([op.norm() for op in self.operators])


def compose(left: LinearOperator, right: LinearOperator) -> LinearOperator:
    """left @ right; A.H @ A is recognised as the normal operator, A @ A of a self-adjoint A too."""
    if adjoint(right) is left or (isinstance(left, Adjoint) and left.operator is right):
        return Normal(right)
    return Composition(left, right)


def adjoint(operator: LinearOperator) -> LinearOperator:
    """A*, with (A*)* = A and self-adjoint operators returned as they are."""
    if isinstance(operator, Adjoint):
        return operator.operator
    return operator if "self_adjoint" in operator.structure else Adjoint(operator)


def stack(operators: Sequence[LinearOperator]) -> Stack:
    """Stack operators on the same domain.

    Raises: ConfigError if there are none.
    """
    return Stack(tuple(operators))


def check_factor(factor: float | complex | Tensor, codomain: Space) -> None:
    """Raises: ConfigError if a factor is not one finite number; ShapeError if it is complex where values are real."""
    if isinstance(factor, Tensor) and factor.ndim != 0:
        raise ConfigError(f"Scaled: factor has shape {tuple(factor.shape)}, expected one number. Pass a 0-d tensor.")
    value, largest = number(factor), torch.finfo(codomain.dtype).max
    # Written so that NaN is refused too; the magnitude of a complex number may overflow where its parts do not.
    if not math.hypot(value.real, value.imag) <= largest:
        raise ConfigError(
            f"Scaled: factor is {value}, expected a finite number, at most {largest:g} for {codomain.dtype}. "
            "Check where it comes from."
        )
    # By type, not by value: a complex number without an imaginary part makes real images complex all the same.
    if _is_complex(factor) and not codomain.is_complex:
        raise ShapeError(f"Scaled: factor is {number(factor)}, expected a real one for a real operator. Use a float.")


def number(factor: float | complex | Tensor) -> complex:
    """The factor as a number, cut off from autograd."""
    return complex(factor.detach() if isinstance(factor, Tensor) else factor)


def _conj(factor: float | complex | Tensor) -> float | complex | Tensor:
    return factor.conj() if isinstance(factor, Tensor) else (factor.conjugate() if factor else factor)


def _is_complex(factor: float | complex | Tensor) -> bool:
    return factor.is_complex() if isinstance(factor, Tensor) else isinstance(factor, complex)
