"""The symmetrised derivative as a matrix, by way of whole tensors whose undefined entries are NaN, and TGV for cvxpy.

Nothing here knows of components, boxes or factors: a tensor field of order l is an array (d, ..., d, *spatial), and
what a difference beyond the edge touches is not a number from then on.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import cvxpy as cp
import numpy as np


def symmetrised_gradient(t: np.ndarray, dims: int, periodic: bool, spacing: tuple[float, ...]) -> np.ndarray:
    """The mean over all permutations of the d partial derivatives; forward for even order, backward for odd."""
    order = t.ndim - dims
    parts = []
    for axis in range(dims):
        where = order + axis
        if order % 2 == 0:
            difference = np.roll(t, -1, where) - t
            edge = -1
        else:
            difference = t - np.roll(t, 1, where)
            edge = 0
        if not periodic:
            beyond = [slice(None)] * t.ndim
            beyond[where] = slice(edge, None) if edge else slice(0, 1)
            difference[tuple(beyond)] = np.nan
        parts.append(difference / spacing[axis])
    gradient = np.stack(parts)
    spatial = tuple(range(order + 1, order + 1 + dims))
    turned = [gradient.transpose(*p, *spatial) for p in itertools.permutations(range(order + 1))]
    return np.mean(turned, axis=0)


def undefined(shape: tuple[int, ...], order: int, periodic: bool) -> np.ndarray:
    """Where a derivative of that order is NaN: (d, ..., d, *spatial)."""
    t = np.zeros(shape)
    for _ in range(order):
        t = symmetrised_gradient(t, len(shape), periodic, (1.0,) * len(shape))
    return np.isnan(t)


def entries(dims: int, order: int) -> list[tuple[int, ...]]:
    return list(itertools.combinations_with_replacement(range(dims), order))


def multiplicity(entry: tuple[int, ...]) -> int:
    return len(set(itertools.permutations(entry)))


def derivative_matrix(shape: tuple[int, ...], order: int, periodic: bool, spacing: tuple[float, ...]) -> np.ndarray:
    """E on the independent entries, each times the root of how often it stands in the tensor."""
    dims, n = len(shape), math.prod(shape)
    nowhere = undefined(shape, order, periodic)
    rows, columns = entries(dims, order + 1), entries(dims, order)
    out = np.zeros((len(rows) * n, len(columns) * n))
    for j, entry in enumerate(columns):
        for p, pixel in enumerate(np.ndindex(*shape)):
            t = np.where(nowhere, np.nan, 0.0)
            if np.isnan(t[(*entry, *pixel)]):
                continue
            for turned in set(itertools.permutations(entry)):
                t[(*turned, *pixel)] = 1 / math.sqrt(multiplicity(entry))
            e = np.nan_to_num(symmetrised_gradient(t, dims, periodic, spacing))
            for i, row in enumerate(rows):
                out[i * n : (i + 1) * n, j * n + p] = math.sqrt(multiplicity(row)) * e[row].reshape(-1)
    return out


def defined(shape: tuple[int, ...], order: int, periodic: bool) -> np.ndarray:
    """1 where an independent entry of a derivative is defined, else 0; flat."""
    nowhere = undefined(shape, order, periodic)
    return np.concatenate([1.0 - nowhere[entry].reshape(-1) for entry in entries(len(shape), order)])


def lengths(matrix: Any, count: int) -> Any:
    """The sum over pixels of the length of ``count`` real or complex entries."""
    rows = cp.reshape(matrix, (count, matrix.size // count), order="C")
    parts = cp.vstack([cp.real(rows), cp.imag(rows)]) if matrix.is_complex() else rows
    return cp.sum(cp.norm(parts, 2, axis=0))


def tgv_expression(
    x: Any, shape: tuple[int, ...], weights: tuple[float, ...], periodic: bool = False, spacing: Any = None
) -> Any:
    """TGV of a cvxpy expression, its tensor fields being variables inside."""
    dims, n, order = len(shape), math.prod(shape), len(weights)
    spacing = spacing or (1.0,) * dims
    before, total = x, 0
    for level in range(1, order + 1):
        count = len(entries(dims, level))
        residual = derivative_matrix(shape, level - 1, periodic, spacing) @ before
        if level < order:
            field = cp.Variable(count * n, complex=x.is_complex())
            residual = residual - cp.multiply(defined(shape, level, periodic), field)
            before = field
        total = total + weights[order - level] * lengths(residual, count)
    return total
