"""Denoisers of the core: proximal maps and a Gaussian filter, for which every premise holds by construction."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..claims import BY_CONSTRUCTION, Claim
from ..errors import ConfigError, InvkitError, ShapeError
from ..functionals.algebra import scale
from ..functionals.base import Functional, Proximable, as_float, check_weight
from ..functionals.norms import SquaredL2
from ..operators.moving import basis_of
from ..operators.space import Space, real_dtype
from ..solvers.base import Solver
from ..solvers.factors import proximal_sectors
from ..solvers.solve import solve
from ..solvers.splitting.admm import ADMM
from .denoiser import Denoiser
from .denoiser_symmetry import basis_on_every_space, prox_equivariances
from .variational import Regulariser, Stopping, check_regulariser


class ProximalDenoiser(Denoiser):
    """D(x) = prox_R(x, weight): the minimiser of R(u) + |u - x|^2 / (2 weight).

    R with a proximal map in closed form is applied exactly: D is firmly nonexpansive and the gradient of a convex
    function (Moreau 1965). Any other R, such as total variation, is minimised by ``solver`` (ADMM if None) to
    ``stopping``, from the start at every call, which takes tens of steps or more; then D is so only up to that
    tolerance, and the claims say nothing. They speak of images of every shape: that a regulariser which
    is not one of the core's is on all of them what it is on a small one is assumed. With an operator, its space counts.

    regulariser: a function of the space of the images, such as ``functionals.total_variation``.
    noise_std: multiplies the weight by its square, so that D is the maximum a posteriori estimate for that noise.

    Raises: ConfigError if the weight is not positive.
    """

    def __init__(
        self,
        regulariser: Regulariser,
        weight: float,
        *,
        solver: Solver | None = None,
        stopping: Stopping | None = None,
    ) -> None:
        super().__init__()
        check_regulariser(regulariser, "ProximalDenoiser")
        check_weight(weight, "ProximalDenoiser")
        if not weight > 0:
            raise ConfigError(f"ProximalDenoiser: weight is {weight}, expected a positive number. Use a weight > 0.")
        self.regulariser, self.weight = regulariser, weight
        self.solver = solver if solver is not None else ADMM()
        self.stopping = stopping or Stopping(rtol=1e-6, max_steps=5000)

    def functional(self, x: Tensor) -> Functional:
        """R on the space of these images."""
        return self.regulariser(Space(tuple(x.shape[1:]), x.dtype, x.device))

    def weight_at(self, noise_std: float | Tensor | None) -> float | Tensor:
        """The weight for noise of this level."""
        return self.weight if noise_std is None else self.weight * noise_std**2

    def forward(self, x: Tensor, noise_std: float | Tensor | None = None) -> Tensor:
        weight = self.weight_at(noise_std)
        functional = self.functional(x)
        if isinstance(functional, Proximable):
            return functional.prox(x, weight)
        if isinstance(weight, Tensor) and weight.ndim:
            raise ShapeError(
                f"ProximalDenoiser: noise_std has shape {tuple(weight.shape)}, expected one number for "
                f"{functional!r}, which has no closed form. Denoise image by image."
            )
        return solve(SquaredL2(x) + scale(weight, functional), self.solver, **self.stopping.settings()).x

    def claims(self) -> tuple[Claim, ...]:
        probe = on_a_small_image(self)
        known = proximal_sectors(probe, as_float(self.weight)) if isinstance(probe, Proximable) else ()
        if probe is None or not known:
            return ()  # not convex, as with a learned weight that has become negative, or no exact proximal map
        how = f"the proximal map of {probe!r}, which is convex"
        basis = min(basis_on_every_space(self.regulariser, probe), max(one.basis for one in known))
        if basis < basis_of(probe):
            how += "; that R is so on every space is assumed"
        return (
            Claim(property="firmly_nonexpansive", basis=basis, evidence=how, source="Moreau (1965)"),
            Claim(property="gradient_field", basis=basis, evidence=how, source="Moreau (1965)"),
            *prox_equivariances(self.regulariser, probe),
        )


def on_a_small_image(denoiser: ProximalDenoiser) -> Functional | None:
    """R on one space, None if it takes images of another shape only, such as those of a reference."""
    try:
        return denoiser.functional(torch.zeros((1, 1, 4, 4)))
    except InvkitError:
        return None


class GaussianFilter(Denoiser):
    """Convolution with a Gaussian, periodic: the transfer function exp(-std^2 |k|^2 / 2) lies in (0, 1].

    D is linear, self-adjoint, positive semidefinite and of norm 1, so it is firmly nonexpansive, and the gradient of
    0.5 <x, D x>. A poor denoiser, of which every theorem's premise is known exactly.

    std: in pixels.   noise_std is ignored.

    Raises: ConfigError if std is not positive.
    """

    def __init__(self, std: float) -> None:
        super().__init__()
        if not 0 < std < math.inf:
            raise ConfigError(f"GaussianFilter: std is {std}, expected a positive number of pixels. Use 1.")
        self.std = std

    def forward(self, x: Tensor, noise_std: float | Tensor | None = None) -> Tensor:
        if not len(x):
            return x.clone()
        dims = tuple(range(2, x.ndim))
        spectrum = torch.fft.fftn(x, dim=dims)
        for axis in dims:
            angular = 2 * math.pi * torch.fft.fftfreq(x.shape[axis], dtype=real_dtype(x.dtype), device=x.device)
            decay = torch.exp(-0.5 * (self.std * angular) ** 2)
            spectrum = spectrum * decay.reshape(-1, *(1,) * (x.ndim - 1 - axis))
        y = torch.fft.ifftn(spectrum, dim=dims)
        return y if x.is_complex() else y.real

    def claims(self) -> tuple[Claim, ...]:
        how = "linear with a transfer function in (0, 1]"
        kernel = "a periodic convolution whose transfer function is even and the same along each axis"
        return (
            Claim(property="linear", basis=BY_CONSTRUCTION, evidence=how),
            Claim(property="firmly_nonexpansive", basis=BY_CONSTRUCTION, evidence=how),
            Claim(property="gradient_field", basis=BY_CONSTRUCTION, evidence=how),
            *(
                Claim(property="equivariant", params={"group": name}, basis=BY_CONSTRUCTION, evidence=kernel)
                for name in ("D4", "flips", "translations")
            ),
        )
