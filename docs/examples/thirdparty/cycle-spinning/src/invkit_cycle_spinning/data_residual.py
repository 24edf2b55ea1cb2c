"""A theorem: Plug-and-Play with a denoiser that moves little ends close to where the data fidelity is flat."""

from __future__ import annotations

import math

from invkit.claims import BY_CONSTRUCTION
from invkit.functionals import least_squares
from invkit.guarantees import Conclusion, Hypothesis, Premise, Rule, Setting
from invkit.guarantees.hypotheses import EXACT_ADJOINTS
from invkit.models import PlugAndPlay

from .denoiser import CycleSpinning


def _model(setting: Setting) -> PlugAndPlay:
    assert isinstance(setting.subject, PlugAndPlay)
    return setting.subject


def _about(setting: Setting) -> bool:
    """Exactly these classes: one derived from them may do something else."""
    model = setting.subject
    return type(model) is PlugAndPlay and type(model.denoiser) is CycleSpinning and setting.operator is not None


def _tau(setting: Setting) -> float | None:
    """The step size that the model takes, 1/L unless given; None where L is zero."""
    model = _model(setting)
    if model.step_size is not None:
        return model.step_size
    assert setting.operator is not None
    lipschitz = least_squares(setting.operator, setting.operator.codomain.zeros()).smoothness()
    return 1 / lipschitz.upper if lipschitz is not None and lipschitz.upper > 0 else None


def _proximal_gradient(setting: Setting) -> Premise:
    algorithm = _model(setting).algorithm
    return Premise(
        statement="the method is x = D(x - tau A*(A x - y))",
        holds=algorithm == "proximal-gradient",
        basis=BY_CONSTRUCTION,
        how=f"the algorithm is {algorithm}",
        remedy='set algorithm = "proximal-gradient"',
    )


def _moves_little(setting: Setting) -> Premise:
    model = _model(setting)
    denoiser = model.denoiser
    assert isinstance(denoiser, CycleSpinning)
    threshold = float(denoiser.threshold(model.noise_std))
    return Premise(
        statement="D moves no wavelet coefficient by more than its threshold",
        holds=math.isfinite(threshold),
        basis=BY_CONSTRUCTION,
        value=threshold,
        how="factor * noise_std",
        remedy="lower noise_std",
    )


def _step(setting: Setting) -> Premise:
    tau = _tau(setting)
    return Premise(
        statement="the step size tau is positive and known",
        holds=tau is not None and 0 < tau < math.inf,
        basis=BY_CONSTRUCTION,
        value=tau,
        remedy="give step_size",
    )


def _conclusion(setting: Setting) -> Conclusion:
    tau, operator, model = _tau(setting), setting.operator, _model(setting)
    assert tau is not None
    assert operator is not None
    assert isinstance(model.denoiser, CycleSpinning)
    pixels = math.prod(operator.domain.shape)
    # Rounded up: three roundings, each of one unit in the last place.
    bound = float(model.denoiser.threshold(model.noise_std)) * math.sqrt(pixels) / tau * (1 + 1e-15)
    return Conclusion(
        statement=f"at a fixed point |A*(A x - y)| <= {bound:.6g} for each image",
        params={"what": "the gradient of the data fidelity"},
        value=bound,
        how=f"{pixels} pixels, tau = {tau:.6g}",
    )


DATA_RESIDUAL = Rule(
    name="data-residual",
    statement="at a fixed point of Plug-and-Play with cycle spinning the data fidelity is almost flat",
    formula="|A*(A x - y)| = |D(z) - z| / tau <= threshold sqrt(pixels) / tau, with z = x - tau A*(A x - y), x = D(z)",
    source="bounded denoisers: Chan, Wang, Elgendy (2017), Definition 1; the rest is the line above",
    about=_about,
    premises=(
        Hypothesis(
            statement="the method is the proximal gradient one", concerns=("form",), evaluate=_proximal_gradient
        ),
        Hypothesis(
            statement="D moves no wavelet coefficient by more than its threshold",
            concerns=("parameter",),
            evaluate=_moves_little,
        ),
        Hypothesis(statement="the step size tau is positive and known", concerns=("step_size",), evaluate=_step),
        EXACT_ADJOINTS,
    ),
    concludes="error_bounded",
    conclude=_conclusion,
    further=True,
    # Proved above for exactly what about() lets through. Without this line the theorem is only assumed.
    basis=BY_CONSTRUCTION,
)
