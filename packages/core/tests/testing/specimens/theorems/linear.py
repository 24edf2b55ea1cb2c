"""Settings that the theorems on linear systems, Newton's method and parts of the data must refuse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from invkit.functionals import L1, Box, Functional, Huber, SquaredL2, kullback_leibler, least_squares
from invkit.models import IterativelyRegularised
from invkit.operators import Dense
from invkit.solvers import (
    CGLS,
    MLEM,
    SVRG,
    ConjugateGradient,
    Kaczmarz,
    NewtonCG,
    OrderedSubsets,
    PrimalDualNewton,
)

from ..registry import Specimen
from . import case as c
from .case import Case, Make, refused

SQUARES = "the objective is a sum of squares with weights >= 0"
NOT_PRECONDITIONED = "the steps are not preconditioned"
MINUS = "a square that is subtracted"


def solved(objective: Functional, solver: Any) -> Make:
    return lambda: Case(objective, solver=solver)


def ridge(data: Functional = c.DATA) -> Functional:
    return data + 0.5 * SquaredL2()


def conjugate_gradients() -> Iterator[Specimen]:
    jacobi = ConjugateGradient("jacobi")
    yield from refused(
        "conjugate-gradient-rate",
        solved(ridge(), ConjugateGradient()),
        ("the condition number of other steps", solved(ridge(), jacobi), NOT_PRECONDITIONED),
        (c.UNMATCHED, solved(ridge(c.unmatched()), ConjugateGradient()), c.EXACT_ADJOINT),
        (c.MEASURED_NORM, solved(ridge(c.measured()), ConjugateGradient()), "|H| is bounded"),
    )
    yield from refused(
        "preconditioned-conjugate-gradient",
        solved(ridge(), jacobi),
        (
            "a diagonal that is not known",
            solved(ridge(least_squares(c.A @ c.A.H @ c.A, c.Y)), jacobi),
            "the preconditioner is diagonal with positive entries",
        ),
        (c.UNMATCHED, solved(ridge(c.unmatched()), jacobi), c.EXACT_ADJOINT),
    )
    yield from refused(
        "conjugate-gradient-fejer",
        solved(c.DATA, ConjugateGradient()),
        ("distances in another norm", solved(c.DATA, jacobi), NOT_PRECONDITIONED),
        (c.UNMATCHED, solved(c.unmatched(), ConjugateGradient()), c.EXACT_ADJOINT),
    )
    for rule in ("cgls-rate", "conjugate-gradient-descent"):
        yield from refused(
            rule, solved(ridge(), CGLS()), (c.UNMATCHED, solved(ridge(c.unmatched()), CGLS()), c.EXACT_ADJOINT)
        )

    def stopped(operator: Any = c.A, **settings: Any) -> Make:
        return lambda: Case(IterativelyRegularised(solver=CGLS(), **settings), operator)

    yield from refused(
        "cgls-discrepancy",
        stopped(noise_std=0.1),
        (
            "no noise level, so that nothing stops it",
            stopped(max_steps=100),
            "the iteration stops by the discrepancy principle with a factor above 1",
        ),
        (c.UNMATCHED, stopped(c.Unmatched(c.A.matrix), noise_std=0.1), c.EXACT_ADJOINT),
    )


def newton() -> Iterator[Specimen]:
    def curved(data: Functional = c.DATA) -> Functional:
        return ridge(data) + 0.2 * Huber(0.1)

    for rule, solver in (("newton-cg-rate", NewtonCG), ("primal-dual-newton-rate", PrimalDualNewton)):
        yield from refused(
            rule,
            solved(curved(), solver()),
            ("no strongly convex term", solved(c.DATA + 0.2 * Huber(0.1), solver()), "f is strongly convex"),
            (
                "a line search of two trials",
                solved(curved(), solver(max_trials=2)),
                "the line search tries enough steps",
            ),
            (c.UNMATCHED, solved(curved(c.unmatched()), solver()), c.EXACT_ADJOINT),
        )


def kaczmarz() -> Iterator[Specimen]:
    second, x = Dense(c.noise(3, 6, seed=1)), torch.ones(1, 6, dtype=torch.float64)

    def rows(first: Dense = c.A, wrong: float = 0.0) -> Functional:
        return least_squares(first, c.A.forward(x) + wrong) + least_squares(second, second.forward(x))

    for rule in ("kaczmarz", "kaczmarz-fejer"):
        yield from refused(
            rule,
            solved(rows(), Kaczmarz()),
            (c.UNMATCHED, solved(rows(c.Unmatched(c.A.matrix)), Kaczmarz()), c.EXACT_ADJOINT),
            (
                c.MEASURED_NORM,
                solved(rows(c.PowerIteration(c.A.matrix)), Kaczmarz()),
                "the relaxation lies in (0, 2), with upper bounds of the |K_i|^2",
            ),
        )


def emission() -> Iterator[Specimen]:
    positive, y = Dense(c.noise(8, 6).abs()), torch.arange(8, dtype=torch.float64)[None]
    negative = positive.matrix.clone()
    negative[0, 0] = -0.01
    dark = positive.matrix.clone()
    dark[5] = 0
    sign, light = "every operator has no negative entries", "every count can come from a pixel or the background"

    def counted(operator: Any) -> Make:
        return solved(kullback_leibler(operator, y), MLEM())

    for rule in ("mlem-convergence", "mlem-descent"):
        faults = [
            ("one entry of -0.01", counted(Dense(negative)), sign),
            (c.UNMATCHED, counted(c.Unmatched(positive.matrix)), c.EXACT_ADJOINT),
        ]
        if rule == "mlem-convergence":
            faults.append(("five counts in a row that sees nothing", counted(Dense(dark)), light))
        yield from refused(rule, counted(positive), *faults)


def subsets() -> Iterator[Specimen]:
    second = least_squares(Dense(c.noise(8, 6, seed=1)), c.Y)

    def boxed(g: Functional, data: Functional = c.DATA) -> Functional:
        return data + second + g

    box = Box(0.0, 1.0)
    longest = 2 / (2 * max(c.L, second.smoothness().upper))
    yield from refused(
        "incremental-gradient",
        solved(boxed(box), OrderedSubsets()),
        (
            "a set without an upper end",
            solved(boxed(Box(0.0)), OrderedSubsets()),
            "g is the indicator of a bounded set",
        ),
        ("steps that stay as long", solved(boxed(box), OrderedSubsets(decay=0.0)), "the steps fall like 1/k"),
        (
            "first steps 1.01 times too long",
            solved(boxed(box), OrderedSubsets(step_size=1.01 * longest)),
            "the first step lies in (0, 2/(m max L_i)), as the solver asks",
        ),
        (c.UNMATCHED, solved(boxed(box, c.unmatched()), OrderedSubsets()), c.EXACT_ADJOINT),
        (c.NONCONVEX_F, solved(boxed(box) + c.Cosine(), OrderedSubsets()), "every f_i is convex"),
    )

    def regular(g: Functional, data: Functional = c.DATA) -> Functional:
        return data + 5.0 * SquaredL2() + 0.3 * g

    def svrg(objective: Functional, step_size: float | None = 1e-3) -> Make:
        return solved(objective, SVRG(step_size=step_size))

    step = "the step size lies in (0, mu / (L (L + mu))), L = sum_i L_i"
    yield from refused(
        "svrg-rate",
        svrg(regular(L1())),
        ("the usual step, 1/(10 L)", svrg(regular(L1()), None), step),
        (c.NONCONVEX_G, svrg(regular(c.NumNonzero())), "every f_i and g are convex"),
        (c.ROUGH_PROX, svrg(regular(c.RoughProx())), "the proximal map of g is exact"),
        (c.UNMATCHED, svrg(regular(L1(), c.unmatched())), c.EXACT_ADJOINT),
        (
            "no strongly convex term",
            svrg(c.DATA + second + 0.3 * L1()),
            "f = f_1 + ... + f_m is strongly convex",
        ),
    )


SPECIMENS = (*conjugate_gradients(), *newton(), *kaczmarz(), *emission(), *subsets())
