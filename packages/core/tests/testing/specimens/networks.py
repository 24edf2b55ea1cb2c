"""A small network of layers x - h A* sigma(A x + b), each nonexpansive for h |A|^2 <= 2 and slopes in [0, 1].

What is wrong with one layer hardly shows from end to end; it must show in the layer alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from invkit.claims import ASSUMED, Claim
from invkit.models import Denoiser
from invkit.operators import Space
from invkit.operators.nonlinear.blocks import Block, HasBlocks
from invkit.testing import Example

from .registry import Specimen, of_kind

wrong = of_kind("network")

#: Biases at which every unit is active, and at which smooth activations that are too steep somewhere are steepest.
BIASES = {"all units active": 1e3, "a bias of 1.4": 1.4}


class Layers(Denoiser, HasBlocks):
    """Layers with convolutions of one channel to two, periodic, and exact norms for the sizes in use.

    too_long: factor of the longest step.   padding: of the convolution; its adjoint is always the periodic one.
    """

    def __init__(
        self,
        *,
        num_layers: int = 1,
        too_long: float = 1.0,
        padding: str = "circular",
        activation: Callable[[Tensor], Tensor] = torch.relu,
    ) -> None:
        super().__init__()
        self.padding, self.activation = padding, activation
        generator = torch.Generator().manual_seed(5)
        kernels = [torch.randn(2, 1, 3, 3, dtype=torch.float64, generator=generator) for _ in range(num_layers)]
        self.kernels = torch.nn.ParameterList(kernels)
        self.biases = [0.1 * torch.randn(2, 1, 1, dtype=torch.float64, generator=generator) for _ in range(num_layers)]
        self.steps = [too_long * 2 / norm_of(kernel) ** 2 for kernel in kernels]

    def layer(self, i: int, x: Tensor, shift: float = 0.0) -> Tensor:
        z = functional.conv2d(functional.pad(x, (1, 1, 1, 1), mode=self.padding), self.kernels[i])
        z = self.activation(z + self.biases[i] + shift)
        wrapped = functional.pad(z, (1, 1, 1, 1), mode="circular")
        back = functional.conv2d(wrapped, self.kernels[i].flip(2, 3).transpose(0, 1))
        return x - self.steps[i] * back

    def forward(self, x: Tensor, noise_std: Any = None) -> Tensor:
        if not len(x):
            return x.clone()
        for i in range(len(self.steps)):
            x = self.layer(i, x)
        return x

    def claims(self) -> tuple[Claim, ...]:
        return (Claim(property="nonexpansive", basis=ASSUMED),)

    def lipschitz_blocks(self, space: Space) -> Sequence[Block]:
        return [
            Block(
                name=f"layer {i}",
                call=lambda x, i=i: self.layer(i, x),
                space=space,
                constant=1.0,
                variants={name: lambda x, i=i, b=b: self.layer(i, x, b) for name, b in BIASES.items()},
            )
            for i in range(len(self.steps))
        ]


def norm_of(kernel: Tensor) -> float:
    """The norm of the periodic convolution on the grids that the checks use, from its symbol."""
    return max(float(torch.linalg.matrix_norm(_symbol(kernel, n, m), 2).max()) for n, m in ((9, 8), (64, 64)))


def _symbol(kernel: Tensor, height: int, width: int) -> Tensor:
    spectrum = torch.fft.fft2(kernel, s=(height, width))
    return spectrum.permute(2, 3, 0, 1)


def made(**settings: Any) -> Callable[[], Example]:
    return lambda: Example(subject=Layers(**settings), space=Space((1, 9, 8), torch.float64))


NETWORKS: tuple[Specimen, ...] = (
    wrong("steps h x 1.02", made(num_layers=2, too_long=1.02), "blocks", made(num_layers=2)),
    wrong("norms x 1.01", made(too_long=1.01**2), "blocks"),
    wrong("reflecting boundary with the periodic adjoint", made(padding="reflect"), "blocks"),
    wrong(
        "GELU, whose slopes leave [0, 1]",
        made(activation=functional.gelu),
        "blocks",
        made(activation=functional.softplus),
    ),
)
