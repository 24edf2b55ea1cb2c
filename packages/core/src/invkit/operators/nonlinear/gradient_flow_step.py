"""Steps of Runge-Kutta methods along the gradient flow x' = -A* sigma(A x + b): layers of nonexpansive networks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from torch import Tensor

from ...claims import ASSUMED, Basis, Claim, find_claim
from ...errors import ConfigError, ShapeError
from ..base import LinearOperator, Operator
from ..moving import basis_of
from ..space import Space
from .activations import Activation, ReLU, activation_named, slopes_hold
from .runge_kutta import EULER, TABLEAUX, ButcherTableau

#: A few roundings of float64 arithmetic, to round outwards.
_UP = 1 + 2.0**-48


@dataclass(frozen=True, eq=False, repr=False)
class GradientFlowStep(Operator):
    """x -> Phi_h(x): num_steps steps of length h = step_size / num_steps of a method for x' = -A* sigma(A x + b).

    With Euler's method a step is the layer x - h A* sigma(A x + b).

    operator: A, real and linear.   bias: b, one tensor of A's codomain without batch axis; None is zero.
    step_size: >= 0; a number, or a 0-d tensor that is learned.   activation: an ``Activation`` or its name.
    tableau: an explicit method or its name.   num_steps: how many steps make up the length.

    Nonexpansive if h L |A|^2 <= 2 r, with sigma' in [0, L] and r the radius of circle contractivity of the method;
    Euler's step is (h L |A|^2 / 2)-averaged where that is below 1.
    Cost: num_steps * stages of A and of A*, the same for each derivative again.

    Raises: ConfigError if A is not linear, the step size is negative or not finite, the tableau is implicit, the
    activation is not known to be increasing, or num_steps is not a whole number >= 1; ShapeError if A is complex or the
    bias does not fit.
    Source: dissertation, Theorems 3.2.1 and 3.2.3, Lemma 3.2.1; Dahlquist, Jeltsch (1979), Theorem 4.1.
    """

    operator: LinearOperator
    bias: Tensor | None = None
    step_size: float | Tensor = 1.0
    activation: Activation = field(default_factory=ReLU)
    tableau: ButcherTableau = EULER
    num_steps: int = 1

    def __post_init__(self) -> None:
        _check_operator(self.operator)
        _check_bias(self.bias, self.operator.codomain)
        object.__setattr__(self, "activation", activation_named(self.activation, "GradientFlowStep"))
        object.__setattr__(self, "tableau", _explicit(self.tableau))
        _check_step(self.step_size)
        if isinstance(self.num_steps, bool) or not isinstance(self.num_steps, int) or self.num_steps < 1:
            raise ConfigError(
                f"GradientFlowStep: num_steps is {self.num_steps!r}, expected a whole number >= 1. Use 1."
            )

    @property
    def domain(self) -> Space:
        return self.operator.domain

    @property
    def codomain(self) -> Space:
        return self.operator.domain

    def _affine(self, x: Tensor) -> Tensor:
        z = self.operator.forward(x)
        return z if self.bias is None else z + self.bias

    def _stages(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        """A Y_i + b for every stage, and the end of one step."""
        h = self._h
        seen: list[Tensor] = []
        slopes: list[Tensor] = []
        for row in self.tableau.a:
            seen.append(self._affine(_combined(x, h, row, slopes)))
            slopes.append(-self.operator.adjoint(self.activation.value(seen[-1])))
        return seen, _combined(x, h, self.tableau.b, slopes)

    @property
    def _h(self) -> float | Tensor:
        return self.step_size / self.num_steps

    def _forward(self, x: Tensor) -> Tensor:
        for _ in range(self.num_steps):
            _, x = self._stages(x)
        return x

    def _pull(self, z: Tensor, v: Tensor) -> Tensor:
        """f'(Y) v = -A* sigma'(z) A v, which is its own adjoint."""
        return -self.operator.adjoint(self.activation.slope(z) * self.operator.forward(v))

    def _jvp(self, x: Tensor, v: Tensor) -> Tensor:
        for _ in range(self.num_steps):
            seen, x = self._stages(x)
            slopes: list[Tensor] = []
            for row, z in zip(self.tableau.a, seen, strict=True):
                slopes.append(self._pull(z, _combined(v, self._h, row, slopes)))
            v = _combined(v, self._h, self.tableau.b, slopes)
        return v

    def _vjp(self, x: Tensor, z: Tensor) -> Tensor:
        a, b, path = self.tableau.a, self.tableau.b, []
        for _ in range(self.num_steps):
            seen, x = self._stages(x)
            path.append(seen)
        for seen in reversed(path):
            back: list[Tensor] = []  # the last stage first
            for i in reversed(range(len(b))):
                column = [a[j][i] for j in reversed(range(i + 1, len(b)))]
                back.append(self._pull(seen[i], _combined(float(b[i]) * z, 1.0, column, back, self._h)))
            z = z + self._h * sum(back[1:], back[0])
        return z

    def ratio(self) -> float:
        """h L |A|^2, rounded upwards: what must not exceed 2 r; infinite where a learned slope has left [0, L]."""
        if not slopes_hold(self.activation):
            return math.inf
        norm = self.operator.norm().upper
        h = float(self._h.detach() if isinstance(self._h, Tensor) else self._h)
        return h * self.activation.largest_slope * norm * norm * _UP

    def _basis(self) -> Basis:
        """How strongly the hypotheses are known."""
        claims = self.operator.claims()
        stated = [find_claim(claims, name) for name in ("linear", "adjoint", "norm_bound")]
        return min((basis_of(self), *(ASSUMED if claim is None else claim.basis for claim in stated)))

    def claims(self) -> tuple[Claim, ...]:
        return (*super().claims(), *self._contractions())

    def _contractions(self) -> Iterator[Claim]:
        """What follows from h L |A|^2 <= 2 r, for the step size, the operator and the bias as they stand."""
        ratio, radius = self.ratio(), self.tableau.circle_contractivity_radius()
        if not 0 <= ratio <= 2 * radius:
            return
        basis, evidence = self._basis(), f"h L |A|^2 <= 2 r = {2 * radius:g}"
        source = "dissertation, Theorem 3.2.1 and Lemma 3.2.1; Dahlquist, Jeltsch (1979), Theorem 4.1"
        yield Claim(property="nonexpansive", basis=basis, evidence=evidence, source=source)
        alpha = averagedness_of(self)
        if alpha is not None:
            source = "dissertation, Theorem 3.2.3"
            yield Claim(property="averaged", params={"alpha": alpha}, basis=basis, evidence=evidence, source=source)


def averagedness_of(step: GradientFlowStep) -> float | None:
    """alpha of Euler's steps: (h L |A|^2 / 2) of one, and that of a composition of num_steps; None where it is not < 1.

    Source: dissertation, Theorem 3.2.3; Combettes, Yamada (2015), Proposition 2.5, for more than one step.
    """
    single = step.ratio() / 2
    if step.tableau != EULER or not 0 <= single < 1:
        return None
    if step.num_steps == 1:
        alpha = single
    else:
        total = step.num_steps * (single / (1 - single))
        alpha = total / (1 + total) * _UP
    # What is averaged with alpha is so with a larger one; 0, where every image moves alike, is out of range.
    alpha = max(alpha, 2.0**-52)
    return alpha if alpha < 1 else None


def largest_step_size(
    operator: LinearOperator, activation: Activation | str = "relu", tableau: ButcherTableau | str = EULER
) -> float:
    """The largest h with h L |A|^2 <= 2 r, roundings included; 0 for a method that is contractive in no disk.

    Raises: ConfigError if A or L is zero, or the method is implicit: every h will do.
    """
    slope = activation_named(activation, "largest_step_size").largest_slope
    radius = _explicit(tableau).circle_contractivity_radius()
    scale = slope * operator.norm().upper ** 2
    if scale == 0:
        raise ConfigError("largest_step_size: L |A|^2 is 0, expected a positive number. Any step size will do.")
    return 2 * radius / scale / _UP / _UP


def _combined(
    x: Tensor,
    h: float | Tensor,
    weights: Sequence[Fraction],
    parts: list[Tensor],
    factor: float | Tensor = 1.0,
) -> Tensor:
    """x + h sum_i w_i parts_i; zero weights cost nothing."""
    for weight, part in zip(weights, parts, strict=False):
        if weight:
            x = x + (h * float(weight)) * factor * part
    return x


def _explicit(tableau: ButcherTableau | str) -> ButcherTableau:
    found = TABLEAUX.get(tableau) if isinstance(tableau, str) else tableau
    if not isinstance(found, ButcherTableau) or not found.is_explicit:
        names = ", ".join(name for name, known in TABLEAUX.items() if known.is_explicit)
        raise ConfigError(
            f"GradientFlowStep: tableau is {tableau!r}, expected an explicit method: {names}, or a ButcherTableau with "
            "a strictly lower triangular a. Choose one."
        )
    return found


def _check_operator(operator: LinearOperator) -> None:
    if not isinstance(operator, LinearOperator):
        raise ConfigError(
            f"GradientFlowStep: operator is a {type(operator).__name__}, expected a LinearOperator. "
            "Its adjoint and its norm are needed."
        )
    for space in (operator.domain, operator.codomain):
        if space.is_complex:
            raise ShapeError(
                f"GradientFlowStep: operator maps {operator.domain.dtype} to {operator.codomain.dtype}, expected real "
                "images: the activation is a function of real numbers. Take real and imaginary parts as channels."
            )


def _check_bias(bias: Tensor | None, space: Space) -> None:
    if bias is not None:
        space.check(bias[None], "GradientFlowStep: bias, with a batch axis,")


def _check_step(step_size: float | Tensor) -> None:
    one = not isinstance(step_size, Tensor) or (step_size.ndim == 0 and not step_size.is_complex())
    if isinstance(step_size, str | complex) or not one or not hasattr(step_size, "__float__"):
        raise ConfigError(f"GradientFlowStep: step_size is {step_size!r}, expected one real number. Use 1.0.")
    value = float(step_size.detach() if isinstance(step_size, Tensor) else step_size)
    if not 0 <= value < math.inf:
        raise ConfigError(f"GradientFlowStep: step_size is {value}, expected a finite number >= 0. Use 1.0.")
