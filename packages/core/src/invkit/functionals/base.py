"""Functionals: f maps an image to a real number; what else it can do is a type, not a flag.

``Differentiable`` has a gradient, ``Proximable`` a proximal map in closed form; a functional may be both or neither.

The images set the precision: tensors that a functional was built from (centres, weights, counts, bounds) are converted
to theirs, so that the value, the gradient and the prox have the precision of the argument.
"""

from __future__ import annotations

import abc
import dataclasses
import math
from typing import TYPE_CHECKING, Any, cast, final

import torch
from torch import Tensor

from ..claims import Basis, Claim
from ..derivations.derivation import Derivation, about
from ..derivations.symmetry import Action, Moved, Phase, largest, motions
from ..errors import ConfigError, DataError, ShapeError
from ..operators.base import Operator
from ..operators.moving import Movable, basis_of
from ..operators.norm import Interval
from ..operators.space import Space, per_image, real_dtype, same_kind

if TYPE_CHECKING:
    from .algebra import Sum


class Functional(Movable, abc.ABC):
    """f: images -> (-inf, inf], one number per image."""

    @property
    def domain(self) -> Space | None:
        """The space of its argument; None if it takes tensors of any shape."""
        return None

    @abc.abstractmethod
    def _value(self, x: Tensor) -> Tensor: ...

    @final
    def value(self, x: Tensor) -> Tensor:
        """f(x), shape (batch,), real.

        Raises: ShapeError if x is not a batch of the domain.
        """
        self._check(x, "value")
        return self._value(x)

    __call__ = value

    def convexity(self) -> float | None:
        """The largest known m such that f - (m/2)|.|^2 is convex; 0 says convex, None says nothing.

        m < 0 says weakly convex: f becomes convex with a square of at least that weight added, and is not before.
        """
        return None

    @property
    def derivations(self) -> tuple[Derivation, ...]:
        """The rules by which the algebra derives what it states of this functional; none for one that stands alone."""
        return ()

    def is_invariant(self, action: Action) -> bool:
        """Whether f(g x) = f(x) is known for every g of an action; see ``invkit.derivations.symmetry``."""
        return False

    @final
    def invariances(self, space: Space | None = None) -> tuple[str, ...]:
        """The largest groups under which f is known to be invariant on images of its domain, or of ``space``."""
        space = self.domain or space
        image_shape = None if space is None else space.shape[1:]
        dims = None if image_shape is None else len(image_shape)
        held = tuple(name for name in motions(image_shape) if self.is_invariant(Moved(name, 1, dims)))
        complex_ = space is not None and space.is_complex
        return largest(held, dims) + (("U1",) if complex_ and self.is_invariant(Phase()) else ())

    def claims(self) -> tuple[Claim, ...]:
        """What this functional states of itself."""
        basis = basis_of(self)
        stated = []
        held = parameters_hold(self)
        modulus = self.convexity() if held else None
        if modulus is not None and modulus >= 0:
            stated.append(self._claim("convex", basis))
            if modulus > 0:
                stated.append(self._claim("strongly_convex", basis, modulus=modulus))
        if isinstance(self, Differentiable):
            stated.append(self._claim("differentiable", basis))
            if self.is_twice_differentiable():
                stated.append(self._claim("twice_differentiable", basis))
            smooth = self.smoothness() if held else None
            if smooth is not None:
                stated.append(self._claim("smooth", min(smooth.basis, basis), smooth.how, constant=smooth.upper))
        if isinstance(self, Proximable) and held and self._has_prox():
            stated.append(self._claim("prox", basis))
        stated += [self._claim("invariant", basis, group=name) for name in self.invariances()]
        return tuple(stated)

    @final
    def _claim(self, name: str, basis: Basis, evidence: str = "", **params: float | str) -> Claim:
        """A claim with the derivations that it rests on."""
        rules, source = about(self.derivations, name)
        evidence = "; ".join(text for text in (evidence, rules) if text)
        return Claim(property=name, params=params, basis=basis, evidence=evidence, source=source)

    def _check(self, x: Tensor, call: str) -> None:
        if self.domain is not None:
            self.domain.check(x, f"{type(self).__name__}.{call}")

    # Algebra; see algebra.py for the rules.
    def __add__(self, other: Functional) -> Sum:
        from .algebra import add

        return add(self, other) if isinstance(other, Functional) else NotImplemented

    def __radd__(self, other: object) -> Functional:
        return self if isinstance(other, int) and other == 0 else NotImplemented  # sum(...) starts from 0

    def __rmul__(self, weight: float | Tensor) -> Functional:
        from .algebra import scale

        return scale(weight, self)

    __mul__ = __rmul__

    def __matmul__(self, operator: Operator) -> Functional:
        from .algebra import compose

        return compose(self, operator) if isinstance(operator, Operator) else NotImplemented

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Differentiable(Functional):
    """A functional with a gradient for the real inner product Re <x, z>."""

    @abc.abstractmethod
    def _gradient(self, x: Tensor) -> Tensor: ...

    @abc.abstractmethod
    def _hessian_vector(self, x: Tensor, v: Tensor) -> Tensor: ...

    @abc.abstractmethod
    def smoothness(self) -> Interval | None:
        """Bounds of the Lipschitz constant of the gradient, such as ``Interval.exact(2.0)``; None if none is known."""

    def hessian_lipschitz(self) -> float | None:
        """L_H with |H(x) - H(z)| <= L_H |x - z| for all x, z, rounded upwards; 0 for a square, None if not known."""
        return None

    def is_twice_differentiable(self) -> bool:
        """Whether it is known that the Hessian exists everywhere and is continuous, as a Lipschitz one is."""
        return self.hessian_lipschitz() is not None

    @final
    def gradient(self, x: Tensor) -> Tensor:
        """The gradient at x, the shape of x.

        Raises: ShapeError if x is not a batch of the domain.
        """
        self._check(x, "gradient")
        return self._gradient(x)

    @final
    def hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        """The Hessian at x applied to v, the shape of x.

        Raises: ShapeError if x or v is not a batch of the domain.
        """
        self._check(x, "hessian_vector")
        self._check(v, "hessian_vector")
        return self._hessian_vector(x, v)


class HasHessianDiagonal(Differentiable):
    """A differentiable functional whose Hessian has a diagonal at hand, for Jacobi preconditioning."""

    @abc.abstractmethod
    def _hessian_diagonal(self, x: Tensor) -> Tensor:
        """Nonnegative numbers beside the diagonal of the Hessian at x: real, the shape of x; those of a sum are added.

        For a complex x one number serves the real and the imaginary part, such as the mean of the two.
        """


class Proximable(Functional):
    """A functional with a proximal map in closed form."""

    @abc.abstractmethod
    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor: ...

    @property
    @abc.abstractmethod
    def conjugate(self) -> Proximable:
        """f*(z) = sup_x Re <x, z> - f(x)."""

    @final
    def prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        """argmin_x f(x) + |x - v|^2 / (2 tau), the shape of v.

        tau: a positive number, a 0-d tensor, or one per image, shape (batch,).
        Raises: ShapeError if v is not a batch of the domain; ConfigError if tau is a
        number that is not positive and finite (a tensor is not looked at: that would wait for the device).
        """
        self._check(v, "prox")
        if not isinstance(tau, Tensor) and not 0 < tau < float("inf"):
            raise ConfigError(f"{type(self).__name__}.prox: tau is {tau}, expected a positive number. Use a step > 0.")
        return self._prox(v, per_image(tau, v))

    def _has_prox(self) -> bool:
        """Whether it can be computed with the parameters as they stand."""
        return True

    def scaled_conjugate(self, weight: float | Tensor) -> Proximable:
        """(c f)* for c > 0: z -> c f*(z / c). Functionals whose scaled conjugate is simpler say so here."""
        from .conjugate import ScaledConjugate

        return ScaledConjugate(weight, self.conjugate)


def check_weight(weight: float | Tensor, who: str) -> None:
    """Raises: ConfigError if a weight is negative, NaN, infinite or more than one number."""
    check_number(weight, who, "weight")
    if isinstance(weight, Tensor) and weight.ndim != 0:
        raise ConfigError(f"{who}: weight has shape {tuple(weight.shape)}, expected one number. Pass a 0-d tensor.")
    value = as_float(weight)
    if not 0 <= value < float("inf"):
        raise ConfigError(f"{who}: weight is {value}, expected a finite number >= 0. Change its sign or drop the term.")


def check_number(value: object, who: str, what: str) -> None:
    """Raises: ConfigError if a value is no real number, such as a string or None."""
    if isinstance(value, str | bytes | complex) or not hasattr(value, "__float__"):
        raise ConfigError(f"{who}: {what} is {value!r}, expected a real number. Convert it with float(...).")


def as_float(weight: float | Tensor) -> float:
    """The number, cut off from autograd."""
    return float(weight.detach() if isinstance(weight, Tensor) else weight)


def fitted(parameter: Tensor, x: Tensor, who: str, what: str) -> Tensor:
    """A tensor that a functional was built from, in the precision of the images x; it may stay real for complex ones.

    Raises: ShapeError if it does not broadcast to x, such as one of another batch, or is complex and x is real.
    """
    shape = parameter.shape
    if len(shape) > x.ndim or any(n not in (1, m) for n, m in zip(shape[::-1], x.shape[::-1], strict=False)):
        raise ShapeError(
            f"{who}: {what} has shape {tuple(shape)}, expected one that broadcasts to the images, {tuple(x.shape)}. "
            "Slice it as the images, or give it axes of length 1."
        )
    if parameter.is_complex() and not x.is_complex():
        raise ShapeError(f"{who}: {what} has dtype {parameter.dtype}, expected a real one for {x.dtype}. Convert one.")
    return parameter.to(same_kind(x.dtype, parameter.dtype))


#: Parameters of the core's functionals that have to be >= 0.
_NOT_NEGATIVE = {"weight", "weights", "radius", "total", "bounds", "delta", "gamma"}


def parameters_hold(thing: Any) -> bool:
    """Whether a functional and its parts could still be built from what they hold.

    Parameters are checked when they are given; tensors may have been learned or written to since.
    """
    if isinstance(thing, tuple | list):
        return all(parameters_hold(part) for part in thing)
    if not isinstance(thing, Functional):
        return True
    settings = dataclasses.fields(cast(Any, thing)) if hasattr(thing, "__dataclass_fields__") else ()
    held = {setting.name: getattr(thing, setting.name) for setting in settings if setting.init}
    numbers = {name: found for name, value in held.items() if (found := _numbers(value))}
    if any(isinstance(number, Tensor) for found in numbers.values() for number in found):
        checked = _NOT_NEGATIVE.intersection(*(_core_fields(type(thing)), numbers))
        # Written so that NaN does not hold.
        if not all(bool((torch.as_tensor(n).detach() >= 0).all()) for name in checked for n in numbers[name]):
            return False
        if not _can_be_built(thing, held):
            return False
    return all(parameters_hold(part) for part in held.values())


def _numbers(value: Any) -> tuple[Tensor | float, ...]:
    items = tuple(value) if isinstance(value, tuple | list) else (value,)
    return tuple(item for item in items if isinstance(item, Tensor | float | int))


def _core_fields(cls: type) -> set[str]:
    """The fields that classes of the core define, also where another class inherits them."""
    core = [one for one in cls.__mro__ if one.__module__.startswith("invkit.")]
    return {name for one in core for name in vars(one).get("__dataclass_fields__", ())}


def _can_be_built(functional: Functional, held: dict[str, Any]) -> bool:
    try:
        if hasattr(functional, "__post_init__"):
            type(functional)(**held)
        elif isinstance(functional, Proximable) and not any(isinstance(part, Functional) for part in held.values()):
            _ = functional.conjugate  # a conjugate is checked by what it is the conjugate of
    except (ConfigError, DataError, ShapeError):
        return False
    except TypeError:  # of another author, who builds it in another way
        return True
    return True


def weight_for(weight: float | Tensor, x: Tensor) -> float | Tensor:
    """A weight in the precision of the images: a float32 one times a number would be rounded before it meets them."""
    return weight.to(real_dtype(x.dtype)) if isinstance(weight, Tensor) else weight


def times(weight: float | Tensor, value: Tensor) -> Tensor:
    """weight * value, and +inf where the value is: 0 * inf would be NaN, in the value or in the gradient."""
    infinite = value == math.inf
    return torch.where(infinite, value.detach(), weight * torch.where(infinite, 0, value))


def sum_per_image(values: Tensor) -> Tensor:
    """Sum over everything but the batch axis: shape (batch,)."""
    return values.flatten(1).sum(1) if values.ndim > 1 else values
