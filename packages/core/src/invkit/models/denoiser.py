"""Denoisers: what Plug-and-Play and RED put in the place of a proximal map."""

from __future__ import annotations

import abc
from dataclasses import replace

from torch import Tensor, nn

from ..claims import Basis, Claim
from ..operators.space import Space
from .calls import basis_of_calls


class Denoiser(nn.Module, abc.ABC):
    """denoiser(x, noise_std) -> x: a cleaner image of the same shape, each image of the batch by itself.

    noise_std: the standard deviation of the noise to remove, a number or one for each image; None is the one that the
        denoiser was made for. A denoiser made for one level ignores it.

    A class outside the core that states nothing is assumed to do what its claims say; its author may state in its own
    body ``basis: ClassVar[Basis] = BY_CONSTRUCTION``.
    """

    @abc.abstractmethod
    def forward(self, x: Tensor, noise_std: float | Tensor | None = None) -> Tensor:
        """Denoise a batch (batch, channel, *spatial), real or complex as the denoiser allows.

        Raises: ShapeError if it cannot take these images.
        """

    def claims(self) -> tuple[Claim, ...]:
        """What holds for x -> denoiser(x, noise_std), for every noise_std that the denoiser accepts, None included:
        ``averaged``, ``firmly_nonexpansive``, ``nonexpansive``, ``lipschitz``, ``gradient_field``, ``linear``, each
        with its basis.

        The level is the same for both images of a pair. The theorems about methods that use the denoiser at some level
        rest on these; ``invkit check`` measures at None, 0.05 and 0.5. What holds at one level only is no claim.
        """
        return ()


class BoundedDenoiser(Denoiser):
    """A denoiser whose results are never larger than a number that it knows."""

    @abc.abstractmethod
    def radius(self, space: Space) -> float:
        """|D(x)| <= radius for every image x of this space."""


def known_claims(denoiser: Denoiser) -> tuple[Claim, ...]:
    """What a denoiser states, no stronger than its class is known: theorems rest on these."""
    basis = basis_of_denoiser(denoiser)
    return tuple(replace(claim, basis=min(claim.basis, basis)) for claim in denoiser.claims())


def basis_of_denoiser(denoiser: Denoiser) -> Basis:
    """How strongly it is known that a denoiser does what it says: see ``basis_of_calls``."""
    return basis_of_calls(denoiser)
