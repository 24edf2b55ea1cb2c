"""Maps: what is known of compositions, sums, multiples, residuals, gradient and proximal steps.

``sectors.py`` computes; a constant that is stated is rounded up.
"""

from __future__ import annotations

from .derivation import Derivation

_BC = "Bauschke, Combettes (2011)"
_SECTOR = "Giselsson, Moursi (2021), Definition 3.1: T = c id + r N with a nonexpansive N"


def _of(name: str, prop: str, construction: str, statement: str, source: str) -> Derivation:
    return Derivation(name=name, of="map", property=prop, construction=construction, statement=statement, source=source)


COMPOSITION_LIPSCHITZ = _of(
    "lipschitz-composition", "lipschitz", "S T",
    "the constant of a composition is at most the product of the constants", "|S T x - S T z| <= L_S |T x - T z|",
)  # fmt: skip
COMPOSITION_AVERAGED = _of(
    "averaged-composition", "averaged", "S T",
    "alpha_i-averaged maps compose to an averaged one, alpha = 1 / (1 + 1 / sum_i alpha_i / (1 - alpha_i))",
    "Combettes, Yamada (2015), Proposition 2.5",
)  # fmt: skip
SUM_LIPSCHITZ = _of(
    "lipschitz-sum", "lipschitz", "S + T",
    "if S - s id and T - t id are Lipschitz with a and b, then S + T - (s + t) id is with a + b",
    f"{_SECTOR}; the triangle inequality",
)  # fmt: skip
SUM_AVERAGED = _of(
    "averaged-combination", "averaged", "w_1 T_1 + ... + w_m T_m",
    "a convex combination of alpha_i-averaged maps is averaged, alpha = sum_i w_i alpha_i",
    f"{_BC}, chapter 4",
)  # fmt: skip
MULTIPLE_LIPSCHITZ = _of(
    "lipschitz-multiple",
    "lipschitz",
    "c T",
    "c T is Lipschitz with |c| times the constant",
    "|c T x - c T z| = |c| |d|",
)
RELAXATION_AVERAGED = _of(
    "averaged-relaxation", "averaged", "(1 - t) id + t T",
    "the relaxation of an alpha-averaged map is (t alpha)-averaged for 0 < t < 1 / alpha", f"{_BC}, chapter 4",
)  # fmt: skip
RESIDUAL_LIPSCHITZ = _of(
    "lipschitz-residual", "lipschitz", "id - g T",
    "for an alpha-averaged T, id - g T is Lipschitz with |1 - g (1 - alpha)| + g alpha; for a nonexpansive one, 1 + g",
    "id - g T = (1 - g (1 - alpha)) id - g alpha N with a nonexpansive N",
)  # fmt: skip
RESIDUAL_AVERAGED = _of(
    "averaged-residual", "averaged", "id - g T",
    "for a firmly nonexpansive T and 0 < g < 2, id - g T is (g / 2)-averaged; for an alpha-averaged T with alpha > 1/2 "
    "nothing follows",
    f"{_BC}, chapter 4: id - g T = (1 - g / 2) id + (g / 2) (id - 2 T)",
)  # fmt: skip
GRADIENT_STEP_AVERAGED = _of(
    "averaged-gradient-step", "averaged", "id - tau grad f",
    "for a convex L-smooth f and 0 < tau < 2/L a gradient step is (tau L / 2)-averaged", f"{_BC}, Proposition 4.33",
)  # fmt: skip
GRADIENT_STEP_LIPSCHITZ = _of(
    "lipschitz-gradient-step", "lipschitz", "id - tau grad f",
    "for an L-smooth f with strong convexity m a gradient step is Lipschitz with max(|1 - tau m|, |1 - tau L|)",
    "Nesterov (2018), Theorem 2.1.12; Ryu, Boyd (2016), section 5.1",
)  # fmt: skip
PROXIMAL_FIRM = _of(
    "firmly-nonexpansive-proximal-map", "firmly_nonexpansive", "prox of tau f",
    "the proximal map of a convex f is firmly nonexpansive", "Moreau (1965)",
)  # fmt: skip
PROXIMAL_LIPSCHITZ = _of(
    "lipschitz-proximal-map", "lipschitz", "prox of tau f",
    "the proximal map of tau f with f strongly convex with modulus m is Lipschitz with 1 / (1 + tau m)",
    f"{_BC}, Proposition 23.11",
)  # fmt: skip
REFLECTION_NONEXPANSIVE = _of(
    "nonexpansive-reflection", "nonexpansive", "2 T - id",
    "T is firmly nonexpansive exactly if 2 T - id is nonexpansive", f"{_BC}, chapter 4",
)  # fmt: skip
DOUGLAS_RACHFORD_FIRM = _of(
    "firmly-nonexpansive-douglas-rachford", "firmly_nonexpansive", "id + S (2 T - id) - T",
    "for firmly nonexpansive S and T it is firmly nonexpansive, being half of id + (2 S - id)(2 T - id)",
    "Lions, Mercier (1979)",
)  # fmt: skip
CONTRACTION_AVERAGED = _of(
    "averaged-contraction", "averaged", "T", "a map that is Lipschitz with c < 1 is ((1 + c) / 2)-averaged",
    "T = c N with a nonexpansive N, and c N - (1 - alpha) id is Lipschitz with c + 1 - alpha <= alpha",
)  # fmt: skip
POINTWISE_LIPSCHITZ = _of(
    "lipschitz-pointwise", "lipschitz", "x_i -> s(x_i)",
    "a real function with slopes between a and b, number by number, is Lipschitz with max(|a|, |b|)",
    "the mean value theorem",
)  # fmt: skip
POINTWISE_FIRM = _of(
    "firmly-nonexpansive-pointwise", "firmly_nonexpansive", "x_i -> s(x_i)",
    "a real function with slopes between 0 and 1, number by number, is firmly nonexpansive", "the mean value theorem",
)  # fmt: skip

#: Every derivation of this file.
MAPS: tuple[Derivation, ...] = tuple(value for value in globals().values() if isinstance(value, Derivation))
