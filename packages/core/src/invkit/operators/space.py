"""Spaces: where an operator takes its images from and where it puts them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..errors import ConfigError, MissingDependencyError, ShapeError

#: The real and the complex dtype of each precision.
_PAIRS = {
    torch.float16: torch.complex32,
    torch.float32: torch.complex64,
    torch.float64: torch.complex128,
}
_REAL_OF = {complex_dtype: real for real, complex_dtype in _PAIRS.items()}


def real_dtype(dtype: torch.dtype) -> torch.dtype:
    """The real dtype of the same precision."""
    return _REAL_OF.get(dtype, dtype)


def complex_dtype(dtype: torch.dtype) -> torch.dtype:
    """The complex dtype of the same precision."""
    return _PAIRS.get(dtype, dtype)


def same_kind(dtype: torch.dtype, like: torch.dtype) -> torch.dtype:
    """The dtype with the precision of ``dtype`` that is complex exactly if ``like`` is."""
    return complex_dtype(dtype) if like.is_complex else real_dtype(dtype)


@dataclass(frozen=True)
class Space:
    """Tensors of one shape, dtype and device, with the real inner product Re <x, z>.

    shape: ``(channel, *spatial)``, without the batch axis.   dtype: float or complex.

    Raises: ShapeError if a size is not positive or the dtype is neither real nor complex floating point;
    MissingDependencyError if the device is not there.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype = torch.float32
    device: torch.device = torch.device("cpu")

    def __post_init__(self) -> None:
        if any(n != int(n) for n in self.shape):
            raise ShapeError(f"Space: shape is {self.shape}, expected whole numbers. Name (channel, *spatial).")
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))
        object.__setattr__(self, "device", numbered(torch.device(self.device)))
        if not self.shape or any(n < 1 for n in self.shape):
            raise ShapeError(f"Space: shape is {self.shape}, expected positive sizes. Name (channel, *spatial).")
        if not (self.dtype.is_floating_point or self.dtype.is_complex):
            raise ShapeError(f"Space: dtype is {self.dtype}, expected a real or complex floating type. Convert first.")

    @property
    def size(self) -> int:
        """Numbers per image."""
        return math.prod(self.shape)

    @property
    def is_complex(self) -> bool:
        return self.dtype.is_complex

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Space:
        """The same space elsewhere or in another precision; complex stays complex."""
        return replace(
            self,
            device=self.device if device is None else torch.device(device),
            dtype=self.dtype if dtype is None else same_kind(dtype, self.dtype),
        )

    def check(self, x: Tensor, who: str) -> None:
        """Raises: ShapeError if ``x`` is not a batch of this space; ``who`` names the caller in the message."""
        if x.shape[1:] != self.shape or x.ndim == 0:
            raise ShapeError(
                f"{who}: tensor has shape {tuple(x.shape)}, expected (batch, {', '.join(map(str, self.shape))}). "
                "Add the batch and channel axes, or build the operator for this size."
            )
        if x.dtype != self.dtype:
            raise ShapeError(
                f"{who}: dtype is {x.dtype}, expected {self.dtype}. "
                f"Convert the tensor with .to({self.dtype}), or the operator with .to(dtype=...)."
            )
        if x.device.type != self.device.type or (self.device.index is not None and x.device.index != self.device.index):
            raise ShapeError(
                f"{who}: tensor is on {x.device}, expected {self.device}. Move one of them with .to(device=...)."
            )

    def zeros(self, batch: int = 1) -> Tensor:
        """A batch of zeros."""
        return torch.zeros((batch, *self.shape), dtype=self.dtype, device=self.device)

    def randn(self, batch: int = 1, *, generator: torch.Generator) -> Tensor:
        """White noise of unit variance; drawn on the generator's device, so that it does not depend on this one."""
        noise = torch.randn((batch, *self.shape), dtype=self.dtype, device=generator.device, generator=generator)
        return noise.to(self.device)


def numbered(device: torch.device) -> torch.device:
    """The device as its tensors name it: "cuda" is the current one, such as "cuda:0"; there is one "cpu".

    Raises: MissingDependencyError if it is not there.
    """
    if device.type in ("cpu", "meta"):
        return torch.device(device.type)
    try:
        return torch.empty(0, device=device).device
    except (AssertionError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise MissingDependencyError(
            f"device: name is '{device}', expected one that is here ({reason}). Use device='cpu'."
        ) from error


def image_axes(shape: object, who: str) -> tuple[int, ...]:
    """A shape as a tuple.

    Raises: ConfigError if it is none, such as one number.
    """
    if not isinstance(shape, tuple | list) or any(isinstance(n, str | float) for n in shape):
        raise ConfigError(f"{who}: image_shape is {shape!r}, expected the sizes of the axes. Write it as (64, 64).")
    return tuple(shape)


def is_text(value: object) -> bool:
    """Whether a string was given for a number: comparing it would raise a bare TypeError."""
    return isinstance(value, str)


def check_tensor(value: object, who: str, what: str) -> None:
    """Raises: ConfigError unless a value is a tensor."""
    if not isinstance(value, Tensor):
        raise ConfigError(f"{who}: {what} is {type(value).__name__}, expected a tensor. Wrap it in torch.tensor(...).")


def inner(x: Tensor, z: Tensor) -> Tensor:
    """<x, z> = sum x conj(z) for each image: shape (batch,)."""
    return (x * z.conj()).flatten(1).sum(1)


def norm(x: Tensor) -> Tensor:
    """|x|_2 of each image, (batch,) in float64: the squares of float32 numbers would vanish or overflow."""
    if not x.numel():
        return torch.zeros(len(x), dtype=torch.float64, device=x.device)
    # Of complex numbers the same call takes far longer on a CPU.
    parts = torch.view_as_real(x.resolve_conj()) if x.is_complex() else x
    return torch.linalg.vector_norm(parts.flatten(1), dim=1, dtype=torch.float64)


def rounding(x: Tensor) -> float:
    """The relative spacing of numbers in the precision of x."""
    return torch.finfo(x.dtype).eps


def squared_magnitude(x: Tensor) -> Tensor:
    """|x|^2 elementwise, real."""
    if not x.is_complex():
        return x.square()
    # A conjugate is a lazy view in torch, which has no real view of itself. Summing over the pair of parts instead of
    # adding them takes far longer on a CPU.
    real, imaginary = torch.view_as_real(x.resolve_conj()).unbind(-1)
    return torch.addcmul(real.square(), imaginary, imaginary)


def add_scaled(x: Tensor, factor: float | Tensor, z: Tensor) -> Tensor:
    """x + factor z in one pass; the factor is real, one number or one for each image."""
    if not isinstance(factor, Tensor):
        return torch.add(x, z, alpha=factor)
    return torch.addcmul(x, torch.as_tensor(per_image(factor, x)).to(x.dtype), z)


def per_image(value: float | Tensor, x: Tensor) -> float | Tensor:
    """Give a number, or one number per image of shape (batch,), the axes of ``x``."""
    if isinstance(value, Tensor) and value.ndim == 1:
        value = value.to(real_dtype(x.dtype))  # one number per image must not widen the images
        if len(value) != len(x):
            raise ShapeError(
                f"per-image value: there are {len(value)}, expected {len(x)}, one for each image. "
                "Pass a float, or a tensor of shape (batch,)."
            )
        return value.reshape(-1, *(1,) * (x.ndim - 1))
    return value
