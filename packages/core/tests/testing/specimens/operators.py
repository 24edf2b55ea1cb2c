"""Wrong operators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from invkit.claims import BY_CONSTRUCTION, Claim
from invkit.operators import Blur, Coils, Dense, Interval, Operator

from . import parts as s
from .registry import Specimen, of_kind

wrong = of_kind("operator")


def complex_blur() -> Blur:
    kernel = torch.randn(3, 2, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    return Blur(kernel, (5, 4))


def float32_detour(x: Tensor) -> Tensor:
    return (3 * x).float().double() / 3


def differences() -> s.Forward:
    norm = 2 * torch.cos(torch.tensor(torch.pi / 8, dtype=torch.float64)).item()
    return s.Forward(s.forward_difference, s.forward_difference_adjoint, Interval.exact(norm))


def identity() -> s.Forward:
    return s.Forward(torch.clone, torch.clone)


KERNEL = torch.tensor([[[[0.2, 0.1, 0.0], [0.3, 0.5, 0.1], [0.0, 0.2, 0.1]]]], dtype=torch.float64)


def reflected(x: Tensor) -> Tensor:
    return functional.conv2d(functional.pad(x, (1, 1, 1, 1), mode="reflect"), KERNEL)


def transposed_convolution(y: Tensor) -> Tensor:
    return functional.conv_transpose2d(y, KERNEL, padding=1)


class HiddenState:
    """The identity, which is something else every third time."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, x: Tensor) -> Tensor:
        self.calls += 1
        return x + 1e-14 * x if self.calls % 3 == 0 else x.clone()


def seeded_noise(x: Tensor) -> Tensor:
    torch.manual_seed(0)
    return x + 0 * torch.randn_like(x)


@dataclass(frozen=True, eq=False, repr=False)
class ForgetsWhenPickled(s.Forward):
    """c id, whose copy by pickle has c = 1."""

    factor: float = 2.0

    def __reduce__(self) -> Any:
        return s.Forward, (torch.clone, torch.clone, Interval.exact(2.0))

    def _forward(self, x: Tensor) -> Tensor:
        return self.factor * x

    def _adjoint(self, y: Tensor) -> Tensor:
        return self.factor * y


@dataclass(frozen=True, eq=False, repr=False)
class HoldsAFile(s.Forward):
    """The identity, with an open file among its parts."""

    handle: Any = field(default_factory=lambda: open(__file__))  # noqa: SIM115 - that is what is wrong with it

    def __del__(self) -> None:
        if "handle" in vars(self):  # a copy that could not be finished has none
            self.handle.close()


def stale() -> s.Forward:
    """Trained after its norm was certified."""
    before = torch.eye(20, dtype=torch.float64)
    certificate = Dense(before).norm()
    after = before.clone()
    after[3, 3] = 1.02
    return s.Forward(
        lambda x: (x.flatten(1) @ after).reshape(x.shape),
        lambda y: (y.flatten(1) @ after).reshape(y.shape),
        certificate,
    )


@dataclass(frozen=True, eq=False, repr=False)
class Claiming(Operator):
    """A nonlinear operator out of a function, with a claim of the specimen's choice."""

    run: Callable[[Tensor], Tensor]
    claim: Claim

    @property
    def domain(self) -> Any:
        return identity().domain

    codomain = domain

    def _forward(self, x: Tensor) -> Tensor:
        return self.run(x)

    def _jvp(self, x: Tensor, v: Tensor) -> Tensor:
        return torch.autograd.functional.jvp(self.run, x, v)[1]

    def _vjp(self, x: Tensor, z: Tensor) -> Tensor:
        return torch.func.vjp(self.run, x)[1](z)[0]

    def claims(self) -> tuple[Claim, ...]:
        return (self.claim,)


@dataclass(frozen=True, eq=False, repr=False)
class WrongSlope(Claiming):
    """A nonlinear operator whose Jacobian-vector product belongs to another function."""

    def _jvp(self, x: Tensor, v: Tensor) -> Tensor:
        return torch.cos(x) * v


class HalfGram(Coils):
    def _gram(self, x: Tensor) -> Tensor:
        return 0.5 * super()._gram(x)


class AdjointAsInverse(Coils):
    def _pseudo_inverse(self, y: Tensor) -> Tensor:
        return self._adjoint(y)


class RowsForColumns(Dense):
    """Sums of absolute values that are neither of columns nor of rows."""

    def _absolute_sums(self) -> tuple[Tensor, Tensor]:
        columns, rows = super()._absolute_sums()
        return rows.mean() + 0 * columns, rows


class UnsquaredEntries(Dense):
    def _gram_diagonal(self, weights: Tensor) -> Tensor:
        return (weights.flatten(1) @ self.matrix.abs()).reshape(len(weights), *self.domain.shape)


class SymbolOfA(Blur):
    """The symbol of A where that of A*A is asked for."""

    def _gram_symbol(self) -> Tensor | None:
        symbol = super()._gram_symbol()
        return None if symbol is None else symbol.sqrt()


class LosesAView(Dense):
    def _num_views(self, axis: int) -> int:
        return super()._num_views(axis) - 1


class NextView(Dense):
    """Computes the view after the one that is asked for."""

    def _subset(self, axis: int, views: Tensor) -> Any:
        _, restriction = super()._subset(axis, views)
        return super()._subset(axis, (views + 1) % self._num_views(axis))[0], restriction


def blur() -> Blur:
    return Blur(KERNEL[0, 0], (5, 4))


def matrix() -> Tensor:
    return torch.randn(7, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


def truncated_gaussian(x: Tensor) -> Tensor:
    """A Gaussian cut off at seven pixels, periodic: its Fourier transform, unlike that of a whole one, goes below 0."""
    kernel = torch.exp(-0.5 * (torch.arange(-3, 4, dtype=x.dtype) / 1.5).square())
    padded = functional.pad(x.flatten(0, -2)[:, None], (3, 3), mode="circular")
    return functional.conv1d(padded, (kernel / kernel.sum())[None, None]).reshape(x.shape)


def semidefinite(run: Callable[[Tensor], Tensor], size: int) -> s.Forward:
    return s.Forward(run, run, shape=(1, size), stated=frozenset({"self_adjoint", "positive_semidefinite"}))


def sensitivities() -> Tensor:
    return torch.randn(3, 4, 5, dtype=torch.complex128, generator=torch.Generator().manual_seed(1))


def claiming(run: Callable[[Tensor], Tensor], name: str, **params: float) -> Claiming:
    return Claiming(run, Claim(property=name, params=params, basis=BY_CONSTRUCTION))


OPERATORS: tuple[Specimen, ...] = (
    wrong(
        "adjoint scaled by 1.01", lambda: s.Forward(lambda x: x, lambda y: 1.01 * y, Interval(0.0, 1.0, "")), "adjoint"
    ),
    wrong(
        "adjoint with another boundary",
        lambda: s.Forward(s.forward_difference, s.periodic_difference_adjoint, Interval(0.0, 2.0, "")),
        "adjoint",
    ),
    wrong(
        "conjugate forgotten",
        lambda: s.Forward(
            complex_blur().forward, complex_blur().forward, complex_blur().norm(), dtype=torch.complex128
        ),
        "adjoint",
    ),
    wrong(
        "affine map called linear",
        lambda: s.Forward(lambda x: x + 1e-6, lambda y: y, Interval(0.0, 2.0, "")),
        "linearity",
    ),
    wrong(
        "absolute value called linear",
        lambda: s.Forward(torch.abs, lambda y: y, Interval(0.0, 2.0, "")),
        "linearity",
    ),
    wrong(
        "conjugation called complex linear",
        lambda: s.Forward(torch.conj_physical, torch.conj_physical, Interval.exact(1.0), dtype=torch.complex128),
        "linearity",
    ),
    wrong(
        "upper bound 1 % too small",
        lambda: s.Forward(lambda x: x, lambda y: y, Interval(0.0, 0.99, "")),
        "norm-interval",
    ),
    wrong(
        "power iteration stopped early as an upper bound",
        lambda: s.Forward(
            s.forward_difference,
            s.forward_difference_adjoint,
            Interval.exact(0.98 * 2 * torch.cos(torch.tensor(torch.pi / 8, dtype=torch.float64)).item()),
        ),
        "norm-interval",
    ),
    wrong(
        "lower bound too large", lambda: s.Forward(lambda x: x, lambda y: y, Interval(1.5, 2.0, "")), "norm-interval"
    ),
    wrong(
        "lower bound too large for a larger operator",
        lambda: s.Forward(torch.clone, torch.clone, Interval(1.5, 2.0, ""), shape=(1, 30, 20)),
        "norm-interval",
    ),
    wrong(
        "its own buffer returned",
        lambda: s.KeepsABuffer(torch.clone, torch.clone, buffer=torch.zeros(7, 1, 5, 4, dtype=torch.float64)),
        "fresh-result",
    ),
    wrong("its argument returned", lambda: s.Forward(lambda x: x, lambda y: y.clone()), "fresh-result"),
    wrong("a view of its argument returned", lambda: s.Forward(torch.clone, lambda y: y.view_as(y)), "fresh-result"),
    wrong(
        "its own tensors changed",
        lambda: s.CountsItsCalls(torch.clone, torch.clone, calls=torch.zeros(())),
        "no-input-mutation",
    ),
    wrong("float32 inside float64", lambda: s.Forward(float32_detour, float32_detour), "linearity"),
    wrong(
        "mean over the batch",
        lambda: s.Forward(lambda x: x + x.mean(0, keepdim=True), lambda y: y, Interval(0.0, 2.0, "")),
        "batch-invariance",
    ),
    wrong("argument changed", lambda: s.Forward(s.doubled_in_place, lambda y: y), "no-input-mutation"),
    wrong("result in another precision", lambda: s.Forward(lambda x: x.float(), lambda y: y), "placement"),
    wrong(
        "memory read in storage order",
        lambda: s.Forward(
            lambda x: x.as_strided(x.shape, (20, 20, 4, 1), 0) if len(x) else x, lambda y: y, Interval(0.0, 2.0, "")
        ),
        "non-contiguous",
    ),
    wrong(
        "empty batch refilled",
        lambda: s.Forward(lambda x: x if len(x) else x.new_zeros(1, *x.shape[1:]), lambda y: y),
        "empty-batch",
    ),
    wrong("detached from autograd", lambda: s.Forward(lambda x: x.detach().clone(), lambda y: y), "derivative"),
    wrong(
        "shift called self-adjoint",
        lambda: s.Forward(lambda x: x.roll(1, -1), lambda y: y.roll(-1, -1), stated=frozenset({"self_adjoint"})),
        "self-adjoint",
    ),
    wrong(
        "negative called positive semidefinite",
        lambda: s.Forward(lambda x: -x, lambda y: -y, stated=frozenset({"positive_semidefinite"})),
        "positive-semidefinite",
    ),
    wrong(
        "2 id called isometric",
        lambda: s.Forward(lambda x: 2 * x, lambda y: 2 * y, Interval.exact(2.0), stated=frozenset({"isometric"})),
        "isometric",
    ),
    wrong(
        "2 id called unitary",
        lambda: s.Forward(lambda x: 2 * x, lambda y: 2 * y, Interval.exact(2.0), stated=frozenset({"unitary"})),
        "unitary",
    ),
    wrong(
        "reflecting boundary with the adjoint of the one by zeros",
        lambda: s.Forward(reflected, transposed_convolution, Interval(0.0, 2.0, "")),
        "adjoint",
    ),
    wrong("another result every third time", lambda: s.Forward(HiddenState(), torch.clone), "determinism", identity),
    wrong(
        "noise that nobody seeded",
        lambda: s.Forward(lambda x: x + 1e-14 * torch.randn_like(x), torch.clone),
        "determinism",
        identity,
    ),
    wrong("the global generator seeded", lambda: s.Forward(seeded_noise, torch.clone), "determinism", identity),
    wrong(
        "another factor after pickle",
        lambda: ForgetsWhenPickled(torch.clone, torch.clone, Interval.exact(2.0)),
        "pickle",
    ),
    wrong("an open file inside", lambda: HoldsAFile(torch.clone, torch.clone), "pickle", identity),
    wrong("a norm that was certified before training", stale, "norm-interval"),
    wrong(
        "sin(1.02 x) called nonexpansive",
        lambda: claiming(lambda x: torch.sin(1.02 * x), "nonexpansive"),
        "nonexpansive",
        lambda: claiming(torch.sin, "nonexpansive"),
    ),
    wrong(
        "a kink far from zero called 1-Lipschitz",
        lambda: claiming(lambda x: x + torch.relu(x - 500), "lipschitz", constant=1.0),
        "lipschitz",
        lambda: claiming(lambda x: x - torch.relu(x - 500), "lipschitz", constant=1.0),
    ),
    wrong(
        "a rotation called a gradient",
        lambda: claiming(lambda x: x.roll(1, -1), "gradient_field"),
        "gradient-field",
        lambda: claiming(torch.tanh, "gradient_field"),
    ),
    wrong(
        "values that leave the stated ball far out",
        lambda: claiming(lambda x: torch.tanh(x / 100) * (1 + x.abs() / (1e4 + x.abs())), "bounded_range", radius=5.0),
        "bounded-range",
        lambda: claiming(lambda x: torch.tanh(x / 100), "bounded_range", radius=5.0),
    ),
    wrong(
        "the Jacobian-vector product of the sine for the tangent",
        lambda: WrongSlope(torch.tanh, Claim(property="differentiable", basis=BY_CONSTRUCTION)),
        "jacobian-product",
        lambda: claiming(torch.tanh, "differentiable"),
    ),
    wrong("half of A*A as its shortcut", lambda: HalfGram(sensitivities()), "normal", lambda: Coils(sensitivities())),
    wrong("the adjoint as the pseudo-inverse", lambda: AdjointAsInverse(sensitivities()), "pseudo-inverse"),
    wrong(
        "sums of rows for sums of columns", lambda: RowsForColumns(matrix()), "absolute-sums", lambda: Dense(matrix())
    ),
    wrong("entries that are not squared", lambda: UnsquaredEntries(matrix()), "gram-diagonal"),
    wrong("the symbol of A for that of A*A", lambda: SymbolOfA(KERNEL[0, 0], (5, 4)), "fourier-symbol", blur),
    wrong("a view that is in no subset", lambda: LosesAView(matrix()), "subsets"),
    wrong("a subset of the wrong views", lambda: NextView(matrix()), "subsets"),
    wrong(
        "a truncated Gaussian called positive semidefinite",
        lambda: semidefinite(truncated_gaussian, 40),
        "positive-semidefinite",
        lambda: semidefinite(lambda x: truncated_gaussian(truncated_gaussian(x)), 40),
    ),
    wrong(
        "a larger truncated Gaussian called positive semidefinite",
        lambda: semidefinite(truncated_gaussian, 600),
        "positive-semidefinite",
        lambda: semidefinite(lambda x: truncated_gaussian(truncated_gaussian(x)), 600),
    ),
)
