"""Settings that the theorems on minimisers and on symmetry must refuse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from invkit.functionals import (
    Functional,
    Huber,
    SmoothedNorm,
    SquaredL2,
    huber_fit,
    kullback_leibler,
    total_variation,
)
from invkit.functionals.regularisers import h1
from invkit.models import Variational
from invkit.operators import Blur, Softplus, Space, inpainting
from invkit.solvers import ConjugateGradient, GradientDescent, NewtonCG

from ..registry import Specimen
from . import case as c
from .case import Case, Make, refused

BLUR = Blur(torch.ones(3, 3, dtype=torch.float64) / 9, (6, 5), 1, torch.float64)
SQUARE = Blur(torch.ones(3, 3, dtype=torch.float64) / 9, (8, 8))
MASK = inpainting(torch.rand(8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).round())


def alone(subject: Any) -> Make:
    return lambda: Case(subject)


def reconstruction(regulariser: Any, operator: Any = BLUR, **settings: Any) -> Make:
    return lambda: Case(Variational(regulariser, 0.1, **settings), operator)


def tv(space: Space) -> Functional:
    return total_variation(space)


def strongly_convex(space: Space) -> Functional:
    return total_variation(space) + 0.5 * SquaredL2()


def counting(space: Space) -> Functional:
    return c.NumNonzero()


def stability() -> Iterator[Specimen]:
    form = "the data term is (c/2) |W^(1/2) (A x - y)|^2, with the same c >= 0 and W >= 0 for every y"
    convex = "weight * R is convex, with the constraint if there is one"
    other = "Kullback-Leibler where a square is needed"
    backprojector = c.Unmatched(c.noise(8, 30), (1, 6, 5))
    yield from refused(
        "variational-stability",
        reconstruction(tv, nonnegative=True),
        (other, reconstruction(tv, data_fidelity=kullback_leibler), form),
        (
            "a Huber fit where a square is needed",
            reconstruction(tv, data_fidelity=lambda operator, y: huber_fit(operator, y, 0.1)),
            form,
        ),
        (c.NONCONVEX_G, reconstruction(counting), convex),
        (c.UNMATCHED, reconstruction(tv, backprojector), c.EXACT_ADJOINT),
    )
    yield from refused(
        "variational-lipschitz",
        reconstruction(strongly_convex),
        (
            "total variation, which is not strongly convex",
            reconstruction(tv),
            "the objective is strongly convex with a known modulus",
        ),
        (other, reconstruction(strongly_convex, data_fidelity=kullback_leibler), form),
        (c.UNMATCHED, reconstruction(strongly_convex, backprojector), c.EXACT_ADJOINT),
    )


def differentiability() -> Iterator[Specimen]:
    def objective(term: Functional, data: Functional = c.DATA) -> Functional:
        return data + 0.1 * term + 0.01 * SquaredL2()

    def solved(objective: Functional, solver: Any) -> Make:
        return lambda: Case(objective, solver=solver)

    c2, modulus = "f is twice continuously differentiable", "f is strongly convex with a known modulus"
    smooth, descent = SmoothedNorm(0.05), GradientDescent()
    rough, flat = solved(objective(Huber(0.05)), descent), solved(c.DATA + 0.1 * smooth, descent)
    yield from refused(
        "differentiable-solution-map",
        solved(objective(smooth), NewtonCG()),
        ("a Huber function where C2 is needed", rough, c2),
        ("no strongly convex term", flat, modulus),
        (c.UNMATCHED, solved(objective(smooth, c.unmatched()), NewtonCG()), c.EXACT_ADJOINT),
    )
    yield from refused(
        "a-posteriori-hypergradient-bound",
        solved(c.DATA + 0.3 * SquaredL2(), ConjugateGradient()),
        ("a Huber function where C2 is needed", rough, c2),
        ("no strongly convex term", flat, modulus),
        (
            "a Hessian whose Lipschitz constant nobody knows",
            solved(objective(c.Cosine()) + 10 * SquaredL2(), descent),
            "the Hessian of f is Lipschitz with a known constant L_H",
        ),
        (c.UNMATCHED, solved(c.unmatched() + 0.3 * SquaredL2(), ConjugateGradient()), c.EXACT_ADJOINT),
    )


def symmetry() -> Iterator[Specimen]:
    image = Space((1, 8, 8), torch.float64)
    invariant = "R is invariant under a group of motions of the image"
    yield from refused(
        "invariant-functional-equivariant-prox",
        alone(total_variation(image, isotropic=False)),
        ("isotropic total variation called invariant under quarter turns", alone(total_variation(image)), invariant),
        (
            "the number of pixels, whose proximal map has several values",
            alone(c.NumNonzero()),
            "R is convex, lower semi-continuous and finite somewhere, so that prox_R has one value",
        ),
    )
    each = "each map is equivariant, and the group acts on its values as on the arguments of the next"
    smooth = Softplus(SQUARE.codomain)
    yield from refused(
        "composition-equivariant",
        alone(smooth @ SQUARE),
        ("a mask among the maps", alone(smooth @ MASK @ SQUARE), each),
    )
    acts = "for every g of the group there is a unitary g' with A g = g' A"
    regulariser = "J, the sum of regulariser and constraint, is invariant under a group of motions of the image"

    def periodic(space: Space) -> Functional:
        return h1(space, boundary="periodic")

    yield from refused(
        "equivariant-reconstruction",
        reconstruction(periodic, SQUARE),
        ("a mask as operator", reconstruction(periodic, MASK), acts),
        ("isotropic total variation called invariant", reconstruction(tv, SQUARE), regulariser),
    )


SPECIMENS = (*stability(), *differentiability(), *symmetry())
