"""Objects that say a group leaves them alone, or commutes with them, and are wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from invkit.claims import BY_CONSTRUCTION, Claim
from invkit.derivations.symmetry import Moved
from invkit.functionals import L1, Composition, GroupL1, WeightedL1
from invkit.functionals.total_variation import gradient_of
from invkit.models import Denoiser
from invkit.operators import Blur, Downsampling, FiniteDifference, Space
from invkit.testing import Example

from .registry import Specimen, of_kind

SQUARE = Space((1, 5, 5), torch.float64)
LOPSIDED = torch.tensor([[0.0, 0.1, 0.0], [0.0, 0.5, 0.4], [0.0, 0.0, 0.0]], dtype=torch.float64)
EVEN = torch.ones(3, 3, dtype=torch.float64) / 9


def equivariant(name: str) -> Claim:
    return Claim(property="equivariant", params={"group": name}, basis=BY_CONSTRUCTION)


@dataclass(frozen=True, eq=False, repr=False)
class TurnedTV(Composition):
    """Penalties of differences, said not to mind quarter turns."""

    def is_invariant(self, action: Any) -> bool:
        return isinstance(action, Moved) and action.group == "C4"


@dataclass(frozen=True, eq=False, repr=False)
class ShuffledWeights(WeightedL1):
    """A weight for each pixel, said not to mind where the pixels go."""

    def is_invariant(self, action: Any) -> bool:
        return isinstance(action, Moved)


@dataclass(frozen=True, eq=False, repr=False)
class TurnedRows(GroupL1):
    """Lengths of rows, said not to mind that rows become columns."""

    def is_invariant(self, action: Any) -> bool:
        return isinstance(action, Moved) and action.group != "permutations"


@dataclass(frozen=True, eq=False, repr=False)
class SymmetricBlur(Blur):
    """A convolution that commutes with what it is told to say."""

    group: str = "C4"

    def claims(self) -> tuple[Claim, ...]:
        return (equivariant(self.group),)


@dataclass(frozen=True, eq=False, repr=False)
class MirroredDecimation(Downsampling):
    """The first pixel of each block, said to be the last one too."""

    def claims(self) -> tuple[Claim, ...]:
        return (equivariant("flips"),)


@dataclass(frozen=True, eq=False, repr=False)
class MirroredDifferences(FiniteDifference):
    """Forward differences, said to stay such in a mirror."""

    def claims(self) -> tuple[Claim, ...]:
        return (equivariant("flips"),)


class Layer(Denoiser):
    """A map that says it commutes with a group."""

    def __init__(self, function: Callable[[Tensor], Tensor], name: str) -> None:
        super().__init__()
        self.function, self.name = function, name

    def forward(self, x: Tensor, noise_std: float | Tensor | None = None) -> Tensor:
        return self.function(x)

    def claims(self) -> tuple[Claim, ...]:
        return (equivariant(self.name),)


def zero_padded(x: Tensor) -> Tensor:
    return functional.conv2d(x, EVEN[None, None], padding=1)


def circular(x: Tensor) -> Tensor:
    return functional.conv2d(functional.pad(x, (1, 1, 1, 1), mode="circular"), EVEN[None, None])


def pooled(x: Tensor) -> Tensor:
    """Means of blocks of two, repeated; what is left over at the end of an odd axis is dropped."""
    return functional.interpolate(functional.avg_pool2d(x, 2), size=x.shape[-2:])


def strided(x: Tensor) -> Tensor:
    """Every second pixel, repeated."""
    return functional.interpolate(x[..., ::2, ::2], size=x.shape[-2:])


def steep(x: Tensor) -> Tensor:
    """The learned layer of a network whose bias knows the place."""
    return torch.tanh(x + torch.linspace(0, 1e-4, x.shape[-1], dtype=x.dtype))


def on_squares(subject: Any) -> Example:
    return Example(subject=subject, space=SQUARE)


functional_, operator, denoiser = map(of_kind, ("functional", "operator", "denoiser"))

SYMMETRIES: tuple[Specimen, ...] = (
    functional_(
        "isotropic TV said to be invariant under quarter turns",
        lambda: on_squares(TurnedTV(GroupL1((1,)), gradient_of(SQUARE))),
        "invariance",
        lambda: on_squares(TurnedTV(L1(), gradient_of(SQUARE))),
    ),
    functional_(
        "weights of pixels that may be shuffled",
        lambda: ShuffledWeights(1 + torch.arange(4, dtype=torch.float64).reshape(1, 1, 4) / 100),
        "invariance",
    ),
    functional_("rows that may become columns", lambda: TurnedRows((1,)), "invariance", lambda: TurnedRows((0,))),
    operator(
        "a blur with a lopsided kernel said to commute with quarter turns",
        lambda: SymmetricBlur(LOPSIDED, (5, 5)),
        "equivariance",
        lambda: SymmetricBlur(EVEN, (5, 5)),
    ),
    operator(
        "a blur with zeros beyond the edge said to commute with shifts",
        lambda: SymmetricBlur(EVEN, (5, 4), boundary="zero", group="translations"),
        "equivariance",
        lambda: SymmetricBlur(EVEN, (5, 4), group="translations"),
    ),
    operator(
        "the first pixel of each block said to commute with reflections",
        lambda: MirroredDecimation((4, 6), method="decimate", dtype=torch.float64),
        "equivariance",
        lambda: MirroredDecimation((4, 6), dtype=torch.float64),
    ),
    operator(
        "forward differences said to commute with reflections",
        lambda: MirroredDifferences((5, 4), dtype=torch.float64),
        "equivariance",
    ),
    denoiser(
        "a convolution padded with zeros said to commute with shifts",
        lambda: on_squares(Layer(zero_padded, "translations")),
        "equivariance",
        lambda: on_squares(Layer(circular, "translations")),
    ),
    denoiser(
        "pooling of odd sizes said to commute with reflections",
        lambda: on_squares(Layer(pooled, "flips")),
        "equivariance",
    ),
    denoiser(
        "a stride of two said to commute with shifts",
        lambda: on_squares(Layer(strided, "translations")),
        "equivariance",
    ),
    denoiser("a bias that depends on the place", lambda: on_squares(Layer(steep, "flips")), "equivariance"),
    denoiser(
        "a reflection said to commute with quarter turns",
        lambda: on_squares(Layer(lambda x: x.flip(-1), "C4")),
        "equivariance",
        lambda: on_squares(Layer(lambda x: x.flip(-2, -1), "C4")),
    ),
)
