"""When the residual of a denoiser, x - gamma E(x), is averaged."""

from __future__ import annotations

from ....claims import ASSUMED
from ....derivations.sectors import Sector, averaged_one, residual, rounded_up, strongest
from ....models.derived_denoisers import ResidualDenoiser, inner_sectors
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting
from .._numbers import at_most


def residual_constant(alpha: float, gamma: float) -> float:
    """|1 - gamma (1 - alpha)| + gamma alpha, of id - gamma E for an alpha-averaged E; nonexpansive E: alpha = 1."""
    return abs(1 - gamma * (1 - alpha)) + gamma * alpha


def _denoiser(setting: Setting) -> ResidualDenoiser:
    assert type(setting.subject) is ResidualDenoiser
    return setting.subject


def _monotone(setting: Setting) -> Sector | None:
    """The sector of E that lies right of zero, on the strongest basis, then the shortest."""
    found = [one for one in inner_sectors(_denoiser(setting).denoiser) if one.low >= 0]
    return min(found, key=lambda one: (-one.basis, one.high), default=None)


def _cocoercive(setting: Setting) -> Premise:
    subject, best = _denoiser(setting), _monotone(setting)
    known = inner_sectors(subject.denoiser)
    stretched = strongest(residual(subject.gamma, known))
    inner = averaged_one(known)
    if best is not None:
        how = "E is firmly nonexpansive" if best.firmly_nonexpansive else f"E lies in [0, {at_most(float(best.high))}]"
    elif stretched is None:
        how = "E claims nothing that helps"
    else:
        alpha = 1.0 if inner is None or inner.alpha is None else inner.alpha
        kind = "only known to be nonexpansive" if alpha == 1 else f"{at_most(alpha)}-averaged"
        kind = kind if inner is not None else "only known to be Lipschitz"
        how = f"E is {kind}, so that the Lipschitz constant of x - gamma E(x) may be this"
    return Premise(
        statement="E is firmly nonexpansive, or cocoercive",
        holds=best is not None,
        basis=ASSUMED if best is None else best.basis,
        value=None if stretched is None else stretched.lipschitz,
        bound=None if stretched is None else 1.0,
        how=how,
        remedy="average E with the identity: (id + E) / 2 is firmly nonexpansive for a nonexpansive E; or rely on the "
        "Lipschitz constant alone",
    )


def _gamma(setting: Setting) -> Premise:
    subject, best = _denoiser(setting), _monotone(setting)
    bound = None if best is None or not best.high else float(2 / best.high)
    inside = best is not None and any(one.alpha is not None for one in residual(subject.gamma, (best,)))
    return Premise(
        statement="gamma lies in (0, 2 beta), with E beta-cocoercive; beta = 1 for a firmly nonexpansive one",
        holds=inside,
        basis=ASSUMED if best is None else best.basis,
        value=subject.gamma,
        bound=bound,
        how="" if best is not None else "no beta is known",
        remedy="lower gamma" if best is not None else "use a firmly nonexpansive E",
    )


def _conclusion(setting: Setting) -> Conclusion:
    subject, best = _denoiser(setting), _monotone(setting)
    assert best is not None
    (found,) = residual(subject.gamma, (best,))
    alpha = rounded_up(found.exact_alpha)
    slower = f", and Lipschitz with {at_most(found.lipschitz)}" if found.lipschitz < 1 else ""
    return Conclusion(
        statement=f"x - gamma E(x) is averaged{slower}",
        params={"alpha": alpha or 0.5},  # the identity is averaged with any
        value=alpha,
        how="gamma / (2 beta)",
    )


RESIDUAL_AVERAGED = Rule(
    name="residual-averaged",
    statement="the residual x - gamma E(x) of a firmly nonexpansive E is averaged for gamma < 2",
    formula="(gamma / 2)-averaged; for an alpha-averaged E only |D x - D z| <= (|1 - gamma (1 - alpha)| + gamma "
    "alpha) |x - z|, at most |x - z| if alpha <= 1/2 and gamma <= 2",
    source="Bauschke, Combettes (2011), chapter 4: id - gamma E = (1 - gamma/2) id + (gamma/2) (id - 2 E); the "
    "constant is attained by E(x) = x - 2 relu(x + 100)",
    about=lambda setting: type(setting.subject) is ResidualDenoiser,
    premises=(
        Hypothesis(
            statement="E is firmly nonexpansive, or cocoercive",
            concerns=("firmly_nonexpansive", "averaged"),
            evaluate=_cocoercive,
        ),
        Hypothesis(
            statement="gamma lies in (0, 2 beta), with E beta-cocoercive; beta = 1 for a firmly nonexpansive one",
            concerns=("parameter", "averaged"),
            evaluate=_gamma,
        ),
    ),
    concludes="averaged",
    conclude=_conclusion,
)
