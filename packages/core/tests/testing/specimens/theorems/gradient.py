"""Settings that the theorems on descent along gradients must refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from invkit.functionals import L1, Functional, Huber, SquaredL2, least_squares
from invkit.models import IterativelyRegularised
from invkit.operators import FromFunction
from invkit.solvers import (
    FISTA,
    ArmijoGradientDescent,
    BacktrackingFISTA,
    GradientDescent,
    Landweber,
    LinearisedBregman,
    Misfit,
    ProximalGradient,
)

from ..registry import Specimen
from . import case as c
from .case import Case, Make, refused

NAN_DATA = SquaredL2(float("nan") * c.Y) @ c.A


def stale() -> Case:
    operator, before = c.trained()
    return Case(least_squares(operator, c.Y) + 0.3 * L1(), solver=FISTA(step_size=1 / before))


def solved(objective: Callable[[], Functional], solver: Callable[..., Any], **settings: Any) -> Make:
    return lambda: Case(objective(), solver=solver(**settings))


def step(interval: str) -> str:
    return f"the step size lies in {interval}"


def forward_backward() -> Iterator[Specimen]:
    """The theorems on f + g with a step, which differ in the longest step that they allow."""
    for rule, solver, limit, interval, square, existence in (
        ("proximal-gradient", ProximalGradient, 2.0, "(0, 2/L)", 0.0, True),
        ("fista-rate", FISTA, 1.0, "(0, 1/L]", 0.0, True),
        ("gradient-linear-rate", ProximalGradient, 2.0, "(0, 2/L)", 0.5, True),
        ("proximal-gradient-rate", ProximalGradient, 1.0, "(0, 1/L]", 0.0, True),
        ("gradient-steps-descend", ProximalGradient, 2.0, "(0, 2/L]", 0.0, False),
        ("gradient-steps-fejer", ProximalGradient, 2.0, "(0, 2/L]", 0.0, False),
    ):
        extra = square * SquaredL2() if square else 0.3 * Huber(0.1)
        longest = limit / (c.DATA + extra).smoothness().upper

        def objective(g: Functional, data: Functional = c.DATA, extra: Functional = extra) -> Any:
            return lambda: data + extra + g

        l1 = 0.3 * L1()
        faults = [
            ("steps 1.01 times too long", solved(objective(l1), solver, step_size=1.01 * longest), step(interval)),
            ("steps of length zero", solved(objective(l1), solver, step_size=0.0), step(interval)),
            (c.NONCONVEX_G, solved(objective(c.NumNonzero()), solver), "g is convex"),
            (c.ROUGH_PROX, solved(objective(c.RoughProx()), solver), "the proximal map of g is exact"),
            (c.UNMATCHED, solved(objective(l1, c.unmatched()), solver), c.EXACT_ADJOINT),
            (c.NO_CONSTANT, solved(objective(l1, c.counts()), solver, step_size=0.01), c.KNOWN_L),
            (c.MEASURED_NORM, solved(objective(l1, c.measured()), solver), step(interval)),
        ]
        if rule != "gradient-steps-descend":
            faults.append((c.NONCONVEX_F, solved(objective(l1 + c.Cosine()), solver), "f is convex"))
        if existence:
            nan = solved(objective(l1, NAN_DATA), solver)
            faults.append((c.NOT_A_NUMBER, nan, "a minimiser exists"))
        if rule == "fista-rate":
            faults.append((c.STALE, stale, step(interval)))
        if rule == "gradient-linear-rate":
            flat = solved(lambda l1=l1: c.DATA + l1, solver)
            faults.append(("no strongly convex term", flat, "f or g is strongly convex"))
        yield from refused(rule, solved(objective(l1), solver), *faults)


def smooth() -> Iterator[Specimen]:
    """The theorems on a smooth objective, and those whose step is searched for."""

    def ridge(data: Functional = c.DATA) -> Functional:
        return data + 0.5 * SquaredL2()

    longest = 2 / ridge().smoothness().upper
    yield from refused(
        "gradient-descent",
        solved(ridge, GradientDescent),
        ("steps 1.01 times too long", solved(ridge, GradientDescent, step_size=1.01 * longest), step("(0, 2/L)")),
        ("steps of exactly 2/L", solved(ridge, GradientDescent, step_size=longest), step("(0, 2/L)")),
        (c.NONCONVEX_F, solved(lambda: ridge() + c.Cosine(), GradientDescent), "f is convex"),
        (c.NO_CONSTANT, solved(lambda: ridge(c.counts()), GradientDescent, step_size=0.01), c.KNOWN_L),
        (c.UNMATCHED, solved(lambda: ridge(c.unmatched()), GradientDescent), c.EXACT_ADJOINT),
        (c.NOT_A_NUMBER, solved(lambda: ridge(NAN_DATA), GradientDescent), "a minimiser exists"),
        (c.MEASURED_NORM, solved(lambda: ridge(c.measured()), GradientDescent), step("(0, 2/L)")),
    )
    search = {"step_size": 8.0}
    yield from refused(
        "backtracking-fista-rate",
        solved(lambda: c.DATA + 0.3 * L1(), BacktrackingFISTA, **search),
        (c.NONCONVEX_G, solved(lambda: c.DATA + c.NumNonzero(), BacktrackingFISTA, **search), "g is convex"),
        (c.NO_CONSTANT, solved(lambda: c.counts() + 0.3 * L1(), BacktrackingFISTA, **search), c.KNOWN_L),
        (c.UNMATCHED, solved(lambda: c.unmatched() + 0.3 * L1(), BacktrackingFISTA, **search), c.EXACT_ADJOINT),
    )
    yield from refused(
        "armijo-quadratic",
        solved(ridge, ArmijoGradientDescent),
        (
            "a Huber function called quadratic",
            solved(lambda: c.DATA + 0.5 * Huber(0.1), ArmijoGradientDescent),
            "f is quadratic, so that the tests by values and by slopes are the same",
        ),
        (c.UNMATCHED, solved(lambda: ridge(c.unmatched()), ArmijoGradientDescent), c.EXACT_ADJOINT),
    )


def landweber() -> Iterator[Specimen]:
    """The theorems on Landweber's iteration, as a solver and as a regularisation."""
    network = FromFunction(lambda x: c.A.forward(x).tanh(), c.A.domain, c.A.codomain)
    too_long = 1.01 * 2 / c.L

    def stopped(operator: Any = c.A, step_size: float | None = None, **settings: Any) -> Make:
        return lambda: Case(IterativelyRegularised(solver=Landweber(step_size=step_size), **settings), operator)

    yield from refused(
        "landweber",
        solved(lambda: c.DATA, Landweber),
        ("steps 1.01 times too long", solved(lambda: c.DATA, Landweber, step_size=too_long), step("(0, 2/L)")),
        (
            "an operator that is not linear",
            solved(lambda: Misfit(network, c.Y), Landweber, step_size=0.01),
            "F is linear and its adjoint is exact",
        ),
        (c.UNMATCHED, solved(c.unmatched, Landweber), "F is linear and its adjoint is exact"),
    )
    yield from refused(
        "landweber-steps",
        stopped(max_steps=20),
        (
            "stopped by the noise, so that the number of steps depends on the measurement",
            stopped(noise_std=0.1, max_steps=20),
            "the number of steps is fixed, whatever the measurement",
        ),
        ("steps 1.01 times too long", stopped(step_size=too_long, max_steps=20), step("(0, 2/L)")),
        (c.UNMATCHED, stopped(c.Unmatched(c.A.matrix), max_steps=20), c.EXACT_ADJOINT),
    )
    yield from refused(
        "landweber-discrepancy",
        stopped(noise_std=0.1),
        (
            "no noise level, so that nothing stops it",
            stopped(max_steps=1000),
            "the iteration stops by the discrepancy principle with a factor above 1",
        ),
        ("steps 1.01 times too long", stopped(step_size=too_long, noise_std=0.1), step("(0, 2/L)")),
        (c.UNMATCHED, stopped(c.Unmatched(c.A.matrix), noise_std=0.1), c.EXACT_ADJOINT),
    )


def bregman() -> Iterator[Specimen]:
    def lasso(g: Functional, data: Functional = c.DATA) -> Callable[[], Functional]:
        return lambda: data + g

    l1 = 5.0 * L1()
    yield from refused(
        "linearised-bregman",
        solved(lasso(l1), LinearisedBregman),
        (
            "steps 1.01 times too long",
            solved(lasso(l1), LinearisedBregman, step_size=1.01 * 2 / c.L),
            step("(0, 2 mu / |A|^2)"),
        ),
        (c.NONCONVEX_G, solved(lasso(c.NumNonzero()), LinearisedBregman), "J is convex"),
        (c.ROUGH_PROX, solved(lasso(c.RoughProx()), LinearisedBregman), "the proximal map of J is exact"),
        (c.UNMATCHED, solved(lasso(l1, c.unmatched()), LinearisedBregman), "A is linear and its adjoint is exact"),
    )


SPECIMENS = (*forward_backward(), *smooth(), *landweber(), *bregman())
