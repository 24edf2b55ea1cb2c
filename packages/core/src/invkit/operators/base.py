"""Operators: the two abstract types, and what each concrete one must say of itself.

A concrete operator is a frozen dataclass that implements ``_forward`` (and ``_adjoint``, ``_norm``); the public methods
check their input and are final. Calls never change an argument, the operator, or any global state.
"""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, ClassVar, final, overload

import torch
from torch import Tensor

from ..claims import Basis, Claim
from ..derivations.derivation import Derivation, about
from ..derivations.symmetry import Action, Moved, Phase, largest, motions
from ..errors import ShapeError
from .contents import contents_of
from .moving import Movable, basis_of, classes_in
from .norm import Interval
from .space import Space

if TYPE_CHECKING:
    from .algebra import Adjoint, Normal


class Operator(Movable, abc.ABC):
    """F: domain -> codomain, possibly nonlinear.

    ``forward`` takes and returns tensors with a leading batch axis and acts on each image alone.
    """

    @property
    @abc.abstractmethod
    def domain(self) -> Space:
        """The space of the argument."""

    @property
    @abc.abstractmethod
    def codomain(self) -> Space:
        """The space of the value."""

    @abc.abstractmethod
    def _forward(self, x: Tensor) -> Tensor: ...

    @abc.abstractmethod
    def _jvp(self, x: Tensor, v: Tensor) -> Tensor: ...

    @abc.abstractmethod
    def _vjp(self, x: Tensor, z: Tensor) -> Tensor: ...

    @final
    def forward(self, x: Tensor) -> Tensor:
        """F(x), shape (batch, *codomain.shape); differentiable in x and in every tensor the operator was built from.

        Raises: ShapeError if x is not a batch of the domain.
        """
        self.domain.check(x, f"{type(self).__name__}.forward")
        return self._forward(x)

    __call__ = forward

    @final
    def jvp(self, x: Tensor, v: Tensor) -> Tensor:
        """F'(x) v, the Jacobian-vector product at x.

        Raises: ShapeError if x or v is not a batch of the domain.
        """
        self.domain.check(x, f"{type(self).__name__}.jvp")
        self.domain.check(v, f"{type(self).__name__}.jvp")
        return self._jvp(x, v)

    @final
    def vjp(self, x: Tensor, z: Tensor) -> Tensor:
        """F'(x)* z, the vector-Jacobian product at x for the real inner product.

        Raises: ShapeError if x is not a batch of the domain or z of the codomain.
        """
        self.domain.check(x, f"{type(self).__name__}.vjp")
        self.codomain.check(z, f"{type(self).__name__}.vjp")
        return self._vjp(x, z)

    @property
    def derivations(self) -> tuple[Derivation, ...]:
        """The rules by which the algebra derives what it states of this operator; none for one that stands alone."""
        return ()

    @final
    def carried(self, action: Action) -> Action | None:
        """An action with F(g x) = g' F(x) for every g of ``action`` on the domain; None if none is known.

        See ``invkit.derivations.symmetry``.
        """
        if isinstance(action, Phase) and isinstance(self, LinearOperator):
            complex_ = self.domain.is_complex and self.codomain.is_complex
            return (
                action if complex_ and all(getattr(cls, "complex_linear", True) for cls in classes_in(self)) else None
            )
        return self._carried(action)

    def _carried(self, action: Action) -> Action | None:
        """What ``carried`` asks; an operator that is equivariant answers here, for a linear one without ``Phase``."""
        return None

    @final
    def equivariances(self) -> tuple[str, ...]:
        """The largest groups that move pixels and of which F(g x) = g F(x) is known."""
        image_shape = self.domain.shape[1:]
        dims, behind = len(image_shape), len(self.codomain.shape) - len(image_shape)
        held = (n for n in motions(image_shape) if self.carried(Moved(n, 1, dims)) == Moved(n, behind, dims))
        return largest(tuple(held), dims)

    def claims(self) -> tuple[Claim, ...]:
        """What this operator states of itself."""
        basis = basis_of(self)
        return (
            self._claim("differentiable", basis),
            *(self._claim("equivariant", basis, group=name) for name in self.equivariances()),
        )

    @final
    def _claim(self, name: str, basis: Basis, evidence: str = "", **params: float | str) -> Claim:
        """A claim with the derivations that it rests on."""
        rules, source = about(self.derivations, name)
        evidence = "; ".join(text for text in (evidence, rules) if text)
        return Claim(property=name, params=params, basis=basis, evidence=evidence, source=source)

    # Algebra; what linear operators give is linear. The classes live in nonlinear.py and algebra.py; importing them
    # late keeps the files apart.
    def __matmul__(self, other: Operator) -> Operator:
        from .nonlinear.algebra import compose

        return compose(self, other) if isinstance(other, Operator) else NotImplemented

    def __add__(self, other: Operator) -> Operator:
        from .nonlinear.algebra import add

        return add(self, other) if isinstance(other, Operator) else NotImplemented

    def __sub__(self, other: Operator) -> Operator:
        return self + (-1.0) * other if isinstance(other, Operator) else NotImplemented

    def __rmul__(self, factor: float | complex | Tensor) -> Operator:
        from .nonlinear.algebra import scale

        return scale(factor, self)

    __mul__ = __rmul__

    def __neg__(self) -> Operator:
        return (-1.0) * self

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.domain.shape} -> {self.codomain.shape}, {self.domain.dtype})"


class LinearOperator(Operator):
    """A: domain -> codomain, linear, with its exact adjoint: <Ax, y> = <x, A*y> to rounding."""

    #: Whether A(c x) = c A x for complex c too, not for real ones only.
    complex_linear: ClassVar[bool] = True

    @abc.abstractmethod
    def _adjoint(self, y: Tensor) -> Tensor: ...

    @abc.abstractmethod
    def _norm(self) -> Interval: ...

    @final
    def _jvp(self, x: Tensor, v: Tensor) -> Tensor:
        return self._forward(v)

    @final
    def _vjp(self, x: Tensor, z: Tensor) -> Tensor:
        return self._adjoint(z)

    @final
    def adjoint(self, y: Tensor) -> Tensor:
        """A*y, shape (batch, *domain.shape).

        Raises: ShapeError if y is not a batch of the codomain.
        """
        self.codomain.check(y, f"{type(self).__name__}.adjoint")
        return self._adjoint(y)

    @final
    @torch.no_grad()
    def norm(self) -> Interval:
        """Bounds of the spectral norm |A|; step sizes use ``.upper``. Computed once for the tensors as they stand."""
        key = contents_of(self)
        memo = self.__dict__.get("_norm_memo")
        if key is None or memo is None or memo[0] != key:
            memo = (key, self._norm().widened(self.codomain))
            self.__dict__["_norm_memo"] = memo
        return memo[1]

    def __getstate__(self) -> dict[str, object]:
        # A copy's tensors count their versions from zero again, so a memo would be read with the wrong key.
        return {name: value for name, value in self.__dict__.items() if not name.endswith("_memo")}

    @property
    def structure(self) -> frozenset[str]:
        """Those of ``self_adjoint positive_semidefinite isometric unitary`` that hold by construction."""
        return frozenset()

    def claims(self) -> tuple[Claim, ...]:
        """Linear, exact adjoint, norm interval, and the structure."""
        norm, basis = self.norm(), basis_of(self)
        return (
            self._claim("linear", basis),
            self._claim("adjoint", basis),
            self._claim("norm_bound", min(norm.basis, basis), norm.how, lower=norm.lower, upper=norm.upper),
            *(self._claim(name, basis) for name in sorted(self.structure)),
            *super().claims(),
        )

    @property
    def H(self) -> Adjoint | LinearOperator:
        """The adjoint as an operator."""
        from .algebra import adjoint

        return adjoint(self)

    def normal(self) -> Normal:
        """A*A as an operator, by the fastest route the operator has."""
        from .algebra import Normal

        return Normal(self)

    if TYPE_CHECKING:  # the algebra of Operator, with what is known of the result

        @overload
        def __matmul__(self, other: LinearOperator) -> LinearOperator: ...
        @overload
        def __matmul__(self, other: Operator) -> Operator: ...
        def __matmul__(self, other: Operator) -> Operator: ...

        @overload
        def __add__(self, other: LinearOperator) -> LinearOperator: ...
        @overload
        def __add__(self, other: Operator) -> Operator: ...
        def __add__(self, other: Operator) -> Operator: ...

        @overload
        def __sub__(self, other: LinearOperator) -> LinearOperator: ...
        @overload
        def __sub__(self, other: Operator) -> Operator: ...
        def __sub__(self, other: Operator) -> Operator: ...
        def __rmul__(self, factor: float | complex | Tensor) -> LinearOperator: ...
        def __mul__(self, factor: float | complex | Tensor) -> LinearOperator: ...
        def __neg__(self) -> LinearOperator: ...


class HasGram(LinearOperator):
    """A linear operator with a route to A*A that is cheaper than A and then A*."""

    @abc.abstractmethod
    def _gram(self, x: Tensor) -> Tensor: ...


class HasGramDiagonal(LinearOperator):
    """A linear operator that knows the squares of its entries well enough to sum them column by column."""

    @abc.abstractmethod
    def _gram_diagonal(self, weights: Tensor) -> Tensor:
        """sum_j w_j |A_ji|^2 for weights of shape (batch, *codomain.shape), real: shape (batch, *domain.shape)."""


class HasPseudoInverse(LinearOperator):
    """A linear operator with a closed form of its Moore-Penrose inverse."""

    @abc.abstractmethod
    def _pseudo_inverse(self, y: Tensor) -> Tensor: ...

    @final
    def pseudo_inverse(self, y: Tensor) -> Tensor:
        """The least-squares solution of smallest norm.

        Raises: ShapeError if y is not a batch of the codomain.
        """
        self.codomain.check(y, f"{type(self).__name__}.pseudo_inverse")
        return self._pseudo_inverse(y)


class HasFineSimulation(LinearOperator):
    """A linear operator that can make data on a finer grid than its own, against the inverse crime.

    Data made by the very matrix that reconstructs them flatters every method (Colton, Kress 1992).
    """

    @abc.abstractmethod
    def _simulate(self, truth: Tensor, oversampling: int) -> Tensor: ...

    @final
    def simulate(self, truth: Tensor, *, oversampling: int = 2) -> Tensor:
        """The clean measurement of ``truth``, each pixel divided into ``oversampling`` per side.

        Raises: ShapeError if truth is not a batch of the domain; ConfigError if oversampling is not a whole number.
        """
        self.domain.check(truth, f"{type(self).__name__}.simulate")
        return self._simulate(truth, oversampling)


def require_space(got: Space, wanted: Space, who: str, what: str) -> None:
    """Raises: ShapeError unless the two spaces are equal."""
    if got != wanted:
        raise ShapeError(f"{who}: {what} is {got}, expected {wanted}. Build both for the same images.")
