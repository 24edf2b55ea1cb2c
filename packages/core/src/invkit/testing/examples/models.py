"""Tiny reconstructions with results known from elsewhere."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...functionals import regularisers
from ...models import (
    Adjoint,
    ClippedDenoiser,
    GaussianFilter,
    IterativelyRegularised,
    OperatorDenoiser,
    OracleResidual,
    PlugAndPlay,
    ProximalDenoiser,
    PseudoInverse,
    RegularisationByDenoising,
    ResidualDenoiser,
    Stopping,
    Tikhonov,
    TruncatedSVD,
    Variational,
)
from ...operators import Dense, Identity, Space
from ..cases import Example
from ._problems import Device, Lasso, accuracy, is_single, noise, overdetermined, wide


def adjoint(device: Device, dtype: torch.dtype) -> Example:
    operator, y = overdetermined(device, dtype)
    expected = (wide(y) @ wide(operator.matrix).conj()).unflatten(1, operator.domain.shape).to(dtype)
    return Example(
        subject=Adjoint(), operator=operator, y=y, expected=expected, accuracy=1e-5 if is_single(dtype) else 1e-12
    )


def pseudo_inverse(device: Device, dtype: torch.dtype) -> Example:
    """A matrix with fewer rows than columns: of the many least-squares solutions the shortest is wanted."""
    matrix = noise((5, 12), dtype, device, seed=8)
    operator = Dense(matrix, domain_shape=(1, 3, 4))
    y = noise((2, 5), dtype, device, seed=9)
    expected = (wide(y) @ torch.linalg.pinv(wide(matrix)).mT).unflatten(1, (1, 3, 4)).to(dtype)
    return Example(subject=PseudoInverse(), operator=operator, y=y, expected=expected, accuracy=1e-4)


def tikhonov(device: Device, dtype: torch.dtype) -> Example:
    """The minimiser solves (A*A + c id) x = A* y."""
    operator, y = overdetermined(device, dtype)
    a, weight = wide(operator.matrix), 0.6
    gram = a.mH @ a + weight * torch.eye(a.shape[1], dtype=a.dtype, device=a.device)
    expected = torch.linalg.solve(gram, a.mH @ wide(y).mT).mT.unflatten(1, operator.domain.shape).to(dtype)
    subject = Tikhonov(weight)
    return Example(
        subject=subject, operator=operator, y=y, expected=expected, accuracy=1e-5 if is_single(dtype) else 1e-11
    )


def truncated_svd(device: Device, dtype: torch.dtype) -> Example:
    """A = U D with U unitary and D falling: its singular vectors are the columns of U and the unit images."""
    unitary = torch.linalg.qr(wide(noise((6, 6), dtype, device, seed=6)))[0]
    scales = torch.linspace(1.7, 0.2, 6, dtype=torch.float64, device=device)
    operator = Dense((unitary * scales).to(dtype), domain_shape=(1, 2, 3))
    y = noise((2, 6), dtype, device, seed=9)
    expected = (wide(y) @ unitary.conj())[:, :4] / scales[:4]
    expected = torch.nn.functional.pad(expected, (0, 2)).unflatten(1, (1, 2, 3)).to(dtype)
    subject = TruncatedSVD(rank=4)
    return Example(
        subject=subject, operator=operator, y=y, expected=expected, accuracy=1e-5 if is_single(dtype) else 1e-11
    )


def variational(device: Device, dtype: torch.dtype) -> Example:
    problem = Lasso(device, dtype)
    stopping = Stopping(rtol=1e-6 if is_single(dtype) else 1e-9, max_steps=5000)
    model = Variational(regularisers.l1, weight=problem.weight, stopping=stopping)
    return Example(
        subject=model,
        operator=problem.operator,
        y=problem.y,
        expected=problem.solution(problem.y),
        accuracy=accuracy(dtype, 1e-3),
    )


def iteratively_regularised(device: Device, dtype: torch.dtype) -> Example:
    """k steps of Landweber from zero: (id - (id - tau A*A)^k) (A*A)^-1 A* y, here by multiplying matrices."""
    operator, y = overdetermined(device, dtype)
    steps = 20
    model = IterativelyRegularised(max_steps=steps)
    a = wide(operator.matrix)
    tau = 1 / operator.norm().upper ** 2
    once = torch.eye(a.shape[1], dtype=a.dtype, device=a.device) - tau * a.mH @ a
    x = torch.zeros((len(y), a.shape[1]), dtype=a.dtype, device=a.device)
    for _ in range(steps):
        x = x @ once.mT + tau * wide(y) @ a.conj()
    expected = x.unflatten(1, operator.domain.shape).to(dtype)
    return Example(subject=model, operator=operator, y=y, expected=expected, accuracy=accuracy(dtype, 1e-4))


def plug_and_play(device: Device, dtype: torch.dtype) -> Example:
    """With the proximal map of the l1 norm it finds the minimiser of the lasso."""
    problem = Lasso(device, dtype)
    tau = 0.3  # below 2 / 1.7^2
    stopping = Stopping(rtol=1e-6 if is_single(dtype) else 1e-10, max_steps=5000)
    model = PlugAndPlay(ProximalDenoiser(regularisers.l1, tau * problem.weight), step_size=tau, stopping=stopping)
    return Example(
        subject=model,
        operator=problem.operator,
        y=problem.y,
        expected=problem.solution(problem.y),
        accuracy=accuracy(dtype, 1e-3),
    )


def regularisation_by_denoising(device: Device, dtype: torch.dtype) -> Example:
    """With a Gaussian filter G it solves (A*A + c (id - G)) x = A* y."""
    operator, y = overdetermined(device, dtype)
    weight, denoiser = 0.8, GaussianFilter(0.9)
    n = operator.domain.size
    images = torch.eye(n, dtype=wide(y).dtype, device=y.device).unflatten(1, operator.domain.shape)
    smooth = _gaussian_matrix(images, 0.9)
    a = wide(operator.matrix)
    system = a.mH @ a + weight * (torch.eye(n, dtype=a.dtype, device=a.device) - smooth)
    expected = torch.linalg.solve(system, a.mH @ wide(y).mT).mT.unflatten(1, operator.domain.shape).to(dtype)
    stopping = Stopping(rtol=1e-6 if is_single(dtype) else 1e-10, max_steps=5000)
    model = RegularisationByDenoising(denoiser, weight, stopping=stopping)
    return Example(subject=model, operator=operator, y=y, expected=expected, accuracy=accuracy(dtype, 2e-3))


def proximal_denoiser(device: Device, dtype: torch.dtype) -> Example:
    space = Space((2, 4, 3), dtype, torch.device(device))
    return Example(subject=ProximalDenoiser(regularisers.l1, 0.4), space=space)


def gaussian_filter(device: Device, dtype: torch.dtype) -> Example:
    return Example(subject=GaussianFilter(0.9), space=Space((2, 5, 4), dtype, torch.device(device)))


def operator_denoiser(device: Device, dtype: torch.dtype) -> Example:
    """A gradient step on 0.5 |M x|^2 with a matrix that is not symmetric."""
    matrix = Dense(noise((7, 12), dtype, device, seed=3), domain_shape=(1, 4, 3))
    one = Identity((4, 3), 1, dtype, torch.device(device))
    return Example(subject=OperatorDenoiser(one - (0.5 / matrix.norm().upper ** 2) * matrix.normal()))


def clipped_denoiser(device: Device, dtype: torch.dtype) -> Example:
    subject = ClippedDenoiser(GaussianFilter(0.9), -0.4, 0.7)
    return Example(subject=subject, space=Space((2, 5, 4), dtype, torch.device(device)))


def residual_denoiser(device: Device, dtype: torch.dtype) -> Example:
    subject = ResidualDenoiser(GaussianFilter(0.9), 1.7)
    return Example(subject=subject, space=Space((2, 5, 4), dtype, torch.device(device)))


def oracle_residual(device: Device, dtype: torch.dtype) -> Example:
    """The oracle is a fixed image."""
    space = Space((2, 5, 4), dtype, torch.device(device))
    oracle = noise(space.shape, dtype, device, seed=4)
    return Example(subject=OracleResidual(GaussianFilter(0.9), oracle, gamma=1.99, damping=1.4), space=space)


def _gaussian_matrix(images: Tensor, std: float) -> Tensor:
    """The periodic Gaussian by its Fourier series, entry by entry rather than by fast transforms."""
    height, width = images.shape[-2:]

    def along(n: int) -> Tensor:
        k = torch.fft.fftfreq(n, dtype=torch.float64, device=images.device) * 2 * math.pi
        shift = torch.arange(n, device=images.device)
        offsets = (shift[:, None] - shift[None, :]).double()
        return (torch.exp(-0.5 * (std * k) ** 2) * torch.cos(offsets[..., None] * k)).sum(-1) / n

    return torch.kron(along(height), along(width)).to(images.dtype)
