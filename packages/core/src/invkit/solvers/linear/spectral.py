"""Reconstruction by the singular values of a small operator: filter factors, truncated SVD, Tikhonov."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import ConfigError, ShapeError
from ...operators.base import LinearOperator
from ...operators.space import Space

#: Entries of the largest matrix that is decomposed: 4096 by 4096, 128 MiB in float64.
MAX_ENTRIES = 2**24


@dataclass(frozen=True, eq=False)
class SingularSystem:
    """A x = U diag(s) V* x for flattened images, in double precision; s falls.

    u, s, vh: shapes (m, r), (r,), (r, n) with r = min(m, n). Where one space is real and the other complex, complex
    numbers count as pairs of real ones.   domain, codomain: those of the operator.
    Derivatives with respect to what the operator was built from need singular values that differ; those with respect
    to y and the factors always exist.
    """

    u: Tensor
    s: Tensor
    vh: Tensor
    domain: Space
    codomain: Space

    def coefficients(self, y: Tensor) -> Tensor:
        """U* y, shape (batch, r).

        Raises: ShapeError if y is not a batch of the codomain.
        """
        self.codomain.check(y, "SingularSystem: measurement")
        return _rows(y, self.u.is_complex()) @ self.u.conj()

    def reconstruct(self, y: Tensor, factors: Tensor) -> Tensor:
        """sum_i (factor_i / s_i) <y, u_i> v_i; a zero factor leaves its component out.

        factors: (r,), or (batch, r) for factors of each image.   Raises: ShapeError if a shape does not fit.
        """
        coefficients = self.coefficients(y)
        if factors.shape not in (self.s.shape, coefficients.shape):
            raise ShapeError(
                f"SingularSystem: factors have shape {tuple(factors.shape)}, expected {tuple(self.s.shape)} or "
                f"{tuple(coefficients.shape)}. Give one for each singular value."
            )
        used = (factors != 0) & (self.s > 0)
        gain = torch.where(used, factors / torch.where(self.s > 0, self.s, 1.0), 0.0)
        flat = (coefficients * gain) @ self.vh.conj()
        if self.domain.is_complex and not flat.is_complex():
            flat = torch.view_as_complex(flat.reshape(len(y), -1, 2))
        return flat.reshape(len(y), *self.domain.shape).to(self.domain.dtype)


def singular_system(operator: LinearOperator, who: str, *, max_entries: int = MAX_ENTRIES) -> SingularSystem:
    """The singular value decomposition of an operator, whose matrix is found by applying it to every unit image.

    Raises: ConfigError if the matrix has more than ``max_entries`` entries.
    """
    n, m = operator.domain.size, operator.codomain.size
    if n * m > max_entries:
        raise ConfigError(
            f"{who}: operator has a matrix of {m} x {n} = {n * m} entries, expected at most {max_entries}. "
            "Use core/pseudo-inverse or core/variational, which iterate."
        )
    both_complex = operator.domain.is_complex and operator.codomain.is_complex
    u, s, vh = torch.linalg.svd(_matrix(operator, both_complex), full_matrices=False)
    return SingularSystem(u, s, vh, operator.domain, operator.codomain)


def truncated_factors(s: Tensor, *, rank: int | None = None, threshold: float = 0.0) -> Tensor:
    """1 for the first ``rank`` singular values, or for those above ``threshold * s_max``; 0 for the others.

    Singular values at rounding, s <= max(m, n) eps s_max for an m by n matrix, are for the caller to leave out.
    Source: Hansen (1987), The truncated SVD as a method for regularization.
    """
    if rank is not None:
        return (torch.arange(len(s), device=s.device) < rank).to(s.dtype)
    return (s > threshold * s.amax()).to(s.dtype)


def tikhonov_factors(s: Tensor, weight: float | Tensor) -> Tensor:
    """s^2 / (s^2 + weight), of the minimiser of 0.5 |A x - y|^2 + (weight/2) |x|^2.

    weight: one number, or one per image of shape (batch,), which gives factors of shape (batch, r).
    """
    if isinstance(weight, Tensor) and weight.ndim == 1:
        weight = weight[:, None]
    return s**2 / (s**2 + weight)


def landweber_factors(s: Tensor, step_size: float, num_steps: int) -> Tensor:
    """1 - (1 - step_size s^2)^k, of k steps of Landweber's iteration from zero."""
    return 1 - (1 - step_size * s**2) ** num_steps


def _matrix(operator: LinearOperator, both_complex: bool) -> Tensor:
    """The matrix in double precision, column by column; of pairs of real numbers unless both spaces are complex."""
    columns = []
    for start in range(0, operator.domain.size, 256):
        units = torch.zeros(
            min(256, operator.domain.size - start), operator.domain.size,
            dtype=operator.domain.dtype, device=operator.domain.device,
        )  # fmt: skip
        units.diagonal(start).fill_(1)
        images = units.reshape(-1, *operator.domain.shape)
        columns.append(_rows(operator.forward(images), both_complex))
        if operator.domain.is_complex and not both_complex:
            turned = _rows(operator.forward(1j * images), both_complex)
            columns[-1] = torch.stack([columns[-1], turned], 1).flatten(0, 1)
    return torch.cat(columns).mT


def _rows(x: Tensor, as_complex: bool) -> Tensor:
    """The images as rows of numbers in double precision; complex ones as pairs unless asked for as they are."""
    flat = x.flatten(1).resolve_conj()
    if flat.is_complex() and not as_complex:
        return torch.view_as_real(flat).flatten(1).double()
    return flat.to(torch.complex128 if flat.is_complex() else torch.float64)
