"""Total generalised variation of any order: total variation that does not mind slopes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..derivations import functionals as rules
from ..errors import ConfigError, DataError
from ..operators.finite_difference import Boundary
from ..operators.restriction import Restriction
from ..operators.space import Space, inner, real_dtype
from ..operators.symmetric_derivative import SymmetricDerivative
from ..operators.tensor_residual import TensorResidual
from .algebra import add, scale
from .base import Functional, as_float, check_weight, parameters_hold
from .norms import GroupL1
from .partial_minimum import PartialMinimum
from .tgv_value import inner_minimum


@dataclass(frozen=True, eq=False, repr=False)
class TGV(PartialMinimum):
    """TGV(x) = min over w_1, ..., w_{k-1} of sum_{l=1..k} alpha_{k-l} sum_p |(E w_{l-1} - w_l)_p|, w_0 = x, w_k = 0.

    w_l: symmetric tensor fields of order l, |.| the Frobenius norm, E as in ``SymmetricDerivative``; where a
        difference of E would reach beyond the edge there is no term, so that TGV is zero exactly for polynomials of
        degree less than k (in exact arithmetic, and to rounding here).
    space: of the images, real or complex; real and imaginary parts stand in one group, channels are independent.
    weights: (alpha_0, ..., alpha_{k-1}); alpha_{k-1} weighs E x - w_1, alpha_0 the highest derivative; k is their
        number. Floats, or 0-d tensors that are learned.
    boundary, spacing: as in ``FiniteDifference``. With the spacing in mm, alpha_j has the unit of alpha_{k-1} times
        mm^(k-1-j).

    Solvers take the minimum over x and all w_l at once (``lifted``) and never call ``value``, which minimises over the
    w_l by Newton's method until the duality gap of each image proves it to ``rtol``: the upper end of the gap. It waits
    for the device, and its matrices are dense: for images up to 40 x 40 or so, and weights within a factor of 1e4 of
    each other. Its gradient is a subgradient that the gap proves to the same accuracy.

    Raises: ConfigError if there are fewer than two weights or one is not >= 0; from ``value``, DataError if an image is
    not finite and ConvergenceError if ``max_steps`` do not suffice.
    Source: Bredies, Kunisch, Pock (2010), Total generalized variation.
    """

    space: Space
    weights: tuple[float | Tensor, ...] = (2.0, 1.0)
    boundary: Boundary = "neumann"
    spacing: float | tuple[float, ...] = 1.0
    rtol: float = 1e-6
    max_steps: int = 100

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", tuple(self.weights))
        if len(self.weights) < 2:
            raise ConfigError(
                f"TGV: there are {len(self.weights)} weights, expected at least 2, one for each order. "
                "Use total_variation for order 1."
            )
        for weight in self.weights:
            check_weight(weight, "TGV (weights)")
        if not 0 < self.rtol < 1 or self.max_steps < 1:
            raise ConfigError(
                f"TGV: rtol is {self.rtol} and max_steps is {self.max_steps}, expected a number in (0, 1) and a "
                "positive one. Use 1e-6 and 100."
            )
        self.derivatives()  # a wrong boundary or spacing is refused here

    @property
    def order(self) -> int:
        """k."""
        return len(self.weights)

    @property
    def domain(self) -> Space:
        return self.space

    @property
    def joint(self) -> Functional:
        norm = GroupL1((1,))
        return add(*(scale(a, norm @ k) for a, k in zip(reversed(self.weights), self.residuals(), strict=True)))

    @property
    def restriction(self) -> Restriction:
        space = self.residuals()[0].domain
        return Restriction(space, 0, torch.arange(self.space.shape[0], device=space.device))

    derivations = (rules.PARTIAL_MINIMUM_CONVEX,)

    def convexity(self) -> float | None:
        return 0.0 if parameters_hold(self) else None  # a jointly convex function, minimised over some variables

    def derivatives(self) -> tuple[SymmetricDerivative, ...]:
        """E on tensors of order 0, ..., k - 1."""
        (channels, *image_shape), space = self.space.shape, self.space
        settings = (self.boundary, self.spacing, space.dtype, space.device)
        return tuple(
            SymmetricDerivative(tuple(image_shape), channels, level, *settings) for level in range(self.order)
        )  # fmt: skip

    def residuals(self) -> tuple[TensorResidual, ...]:
        """u -> E w_{l-1} - w_l for l = 1, ..., k."""
        return tuple(TensorResidual(e, self.order) for e in self.derivatives())

    def _value(self, x: Tensor) -> Tensor:
        bad = (~torch.isfinite(x.detach())).flatten(1).sum(1)
        if bool(bad.any()):
            raise DataError(
                f"TGV.value: image {int(bad.nonzero()[0])} has {int(bad[bad > 0][0])} values that are NaN or inf, "
                "expected 0. Take a shorter step, or repair the image."
            )
        # Channels are independent: each is an image of its own.
        single = replace(self, space=replace(self.space, shape=(1, *self.space.shape[1:]))).to(dtype=torch.float64)
        images = x.flatten(0, 1).unsqueeze(1).to(single.space.dtype)
        u, q = inner_minimum(single, images.detach())
        value = single.joint.value(u)  # its derivative by a weight is that at the minimiser (Danskin)
        if x.requires_grad:
            value = value + inner(images - images.detach(), q).real
        return value.unflatten(0, x.shape[:2]).sum(1).to(real_dtype(x.dtype))

    def __repr__(self) -> str:
        return f"TGV(weights=({', '.join(f'{as_float(weight):g}' for weight in self.weights)}))"


def tgv(
    domain: Space,
    *,
    order: int = 2,
    weights: Sequence[float | Tensor] | None = None,
    boundary: Boundary = "neumann",
    spacing: float | tuple[float, ...] = 1.0,
) -> TGV:
    """Total generalised variation of an order; see ``TGV``.

    weights: (alpha_0, ..., alpha_{order-1}), the highest derivative first; None is (order, ..., 2, 1), which for order
        2 is the ratio that Knoll, Bredies, Pock, Stollberger (2011) use for MRI.

    Raises: ConfigError if the number of weights is not the order, or the order is less than 2.
    """
    if isinstance(order, bool) or order != int(order) or order < 2:
        raise ConfigError(f"tgv: order is {order}, expected a whole number >= 2. Use total_variation for order 1.")
    chosen = tuple(float(order - j) for j in range(int(order))) if weights is None else tuple(weights)
    if len(chosen) != order:
        raise ConfigError(
            f"tgv: there are {len(chosen)} weights, expected {order}, one for each order. "
            "Give (alpha_0, ..., alpha_{order-1}), the highest derivative first."
        )
    return TGV(domain, chosen, boundary, spacing)
