"""A sparse matrix with nonnegative entries as a linear operator, stored once for each direction."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from invkit.claims import BY_CONSTRUCTION, Basis
from invkit.errors import ShapeError
from invkit.operators import HasGramDiagonal, HasSubsets, Interval, LinearOperator, Restriction, Space
from invkit.operators.moving import versions_of
from invkit.operators.norm import nonnegative_norm

from .linear_function import apply_linear

# Images per product: the columns of more of them leave the cache, and each image then costs more, not less.
_COLUMNS = 8
# Power steps of the norm bound; the gap between its two sides is far below a per cent by then.
_NORM_STEPS = 20


@dataclass(frozen=True, eq=False, repr=False)
class SparseMatrix(HasGramDiagonal, HasSubsets):
    """x -> W x on flattened images, for a matrix W >= 0 of shape (m, n) and its transpose, both stored by rows (CSR).

    torch's product with a transposed CSR matrix is far slower than that with a stored one, and so is that with 64-bit
    indices. The weights are constants: gradients reach x and y, not them.

    |W| by Collatz and Wielandt's bound, which is tight and needs W >= 0.

    Raises: ShapeError if the matrices are not transposed shapes, or do not fit the spaces.
    """

    basis: ClassVar[Basis] = BY_CONSTRUCTION

    matrix: Tensor
    transpose: Tensor
    domain_shape: tuple[int, ...]
    codomain_shape: tuple[int, ...]

    def __post_init__(self) -> None:
        wanted = (math.prod(self.codomain_shape), math.prod(self.domain_shape))
        shapes = (tuple(self.matrix.shape), tuple(self.transpose.shape))
        if shapes != (wanted, wanted[::-1]):
            raise ShapeError(
                f"SparseMatrix: matrix and transpose have shapes {shapes[0]} and {shapes[1]}, expected {wanted} and "
                f"{wanted[::-1]}. Build both from one matrix with SparseMatrix.from_scipy."
            )

    @classmethod
    def from_scipy(
        cls,
        matrix: csr_matrix,
        domain_shape: tuple[int, ...],
        codomain_shape: tuple[int, ...],
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str | None = None,
    ) -> SparseMatrix:
        """Store a SciPy matrix, whose memory may be shared, and its transpose.

        Raises: ShapeError if an entry is negative or NaN.
        """
        if matrix.nnz and not matrix.data.min() >= 0:
            raise ShapeError(
                f"SparseMatrix: the smallest entry is {matrix.data.min()}, expected 0 or more. "
                "The norm bound holds for nonnegative matrices only."
            )
        ordered = matrix if matrix.has_sorted_indices else matrix.sorted_indices()
        stored, transposed = (_to_torch(part, dtype, device) for part in (ordered, ordered.T.tocsr()))
        return cls(stored, transposed, tuple(domain_shape), tuple(codomain_shape))

    @property
    def domain(self) -> Space:
        return Space(self.domain_shape, self.matrix.dtype, self.matrix.device)

    @property
    def codomain(self) -> Space:
        return Space(self.codomain_shape, self.matrix.dtype, self.matrix.device)

    @property
    def num_bytes(self) -> int:
        """Memory of both matrices."""
        parts = (
            part for m in (self.matrix, self.transpose) for part in (m.crow_indices(), m.col_indices(), m.values())
        )
        return sum(part.numel() * part.element_size() for part in parts)

    def __deepcopy__(self, memo: dict[int, object]) -> SparseMatrix:
        # The weights are constants, and torch copies no tensor of this layout that stands inside another object.
        return self

    def _forward(self, x: Tensor) -> Tensor:
        product = apply_linear(x.flatten(1), partial(_product, self.matrix), partial(_product, self.transpose))
        return product.unflatten(1, self.codomain_shape)

    def _adjoint(self, y: Tensor) -> Tensor:
        product = apply_linear(y.flatten(1), partial(_product, self.transpose), partial(_product, self.matrix))
        return product.unflatten(1, self.domain_shape)

    def _gram_diagonal(self, weights: Tensor) -> Tensor:
        back, forth = partial(self._squared_product, "transpose"), partial(self._squared_product, "matrix")
        return apply_linear(weights.flatten(1), back, forth).unflatten(1, self.domain_shape)

    def _squared_product(self, which: str, x: Tensor) -> Tensor:
        """The product with the squares of the weights, kept while these stand; the indices are shared."""
        key, (known, squares) = versions_of(self), self.__dict__.get("_squares_memo", (None, {}))
        if key is None or known != key:
            squares = {}
            self.__dict__["_squares_memo"] = (key, squares)
        if which not in squares:
            matrix = getattr(self, which)
            squares[which] = _with_values(matrix, matrix.values().square())
        return _product(squares[which], x)

    @property
    def view_axes(self) -> tuple[int, ...]:
        return tuple(range(len(self.codomain_shape)))

    def _num_views(self, axis: int) -> int:
        return self.codomain_shape[axis]

    def _subset(self, axis: int, views: Tensor) -> tuple[LinearOperator, Restriction]:
        restriction = Restriction(self.codomain, axis, views)
        numbers = np.arange(self.matrix.shape[0]).reshape(self.codomain_shape)
        rows = numbers.take(views.cpu().numpy(), axis).ravel()
        parts = (self.matrix.values(), self.matrix.col_indices(), self.matrix.crow_indices())
        stored = csr_matrix(tuple(part.cpu().numpy() for part in parts), shape=tuple(self.matrix.shape))
        spaces = self.domain_shape, restriction.codomain.shape
        place: dict[str, Any] = {"dtype": self.matrix.dtype, "device": self.matrix.device}
        return SparseMatrix.from_scipy(stored[rows], *spaces, **place), restriction

    def _norm(self) -> Interval:
        terms = sum(int(m.crow_indices().diff().max()) for m in (self.matrix, self.transpose))
        start = torch.ones_like(self.domain.zeros())
        return nonnegative_norm(self._forward, self._adjoint, start, terms, _NORM_STEPS)


def _product(matrix: Tensor, x: Tensor) -> Tensor:
    """(batch, n) -> (batch, m): a vector alone, several images as the columns of one dense matrix."""
    x = x.contiguous()
    out = x.new_empty(len(x), matrix.shape[0])
    for start in range(0, len(x), _COLUMNS):
        block = x[start : start + _COLUMNS]
        rows = (matrix @ block[0])[None] if len(block) == 1 else (matrix @ block.mT).mT
        out[start : start + _COLUMNS] = rows
    return out


def _to_torch(matrix: csr_matrix, dtype: torch.dtype, device: torch.device | str | None) -> Tensor:
    parts = (torch.from_numpy(matrix.indptr), torch.from_numpy(matrix.indices))
    rows, columns = (part.to(device=device, dtype=torch.int32) for part in parts)
    values = torch.from_numpy(matrix.data).to(device=device, dtype=dtype)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta state")
        return torch.sparse_csr_tensor(rows, columns, values, matrix.shape, check_invariants=True)


def _with_values(matrix: Tensor, values: Tensor) -> Tensor:
    indices = matrix.crow_indices(), matrix.col_indices()
    return torch.sparse_csr_tensor(*indices, values, tuple(matrix.shape), check_invariants=False)
