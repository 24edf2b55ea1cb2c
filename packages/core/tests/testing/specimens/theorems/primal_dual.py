"""Settings that the theorems on primal-dual methods and splitting must refuse."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch

from invkit.functionals import L1, Functional, Proximable, SquaredL2, least_squares, total_variation
from invkit.operators import Blur, Dense, Fourier, Identity
from invkit.solvers import (
    ADMM,
    PDHG,
    AcceleratedPDHG,
    AdaptivePDHG,
    CondatVu,
    DouglasRachford,
    LinearRatePDHG,
    PreconditionedPDHG,
    StochasticPDHG,
)

from ..registry import Specimen
from . import case as c
from .case import Case, Make, refused

CONVEX = "every f_i and g are convex"
PROX = "the proximal maps of every f_i and of g are exact"
STEPS = "the steps are positive and tau * sum_i sigma_i |K_i|^2 <= 1"
ZERO = Dense(torch.zeros(3, 6, dtype=torch.float64))
B = Dense(torch.ones(3, 6, dtype=torch.float64))
CENTRED = SquaredL2(torch.ones(1, 6, dtype=torch.float64))


def solved(objective: Functional, solver: Callable[..., Any], **settings: Any) -> Make:
    return lambda: Case(objective, solver=solver(**settings))


def posed(objective: Functional, form: Callable[..., Any], solver: Callable[..., Any], **settings: Any) -> Make:
    """The problem in the form of one solver, handed to another that asks for more."""
    return lambda: Case(form().prepare(objective), solver=solver(**settings))


def blocks(f: Proximable, data: Functional = c.DATA) -> Functional:
    return data + 0.3 * (f @ c.A)


def shared(solver: Callable[..., Any], make: Callable[[Proximable], Functional]) -> list[tuple[str, Make, str]]:
    """What every theorem on saddle points must refuse; make: the objective with f in one of its blocks."""
    return [
        (c.NONCONVEX_G, solved(make(c.NumNonzero()), solver), CONVEX),
        (c.ROUGH_PROX, solved(make(c.RoughProx()), solver), PROX),
        (c.UNMATCHED, solved(make(L1()) + 0.1 * c.unmatched(), solver), c.EXACT_ADJOINT),
    ]


def pdhg() -> Iterator[Specimen]:
    honest = blocks(L1())
    longest = 1 / math.sqrt(2 * c.L)
    for rule in ("pdhg-convergence", "pdhg-gap-rate"):
        yield from refused(
            rule,
            solved(honest, PDHG),
            ("steps 1.01 times too long", solved(honest, PDHG, tau=1.01 * longest, sigma=1.01 * longest), STEPS),
            (c.MEASURED_NORM, solved(honest + 0.1 * c.measured(), PDHG), STEPS),
            *shared(PDHG, blocks),
        )
    yield from refused("adaptive-pdhg-convergence", solved(honest, AdaptivePDHG), *shared(AdaptivePDHG, blocks))
    yield from refused("stochastic-pdhg-convergence", solved(honest, StochasticPDHG), *shared(StochasticPDHG, blocks))
    yield from refused(
        "preconditioned-pdhg-convergence",
        solved(honest, PreconditionedPDHG),
        (
            "an operator that is zero",
            solved(L1() @ ZERO + 0.3 * L1(), PreconditionedPDHG),
            "the steps are positive and |Sigma^(1/2) K T^(1/2)| <= 1",
        ),
        *shared(PreconditionedPDHG, blocks),
    )


def strongly_convex() -> Iterator[Specimen]:
    def centred(f: Proximable) -> Functional:
        return 1.4 * CENTRED + 0.3 * (f @ c.A)

    honest = centred(L1())
    yield from refused(
        "pdhg-accelerated-rate",
        solved(honest, AcceleratedPDHG),
        (
            "no strongly convex g",
            posed(c.DATA + 0.3 * L1(), PDHG, AcceleratedPDHG),
            "g is strongly convex with a known modulus gamma",
        ),
        *shared(AcceleratedPDHG, centred),
    )

    def smooth(f: Functional) -> Functional:
        return f + 0.3 * SquaredL2()

    yield from refused(
        "pdhg-linear-rate",
        solved(smooth(2.5 * c.DATA), LinearRatePDHG),
        (
            "a norm, which has corners",
            posed(0.7 * (L1() @ c.A) + 0.3 * CENTRED, PDHG, LinearRatePDHG),
            "every f_i is smooth, so that f_i* is strongly convex with a known modulus delta_i",
        ),
        (
            "no strongly convex g",
            posed(c.DATA + 0.3 * L1(), PDHG, LinearRatePDHG),
            "g is strongly convex with a known modulus gamma",
        ),
        (c.UNMATCHED, solved(smooth(c.unmatched()), LinearRatePDHG), c.EXACT_ADJOINT),
    )


def condat_vu() -> Iterator[Specimen]:
    def three(f: Proximable, data: Functional = c.DATA) -> Functional:
        return data + 0.3 * (f @ B) + 0.1 * L1()

    steps = "the steps are positive and 1 / tau - sum_i sigma_i |K_i|^2 > L / 2"
    at_the_limit = {"tau": 1 / (c.L / 2 + 0.1 * B.norm().upper ** 2), "sigma": 0.1}
    yield from refused(
        "condat-vu-convergence",
        solved(three(L1()), CondatVu),
        ("steps that leave L/2 and no more", solved(three(L1()), CondatVu, **at_the_limit), steps),
        (c.MEASURED_NORM, solved(three(L1(), c.measured()), CondatVu), steps),
        *shared(CondatVu, three),
    )


def splitting() -> Iterator[Specimen]:
    image = Identity((4, 7), 1, torch.float64)
    ones = torch.ones(1, 1, 4, 7, dtype=torch.float64)
    wave = -2 * math.cos(2 * math.pi / 7)
    blind = Blur(torch.tensor([[1, wave, 1]], dtype=torch.float64), (4, 7), boundary="periodic")

    def denoised(f: Proximable) -> Functional:
        return c.DATA + 0.3 * f

    yield from refused(
        "admm-convergence",
        solved(1.4 * SquaredL2(ones) + 0.3 * total_variation(image.domain), ADMM),
        (
            "a blur that hardly sees a wave, so that the x-steps amplify rounding",
            solved(least_squares(blind, ones) + 0.1 * (L1() @ blind), ADMM),
            "the errors of the x-steps are summable",
        ),
        (c.NONCONVEX_G, solved(denoised(c.NumNonzero()), ADMM), "every f_i is convex"),
        (c.ROUGH_PROX, solved(denoised(c.RoughProx()), ADMM), "the proximal map of every f_i is exact"),
        (c.UNMATCHED, solved(c.unmatched() + 0.3 * L1(), ADMM), c.EXACT_ADJOINT),
        (
            "conjugate gradients stopped after three steps",
            solved(c.DATA + 0.3 * L1(), ADMM, cg_steps=3),
            "the errors of the x-steps are summable",
        ),
    )
    pattern = torch.ones(8, 8)
    pattern[3:5] = 0
    fourier = Fourier((8, 8), sampling_pattern=pattern)
    data = least_squares(fourier, fourier.codomain.zeros(1))
    yield from refused(
        "douglas-rachford-convergence",
        solved(data + 0.3 * L1(), DouglasRachford),
        (
            "a step so long that rounding is all that is left",
            solved(data + 0.3 * L1(), DouglasRachford, step_size=1e9),
            "both proximal maps are exact",
        ),
        (c.NONCONVEX_G, solved(data + c.NumNonzero(), DouglasRachford), "both functionals are convex"),
        (c.ROUGH_PROX, solved(data + c.RoughProx(), DouglasRachford), "both proximal maps are exact"),
    )


def duality_gap() -> Iterator[Specimen]:
    honest = blocks(L1()) + 0.1 * SquaredL2()
    yield from refused(
        "duality-gap-bound",
        solved(honest, PDHG),
        ("nothing that bounds the image", solved(blocks(L1()), PDHG), "g* is finite everywhere"),
        (c.UNMATCHED, solved(honest + 0.1 * c.unmatched(), PDHG), c.EXACT_ADJOINT),
    )


SPECIMENS = (*pdhg(), *strongly_convex(), *condat_vu(), *splitting(), *duality_gap())
