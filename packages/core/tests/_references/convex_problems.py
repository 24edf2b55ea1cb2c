"""Small convex problems and their minima by cvxpy: what every solver that claims the form must reach.

    problem = PROBLEMS["lasso-complex"]
    problem.objective(order)      the invkit functional, its terms in one order (0) or the other (1)
    problem.minimum()             cvxpy's minimum of each image, (batch,), to 1e-9 or better
    problem.minimiser()           cvxpy's minimiser, the shape of the images (unique in every problem here)

Every problem has weights that are not 1, two images of different data, and a unique minimiser. ``tags`` say which
solvers can take it: smooth, quadratic, composite (f smooth + g proximable), saddle (proximable f_i(K_i x)), complex.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cvxpy as cp
import numpy as np
import torch
from torch import Tensor

from invkit.functionals import L1, Box, Functional, GroupL1, SquaredL2, h1, least_squares, total_variation
from invkit.operators import Dense


def noise(shape: tuple[int, ...], dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def differences(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The matrices of forward differences along both axes, zero across the far edge."""

    def along(n: int) -> np.ndarray:
        d = np.zeros((n, n))
        for i in range(n - 1):
            d[i, i], d[i, i + 1] = -1, 1
        return d

    return np.kron(along(height), np.eye(width)), np.kron(np.eye(height), along(width))


@dataclass(frozen=True, eq=False)
class ConvexProblem:
    """One problem; ``model`` poses one image to cvxpy as (expression to minimise, constraints)."""

    name: str
    tags: frozenset[str]
    terms: Callable[[Tensor], list[Functional]]
    y: Tensor
    shape: tuple[int, ...]
    model: Callable[[Any, np.ndarray], tuple[Any, list[Any]]]

    @property
    def dtype(self) -> torch.dtype:
        return self.y.dtype

    def objective(self, order: int = 0, images: slice = slice(None)) -> Functional:
        terms = self.terms(self.y[images])
        terms = terms if order == 0 else terms[::-1]
        return functools.reduce(lambda f, g: f + g, terms)

    def minimum(self) -> np.ndarray:
        return _reference(self.name)[0]

    def minimiser(self) -> np.ndarray:
        return _reference(self.name)[1]


@functools.cache
def _reference(name: str) -> tuple[np.ndarray, np.ndarray]:
    problem = PROBLEMS[name]
    values, images = [], []
    for y in problem.y.numpy():
        n = int(np.prod(problem.shape))
        x = cp.Variable(n, complex=problem.dtype.is_complex)
        expression, constraints = problem.model(x, y.reshape(-1))
        found = cp.Problem(cp.Minimize(expression), constraints)
        # Asked for more than it can always reach, it says so and returns the best it found: about 1e-11 of the gap.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            found.solve(solver=cp.CLARABEL, tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11)
        assert found.status in ("optimal", "optimal_inaccurate"), found.status
        values.append(found.value)
        images.append(np.asarray(x.value).reshape(problem.shape))
    return np.array(values), np.stack(images)


_M, _Y = noise((9, 6)), noise((2, 9), seed=1)
_MC, _YC = noise((9, 6), torch.complex128, seed=2), noise((2, 9), torch.complex128, seed=3)
_TALL, _YT = noise((14, 12), seed=4), 2 * noise((2, 14), seed=5)
_TALLC, _YTC = noise((14, 12), torch.complex128, seed=6), 2 * noise((2, 14), torch.complex128, seed=7)
_GRID = (1, 4, 3)
_DY, _DX = differences(4, 3)
_OP, _OPC = Dense(_TALL, _GRID), Dense(_TALLC, _GRID)


def _fit(matrix: Tensor, x: Any, y: np.ndarray, weight: float) -> Any:
    return weight / 2 * cp.sum_squares(matrix.numpy() @ x - y)


def _tv(x: Any, weight: float) -> Any:
    return weight * cp.sum(cp.norm(cp.vstack([_DY @ x, _DX @ x]), 2, axis=0))


def _tv_complex(x: Any, weight: float) -> Any:
    parts = [cp.real(_DY @ x), cp.imag(_DY @ x), cp.real(_DX @ x), cp.imag(_DX @ x)]
    return weight * cp.sum(cp.norm(cp.vstack(parts), 2, axis=0))


def _magnitudes(x: Any) -> Any:
    return cp.sum(cp.norm(cp.vstack([cp.real(x), cp.imag(x)]), 2, axis=0))


_SMOOTH = frozenset({"smooth", "composite", "saddle"})

PROBLEMS: dict[str, ConvexProblem] = {
    problem.name: problem
    for problem in (
        ConvexProblem(
            "ridge",
            _SMOOTH | {"quadratic"},
            lambda y: [2.5 * least_squares(Dense(_M), y), 0.3 * SquaredL2()],
            _Y,
            (6,),
            lambda x, y: (_fit(_M, x, y, 2.5) + 0.15 * cp.sum_squares(x), []),
        ),
        ConvexProblem(
            "ridge-complex",
            _SMOOTH | {"quadratic", "complex"},
            lambda y: [2.5 * least_squares(Dense(_MC), y), 0.3 * SquaredL2()],
            _YC,
            (6,),
            lambda x, y: (_fit(_MC, x, y, 2.5) + 0.15 * cp.sum_squares(x), []),
        ),
        ConvexProblem(
            "h1",
            _SMOOTH | {"quadratic"},
            lambda y: [0.8 * least_squares(_OP, y), 1.7 * h1(_OP.domain)],
            _YT,
            _GRID,
            lambda x, y: (_fit(_TALL, x, y, 0.8) + 0.85 * (cp.sum_squares(_DY @ x) + cp.sum_squares(_DX @ x)), []),
        ),
        ConvexProblem(
            "lasso",
            frozenset({"composite", "saddle"}),
            lambda y: [0.7 * least_squares(Dense(_M), y), 1.3 * L1()],
            _Y,
            (6,),
            lambda x, y: (_fit(_M, x, y, 0.7) + 1.3 * cp.norm1(x), []),
        ),
        ConvexProblem(
            "lasso-complex",
            frozenset({"composite", "saddle", "complex"}),
            lambda y: [0.7 * least_squares(Dense(_MC), y), 1.3 * L1()],
            _YC,
            (6,),
            lambda x, y: (_fit(_MC, x, y, 0.7) + 1.3 * _magnitudes(x), []),
        ),
        ConvexProblem(
            "nonnegative",
            frozenset({"composite", "saddle"}),
            lambda y: [2.0 * least_squares(Dense(_M), y), Box(0.0)],
            _Y,
            (6,),
            lambda x, y: (_fit(_M, x, y, 2.0), [x >= 0]),
        ),
        ConvexProblem(
            "group-lasso",
            frozenset({"composite", "saddle"}),
            lambda y: [0.7 * least_squares(Dense(_TALL, (2, 6)), y), 2.1 * GroupL1((0,))],
            _YT,
            (2, 6),
            lambda x, y: (_fit(_TALL, x, y, 0.7) + 2.1 * cp.sum(cp.norm(cp.vstack([x[:6], x[6:]]), 2, axis=0)), []),
        ),
        ConvexProblem(
            "tv",
            frozenset({"saddle"}),
            lambda y: [0.8 * least_squares(_OP, y), 1.7 * total_variation(_OP.domain)],
            _YT,
            _GRID,
            lambda x, y: (_fit(_TALL, x, y, 0.8) + _tv(x, 1.7), []),
        ),
        ConvexProblem(
            "tv-complex",
            frozenset({"saddle", "complex"}),
            lambda y: [0.8 * least_squares(_OPC, y), 1.7 * total_variation(_OPC.domain)],
            _YTC,
            _GRID,
            lambda x, y: (_fit(_TALLC, x, y, 0.8) + _tv_complex(x, 1.7), []),
        ),
        ConvexProblem(
            "tv-nonnegative",
            frozenset({"saddle"}),
            lambda y: [0.8 * least_squares(_OP, y), 1.7 * total_variation(_OP.domain), Box(0.0)],
            _YT,
            _GRID,
            lambda x, y: (_fit(_TALL, x, y, 0.8) + _tv(x, 1.7), [x >= 0]),
        ),
        ConvexProblem(
            "denoise-two-norms",  # strongly convex, two norms of K x
            frozenset({"saddle", "strongly-convex"}),
            lambda y: [1.4 * SquaredL2(y), 0.3 * (L1() @ _OP), 0.9 * total_variation(_OP.domain, isotropic=False)],
            3 * noise((2, *_GRID), seed=8),
            _GRID,
            lambda x, y: (
                0.7 * cp.sum_squares(x - y) + 0.3 * cp.norm1(_TALL.numpy() @ x)
                + 0.9 * (cp.norm1(_DY @ x) + cp.norm1(_DX @ x)),
                [],
            ),
        ),
        ConvexProblem(
            "rof",  # strongly convex: the problem of Chambolle and Pock's section 6.2
            frozenset({"saddle", "strongly-convex"}),
            lambda y: [1.4 * SquaredL2(y), 1.2 * total_variation(_OP.domain)],
            3 * noise((2, *_GRID), seed=9),
            _GRID,
            lambda x, y: (0.7 * cp.sum_squares(x - y) + _tv(x, 1.2), []),
        ),
    )
}  # fmt: skip


def with_tags(*wanted: str, without: tuple[str, ...] = ()) -> list[str]:
    """The names of the problems that have all these tags."""
    return [name for name, p in PROBLEMS.items() if p.tags >= set(wanted) and not p.tags & set(without)]
