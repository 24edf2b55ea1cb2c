"""Denoisers made of another map, which claim what follows from its claims and nothing more."""

from __future__ import annotations

import math
from fractions import Fraction

import torch
from torch import Tensor

from ..claims import Claim, find_claim
from ..derivations import maps, sectors
from ..derivations.sectors import Sectors
from ..errors import ConfigError, ShapeError
from ..operators.base import LinearOperator, Operator
from ..operators.nonlinear.sectors import sectors_of
from ..operators.space import Space
from .denoiser import BoundedDenoiser, Denoiser, known_claims
from .denoiser_symmetry import passed_on


class OperatorDenoiser(Denoiser):
    """D(x) = F(x) for any operator from a space to itself, with what follows from the claims of its parts.

    operator: F; it takes images of its own space only, and stays where it is under ``.to(...)``.
    noise_std is ignored.

    Raises: ConfigError if it is no operator from a space to itself.
    """

    def __init__(self, operator: Operator) -> None:
        super().__init__()
        if not isinstance(operator, Operator) or operator.domain != operator.codomain:
            raise ConfigError(
                f"OperatorDenoiser: operator is {operator!r}, expected one from a space to itself. "
                "Compose it with its adjoint, or choose another."
            )
        self.operator = operator

    @property
    def domain(self) -> Space:
        """The space of the images that it takes."""
        return self.operator.domain

    def forward(self, x: Tensor, noise_std: float | Tensor | None = None) -> Tensor:
        return self.operator.forward(x)

    def claims(self) -> tuple[Claim, ...]:
        found = sectors.claims_of(sectors_of(self.operator), evidence=f"of {self.operator!r}")
        found += tuple(claim for claim in self.operator.claims() if claim.property == "equivariant")
        if not isinstance(self.operator, LinearOperator):
            return found
        linear = find_claim(self.operator.claims(), "linear")
        symmetric = "self_adjoint" in self.operator.structure
        field = Claim(property="gradient_field", basis=linear.basis, evidence="self-adjoint") if linear else None
        return (*found, *((linear,) if linear else ()), *((field,) if field and symmetric else ()))


class ClippedDenoiser(BoundedDenoiser):
    """D(x) = min(max(E(x), low), high) for real images: the projection onto a box behind another denoiser E.

    The projection is firmly nonexpansive, so that D is as averaged as the composition, and its results are bounded:
    an iteration with a nonexpansive D and a last step that is D has a fixed point.

    denoiser: E.   low, high: finite numbers, low <= high.

    Raises: ConfigError if the bounds are not in order; ShapeError for complex images.
    """

    def __init__(self, denoiser: Denoiser, low: float = 0.0, high: float = 1.0) -> None:
        super().__init__()
        check_inner(denoiser, "ClippedDenoiser")
        if not -math.inf < low <= high < math.inf:
            raise ConfigError(
                f"ClippedDenoiser: bounds are [{low}, {high}], expected finite numbers with low <= high. Correct them."
            )
        self.denoiser, self.low, self.high = denoiser, float(low), float(high)

    def forward(self, x: Tensor, noise_std: float | Tensor | None = None) -> Tensor:
        if x.is_complex():
            raise ShapeError(
                f"ClippedDenoiser: image is {x.dtype}, expected a real one. Use a denoiser that bounds magnitudes."
            )
        return self.denoiser(x, noise_std).clamp(self.low, self.high)

    def radius(self, space: Space) -> float:
        largest = max(abs(self.low), abs(self.high))
        # The bounds are rounded to the precision of the images.
        return largest * math.sqrt(space.size) * (1 + 2 * torch.finfo(space.dtype).eps)

    def claims(self) -> tuple[Claim, ...]:
        clip = sectors.sector(0, 1)
        if self.low == self.high:
            clip = sectors.sector(0, 0)
        found = sectors.composed(inner_sectors(self.denoiser), clip)
        stretch = sectors.claims_of(
            found,
            evidence=f"a projection behind {type(self.denoiser).__name__}",
            source=maps.COMPOSITION_AVERAGED.source,
        )
        return (*stretch, *passed_on(self.denoiser))


class ResidualDenoiser(Denoiser):
    """D(x) = x - gamma E(x): E is trained to show the noise.

    For an alpha-averaged E it is Lipschitz with |1 - gamma (1 - alpha)| + gamma alpha, which is 1 + gamma for one that
    is only nonexpansive: E(x) = x - 2 relu(x + 100) attains it. It is (gamma/2)-averaged if E is firmly nonexpansive
    and gamma < 2. ``invkit.explain`` shows which it is.

    denoiser: E.   gamma: a positive number.

    Raises: ConfigError if gamma is not a positive number.
    """

    def __init__(self, denoiser: Denoiser, gamma: float = 1.0) -> None:
        super().__init__()
        check_inner(denoiser, "ResidualDenoiser")
        check_gamma(gamma, "ResidualDenoiser")
        self.denoiser, self.gamma = denoiser, float(gamma)

    def forward(self, x: Tensor, noise_std: float | Tensor | None = None) -> Tensor:
        return x - self.gamma * self.denoiser(x, noise_std)

    def claims(self) -> tuple[Claim, ...]:
        stretch = sectors.claims_of(
            sectors.residual(self.gamma, inner_sectors(self.denoiser)),
            evidence=f"x - {self.gamma:g} E(x) with E of {type(self.denoiser).__name__}",
            source=maps.RESIDUAL_LIPSCHITZ.source,
        )
        return (*stretch, *passed_on(self.denoiser))


class OracleResidual(Denoiser):
    """D(x) = (1 - 1/damping) oracle(x) + (x - gamma E(x)) / damping.

    In the literature the oracle is another denoiser, such as BM3D, and ``damping`` is 1 - gamma + 2 gamma alpha with an
    alpha that was chosen and not proved. What follows from the claims of E and of the oracle, and nothing else, is
    claimed. If the oracle is a fixed image it adds no distance, and D is Lipschitz with the constant of x - gamma E(x)
    divided by damping; that is a bound below 1 only if damping is large enough for the alpha that E proves. If it
    depends on x and claims nothing, nothing is known of D, whatever E is.

    denoiser: E.   oracle: a denoiser, or a fixed tensor that broadcasts to the images.   gamma: a positive number.
    damping: at least 1.

    Raises: ConfigError if a setting is outside its range.
    Source: Hertrich, Neumayer, Steidl (2021), Convolutional proximal neural networks and Plug-and-Play algorithms.
    """

    image: Tensor | None

    def __init__(self, denoiser: Denoiser, oracle: Denoiser | Tensor, gamma: float, damping: float) -> None:
        super().__init__()
        check_inner(denoiser, "OracleResidual")
        if not isinstance(oracle, Tensor):
            check_inner(oracle, "OracleResidual")
        check_gamma(gamma, "OracleResidual")
        if not 1 <= damping < math.inf:
            raise ConfigError(f"OracleResidual: damping is {damping}, expected a number >= 1. Use 1 for no oracle.")
        self.denoiser, self.gamma, self.damping = denoiser, float(gamma), float(damping)
        self.oracle: Denoiser | None = None if isinstance(oracle, Tensor) else oracle
        self.register_buffer("image", oracle if isinstance(oracle, Tensor) else None)

    def forward(self, x: Tensor, noise_std: float | Tensor | None = None) -> Tensor:
        oracle = self._fixed(x) if self.oracle is None else self.oracle(x, noise_std)
        residual = x - self.gamma * self.denoiser(x, noise_std)
        return (1 - 1 / self.damping) * oracle + residual / self.damping

    def _fixed(self, x: Tensor) -> Tensor:
        assert self.image is not None
        image, shape = self.image, x.shape
        fits = image.ndim <= x.ndim and all(n in (1, m) for n, m in zip(image.shape[::-1], shape[::-1], strict=False))
        if not fits or image.is_complex() > x.is_complex():
            raise ShapeError(
                f"OracleResidual: oracle has shape {tuple(image.shape)} and dtype {image.dtype}, expected one that "
                f"broadcasts to {tuple(shape)}, {x.dtype}. Make it of these images."
            )
        return image.to(x.dtype)

    def claims(self) -> tuple[Claim, ...]:
        still = self.oracle is None
        oracle = sectors.sector(0, 0) if self.oracle is None else inner_sectors(self.oracle)
        residual = sectors.residual(self.gamma, inner_sectors(self.denoiser))
        share = 1 / Fraction(self.damping)
        found = sectors.combined((1 - share, share), (oracle, residual)) if self.damping > 1 else residual
        return sectors.claims_of(
            found, evidence="the oracle is a fixed image" if still else "the oracle claims this much"
        )


def inner_sectors(denoiser: Denoiser) -> Sectors:
    """What is known of a denoiser that another one is made of."""
    return sectors.of_claims(known_claims(denoiser))


def check_inner(denoiser: object, who: str) -> None:
    """Raises: ConfigError if it is not a ``Denoiser``."""
    if not isinstance(denoiser, Denoiser):
        raise ConfigError(
            f"{who}: denoiser is {type(denoiser).__name__}, expected a Denoiser. "
            "Derive from invkit.models.Denoiser and state what it claims."
        )


def check_gamma(gamma: float, who: str) -> None:
    """Raises: ConfigError if gamma is not a positive number."""
    if not 0 < gamma < math.inf:
        raise ConfigError(f"{who}: gamma is {gamma}, expected a positive number. Use 1.")
