"""Denoisers that claim what they are not, and state that is not where it should be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from invkit.claims import ASSUMED, Claim
from invkit.errors import ConfigError
from invkit.functionals.regularisers import l1
from invkit.models import Denoiser, GaussianFilter, ProximalDenoiser
from invkit.operators import Space
from invkit.operators.space import per_image
from invkit.testing import Example

from .registry import Specimen, of_kind

wrong = of_kind("denoiser")
SPACE = Space((2, 5, 4), torch.float64)


class Claiming(Denoiser):
    """A map with a claim of the specimen's choice."""

    def __init__(self, function: Callable[[Tensor], Tensor], name: str, *, at: Any = None, **params: float) -> None:
        super().__init__()
        self.at = at
        self.function, self.claim = function, Claim(property=name, params=params, basis=ASSUMED)

    def forward(self, x: Tensor, noise_std: Any = None) -> Tensor:
        return self.function(x) if noise_std is None or self.at is None else self.at(x, noise_std)

    def claims(self) -> tuple[Claim, ...]:
        return (self.claim,)


class RunningMean(Denoiser):
    """Subtracts a running mean over what it saw in training, which is a buffer or only an attribute."""

    def __init__(self, *, saved: bool) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones((), dtype=torch.float64))
        mean = torch.zeros((), dtype=torch.float64)
        if saved:
            self.register_buffer("mean", mean)
        else:
            self.mean = mean

    def forward(self, x: Tensor, noise_std: Any = None) -> Tensor:
        if self.training and len(x):
            self.mean = 0.9 * self.mean + 0.1 * x.detach().mean()
        return self.scale * x - self.mean


class LearnedScale(Denoiser):
    """A learned scale that is a parameter, or a tensor that the module does not know."""

    def __init__(self, *, saved: bool) -> None:
        super().__init__()
        scale = torch.ones((), dtype=torch.float64)
        self.scale = nn.Parameter(scale) if saved else scale.requires_grad_()

    def forward(self, x: Tensor, noise_std: Any = None) -> Tensor:
        return self.scale * x


class Certified(LearnedScale):
    """A scale that was certified to be 1, and that refuses to run in evaluation with any other."""

    def forward(self, x: Tensor, noise_std: Any = None) -> Tensor:
        if not self.training and float(self.scale.detach()) != 1:
            raise ConfigError("Certified: scale is not 1, expected the one that was certified. Certify it again.")
        return super().forward(x)


class ScaledByTheFirst(Denoiser):
    """Divides by the size of the first images that it sees, and keeps that in a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.zeros((), dtype=torch.float64))

    def forward(self, x: Tensor, noise_std: Any = None) -> Tensor:
        if float(self.scale) == 0 and len(x):
            self.scale = 1 + x.abs().max()
        return x / (1 + self.scale)


class StaleCertificate(Denoiser):
    """A weight for each column, whose largest was looked up when it was made, or is whenever it is asked for."""

    def __init__(self, *, fresh: bool) -> None:
        super().__init__()
        self.fresh = fresh
        self.weights = nn.Parameter(torch.ones(4, dtype=torch.float64))
        self.certified = 1.0

    def forward(self, x: Tensor, noise_std: Any = None) -> Tensor:
        return self.weights * x if x.shape[-1] == 4 else x.clone()

    def claims(self) -> tuple[Claim, ...]:
        constant = float(self.weights.detach().abs().max()) if self.fresh else self.certified
        return (Claim(property="lipschitz", params={"constant": constant}, basis=ASSUMED),)


def on_images(make: Callable[[], Denoiser]) -> Callable[[], Example]:
    return lambda: Example(subject=make().eval(), space=SPACE)


def claiming(function: Callable[[Tensor], Tensor], name: str, **settings: Any) -> Callable[[], Example]:
    return on_images(lambda: Claiming(function, name, **settings))


def refuse(x: Tensor, noise_std: Any) -> Tensor:
    raise ConfigError(f"Claiming: noise_std is {noise_std}, expected None. Leave it out.")


def reflect(x: Tensor, offset: float = 0.5) -> Tensor:
    """id - 1.99 Gamma for a nonexpansive Gamma: its Lipschitz constant is 2.99, beyond the offset only."""
    return x - 1.99 * (x - 2 * torch.relu(x + offset))


def weighted(x: Tensor, noise_std: Any) -> Tensor:
    return x * torch.linspace(0.5, 1, x.shape[-1], dtype=x.dtype)


def circle(x: Tensor) -> Tensor:
    """Every pair of channels turned by a right angle: as long as before, and no gradient."""
    return torch.stack([-x[:, 1], x[:, 0]], 1)


DENOISERS: tuple[Specimen, ...] = (
    wrong("stretches by two", claiming(lambda x: 2 * x, "nonexpansive"), "nonexpansive"),
    wrong("id - 1.99 Gamma called nonexpansive", claiming(reflect, "nonexpansive"), "nonexpansive"),
    wrong(
        "id - 1.99 Gamma called averaged, wrong only far below zero",
        claiming(lambda x: reflect(x, 100.0), "averaged", alpha=0.995),
        "averaged",
        claiming(lambda x: x - 1.99 * (x - torch.relu(x + 100)), "averaged", alpha=0.995),
    ),
    wrong(
        "nonexpansive called firmly so",
        claiming(torch.neg, "firmly_nonexpansive"),
        "firmly-nonexpansive",
        claiming(lambda x: x.clamp(0, 1), "firmly_nonexpansive"),
    ),
    wrong(
        "less averaged than it says",
        claiming(lambda x: -0.5 * x, "averaged", alpha=0.7),
        "averaged",
        claiming(lambda x: -0.5 * x, "averaged", alpha=0.75),
    ),
    wrong(
        "a larger constant than it says",
        claiming(lambda x: torch.sin(3 * x), "lipschitz", constant=2.95),
        "lipschitz",
        claiming(lambda x: torch.sin(3 * x), "lipschitz", constant=3.0),
    ),
    wrong("float32 inside float64", claiming(lambda x: x.float().double(), "nonexpansive"), "nonexpansive"),
    wrong("not linear", claiming(torch.tanh, "linear"), "linearity", on_images(lambda: GaussianFilter(1.3))),
    wrong(
        "firmly nonexpansive at its own level only",
        claiming(lambda x: x / 2, "firmly_nonexpansive", at=lambda x, s: 3 * x + 1),
        "firmly-nonexpansive",
        claiming(lambda x: x / 2, "firmly_nonexpansive", at=refuse),
    ),
    wrong(
        "stretches at high noise only",
        claiming(torch.clone, "nonexpansive", at=lambda x, s: (0.6 + s) * x),
        "nonexpansive",
    ),
    wrong(
        "stretches at low noise only",
        claiming(torch.clone, "lipschitz", at=lambda x, s: 0.1 / s * x, constant=1.5),
        "lipschitz",
    ),
    wrong("affine at other levels", claiming(lambda x: x / 2, "linear", at=lambda x, s: x / 2 + s), "linearity"),
    wrong(
        "mixes its batch",
        claiming(lambda x: x - x.mean(0, keepdim=True), "nonexpansive"),
        "batch-invariance",
        on_images(lambda: ProximalDenoiser(l1, 0.7)),
    ),
    wrong("changes its argument", claiming(lambda x: x.mul_(0.5), "nonexpansive"), "no-input-mutation"),
    wrong(
        "a rotation called a gradient",
        claiming(circle, "gradient_field"),
        "gradient-field",
        claiming(torch.sigmoid, "gradient_field"),
    ),
    wrong(
        "values that leave the stated ball",
        claiming(torch.tanh, "bounded_range", radius=6.3),
        "bounded-range",
        claiming(torch.tanh, "bounded_range", radius=40**0.5),
    ),
    wrong(
        "a running mean that is not in the state_dict",
        on_images(lambda: RunningMean(saved=False)),
        "state-dict",
        on_images(lambda: RunningMean(saved=True)),
    ),
    wrong(
        "a learned number that is not in the state_dict",
        on_images(lambda: LearnedScale(saved=False)),
        "state-dict",
        on_images(lambda: Certified(saved=True)),
    ),
    wrong(
        "weights of each pixel called equivariant under translations",
        claiming(lambda x: x * torch.linspace(0.5, 1, x.shape[-1], dtype=x.dtype), "equivariant", group="translations"),
        "equivariance",
        claiming(lambda x: x.roll(1, -1), "equivariant", group="translations"),
    ),
    wrong(
        "the mean of the levels for all images",
        claiming(torch.clone, "nonexpansive", at=lambda x, s: x / (1 + torch.as_tensor(s, dtype=x.dtype).mean())),
        "noise-levels",
        claiming(torch.clone, "nonexpansive", at=lambda x, s: x / (1 + per_image(s, x))),
    ),
    wrong(
        "couples its batch at other levels",
        claiming(torch.clone, "nonexpansive", at=lambda x, s: x / (1 + len(x))),
        "batch-invariance",
    ),
    wrong(
        "weights of each pixel at other levels called equivariant",
        claiming(torch.clone, "equivariant", at=weighted, group="translations"),
        "equivariance",
    ),
    wrong(
        "stretches images of even size only",
        claiming(lambda x: x * (1 if x.shape[-2] % 2 else 3), "nonexpansive"),
        "nonexpansive",
    ),
    wrong("scaled by what it saw first", on_images(ScaledByTheFirst), "first-call"),
    wrong(
        "a certificate of parameters that were moved",
        on_images(lambda: StaleCertificate(fresh=False)),
        "moved-claims",
        on_images(lambda: StaleCertificate(fresh=True)),
    ),
)
