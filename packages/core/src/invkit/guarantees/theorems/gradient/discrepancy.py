"""Early stopping by the discrepancy principle as a regularisation method: Landweber's iteration."""

from __future__ import annotations

import math

from ....claims import ASSUMED, BY_CONSTRUCTION
from ....models.iteratively_regularised import IterativelyRegularised
from ....solvers.gradient.gradient_descent import GradientDescent
from ....solvers.gradient.landweber import Landweber
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting
from .._numbers import SLACK, at_most
from ._forward_backward import ADJOINTS, parts, step_below
from .landweber import of_early_stopping


def error_falls_above(step_size: float, lipschitz: float) -> float:
    """The error |x_k - x*| falls as long as |A x_k - y| > this times the noise level |y - A x*|.

    |x_k+1 - x*|^2 <= |x_k - x*|^2 + tau |r| (2 delta - (2 - tau |A|^2) |r|), r = A x_k - y, delta = |y - A x*|.
    """
    return 2 / (2 - step_size * lipschitz)


def _model(setting: Setting) -> IterativelyRegularised:
    assert isinstance(setting.subject, IterativelyRegularised)
    return setting.subject


def _stopped(setting: Setting) -> Premise:
    model = _model(setting)
    known = model.noise_std is not None
    return Premise(
        statement="the iteration stops by the discrepancy principle with a factor above 1",
        holds=known and model.factor > 1,
        basis=BY_CONSTRUCTION,
        value=model.factor if known else None,
        bound=1.0 if known else None,
        how="factor" if known else "noise_std is None: it runs max_steps steps",
        remedy="give noise_std, and a factor larger than 1",
    )


def _known_noise(setting: Setting) -> Premise:
    model = _model(setting)
    statement = "|y - A x*| <= noise level for the true image x*"
    if model.noise_std is None or setting.operator is None:
        remedy = "give noise_std"
        return Premise(statement=statement, holds=False, basis=ASSUMED, how="no level is given", remedy=remedy)
    samples = model.samples or setting.operator.codomain.size
    return Premise(
        statement=statement,
        holds=True,
        basis=ASSUMED,
        value=model.noise_std * math.sqrt(samples),
        how="level = noise_std * samples^(1/2), given by the user; random noise exceeds it about every other time, by "
        "little, which the factor is for",
        remedy="nothing in the measurement tells the noise level: it stays assumed",
    )


def _enough_steps(setting: Setting) -> Premise:
    return Premise(
        statement="the step budget lasts until the discrepancy principle stops the iteration",
        holds=True,
        basis=ASSUMED,
        value=float(_model(setting).max_steps),
        how="max_steps; the status of each image says whether it did",
        remedy="solve() gives Status.DISCREPANCY where it did",
    )


STOPPED_BY_DISCREPANCY = Hypothesis(
    statement="the iteration stops by the discrepancy principle with a factor above 1",
    concerns=("parameter",),
    evaluate=_stopped,
)
KNOWN_NOISE = Hypothesis(
    statement="|y - A x*| <= noise level for the true image x*", concerns=("data",), evaluate=_known_noise
)
ENOUGH_STEPS = Hypothesis(
    statement="the step budget lasts until the discrepancy principle stops the iteration",
    concerns=("parameter",),
    evaluate=_enough_steps,
)


def _conclusion(setting: Setting) -> Conclusion:
    found = parts(setting)
    assert found.tau is not None
    assert found.lipschitz is not None
    limit = error_falls_above(found.tau, found.lipschitz.upper) * (1 + SLACK)
    return Conclusion(
        statement="Landweber stopped by the discrepancy principle: the error tends to zero with the noise, and falls "
        f"from step to step while the discrepancy is above {at_most(limit)} times the noise level",
        params={"by": "the discrepancy principle"},
        value=limit,
        how=f"2 / (2 - tau |A|^2); the iteration stops at {_model(setting).factor:g} times the level",
    )


LANDWEBER_DISCREPANCY = Rule(
    name="landweber-discrepancy",
    statement="Landweber stopped by the discrepancy principle: the error tends to zero with the noise",
    formula="|A x_k - y| <= factor * delta at the stop: x_k -> A^+ A x* as delta -> 0, for tau in (0, 2/|A|^2) and "
    "factor > 1; |x_k+1 - x*| < |x_k - x*| while |A x_k - y| > 2 delta / (2 - tau |A|^2)",
    source="Engl, Hanke, Neubauer (1996), Regularization of Inverse Problems, Section 6.1",
    about=of_early_stopping(Landweber, GradientDescent),
    premises=(
        STOPPED_BY_DISCREPANCY,
        step_below(2.0, strict=True),
        KNOWN_NOISE,
        ENOUGH_STEPS,
        ADJOINTS,
    ),
    concludes="regularising",
    conclude=_conclusion,
    further=True,
)
