"""Functionals: what is known of c f, f + g, f(K x), f(x - a), partial minima and conjugates.

Moduli of strong convexity are rounded down and constants of smoothness up.
"""

from __future__ import annotations

from .derivation import Derivation

_BAUSCHKE = "Bauschke, Combettes (2011), Convex Analysis and Monotone Operator Theory in Hilbert Spaces"
_BECK = "Beck (2017), First-Order Methods in Optimization"
_BOYD = "Boyd, Vandenberghe (2004), Convex Optimization"
_NESTEROV = "Nesterov (2004), Introductory Lectures on Convex Optimization, Lemma 2.1.4"
_ROCKAFELLAR = "Rockafellar (1970), Convex Analysis"
_BAILLON_HADDAD = f"{_BAUSCHKE}, Theorem 18.15; Rockafellar, Wets (1998), Variational Analysis, Proposition 12.60"


def _of(name: str, prop: str, construction: str, statement: str, source: str) -> Derivation:
    return Derivation(
        name=name, of="functional", property=prop, construction=construction, statement=statement, source=source
    )


MULTIPLE_CONVEX = _of(
    "convex-multiple", "convex", "c f", "c f is convex for convex f and c >= 0", f"{_BOYD}, section 3.2.1"
)
MULTIPLE_STRONGLY_CONVEX = _of(
    "strongly-convex-multiple", "strongly_convex", "c f", "c f has the modulus c m for c >= 0", _NESTEROV
)
MULTIPLE_SMOOTH = _of(
    "smooth-multiple", "smooth", "c f", "the gradient of c f has the constant |c| L", "gradient(c f) = c gradient(f)"
)
MULTIPLE_PROX = _of(
    "prox-of-a-multiple", "prox", "c f", "the prox of tau (c f) is that of (tau c) f for c >= 0",
    "the definition of the prox; for c = 0 the projection onto the closure of the domain of f",
)  # fmt: skip

SUM_CONVEX = _of(
    "convex-sum", "convex", "f + g", "a sum of convex functionals is convex", f"{_ROCKAFELLAR}, Theorem 5.2"
)
SUM_STRONGLY_CONVEX = _of(
    "strongly-convex-sum", "strongly_convex", "f + g", "the moduli of convex functionals add up", _NESTEROV
)
SUM_SMOOTH = _of(
    "smooth-sum", "smooth", "f + g", "the constants of smoothness add up to an upper bound",
    "the triangle inequality for the gradients",
)  # fmt: skip

COMPOSITION_CONVEX = _of(
    "convex-composition", "convex", "f(K x)", "f(K x) is convex for convex f and linear K",
    f"{_ROCKAFELLAR}, Theorem 5.7",
)  # fmt: skip
COMPOSITION_STRONGLY_CONVEX = _of(
    "strongly-convex-composition", "strongly_convex", "f(K x)",
    "f(K x) keeps the modulus of f if K is isometric; of another K nothing is concluded",
    "f(K x) - (m/2) |x|^2 = (f - (m/2) |.|^2)(K x), and Rockafellar (1970), Theorem 5.7",
)  # fmt: skip
COMPOSITION_SMOOTH = _of(
    "smooth-composition", "smooth", "f(K x)", "the gradient of f(K x) has the constant L |K|^2",
    "|K* (gradient f(K x) - gradient f(K z))| <= |K| L |K (x - z)|",
)  # fmt: skip

TRANSLATION_CONVEX = _of(
    "convex-translation", "convex", "f(x - a)", "f(x - a) is convex if f is", f"{_BOYD}, section 3.2.2"
)
TRANSLATION_STRONGLY_CONVEX = _of(
    "strongly-convex-translation", "strongly_convex", "f(x - a)", "f(x - a) has the modulus of f",
    "|x|^2 - |x - a|^2 is affine in x",
)  # fmt: skip
TRANSLATION_SMOOTH = _of(
    "smooth-translation", "smooth", "f(x - a)", "the gradient of f(x - a) has the constant of f",
    "differences of arguments do not change",
)  # fmt: skip
TRANSLATION_PROX = _of(
    "prox-of-a-translation", "prox", "f(x - a)", "prox(v, tau) = a + prox_f(v - a, tau)", f"{_BECK}, Theorem 6.11"
)
TILT_CONVEX = _of(
    "convex-tilt", "convex", "f + Re <a, .>", "f plus a linear functional is convex if f is",
    f"{_ROCKAFELLAR}, Theorem 5.2",
)  # fmt: skip
TILT_STRONGLY_CONVEX = _of(
    "strongly-convex-tilt", "strongly_convex", "f + Re <a, .>", "f plus a linear functional has the modulus of f",
    _NESTEROV,
)  # fmt: skip
TILT_PROX = _of(
    "prox-of-a-tilt", "prox", "f + Re <a, .>", "prox(v, tau) = prox_f(v - tau a, tau)", f"{_BECK}, Theorem 6.13"
)

PART_CONVEX = _of(
    "convex-on-a-part", "convex", "g(R u)", "g(R u) is convex for convex g", f"{_ROCKAFELLAR}, Theorem 5.7"
)
PART_PROX = _of(
    "prox-on-a-part", "prox", "g(R u)", "prox(v, tau) = v + R* (prox_g(R v, tau) - R v), because R R* = id",
    f"{_BECK}, Theorem 6.15",
)  # fmt: skip
PARTIAL_MINIMUM_CONVEX = _of(
    "convex-partial-minimum", "convex", "min F(u) with R u = x",
    "the minimum of a jointly convex functional over some of its unknowns is convex in the others, if it is attained",
    f"{_ROCKAFELLAR}, Theorem 5.7; {_BOYD}, section 3.2.5",
)  # fmt: skip
ENVELOPE_CONVEX = _of(
    "convex-envelope", "convex", "min g(u) + |x - u|^2 / (2 delta)", "the Moreau envelope of a convex g is convex",
    f"{_BAUSCHKE}, Proposition 12.15",
)  # fmt: skip
ENVELOPE_SMOOTH = _of(
    "smooth-envelope", "smooth", "min g(u) + |x - u|^2 / (2 delta)",
    "the Moreau envelope of a convex g is smooth with constant 1 / delta; that of a norm is Huber's functional",
    f"{_BECK}, Theorem 6.60 and Example 6.54",
)  # fmt: skip

CONJUGATE_CONVEX = _of(
    "convex-conjugate", "convex", "f*", "a conjugate is convex, whatever f is", f"{_ROCKAFELLAR}, Theorem 12.2"
)
CONJUGATE_STRONGLY_CONVEX = _of(
    "strongly-convex-conjugate", "strongly_convex", "f*",
    "f* has the modulus 1 / L if f is convex with an L-Lipschitz gradient", _BAILLON_HADDAD,
)  # fmt: skip
CONJUGATE_SMOOTH = _of(
    "smooth-conjugate", "smooth", "f*", "the gradient of f* has the constant 1 / m if f is closed with modulus m > 0",
    _BAILLON_HADDAD,
)  # fmt: skip
SCALED_CONJUGATE_STRONGLY_CONVEX = _of(
    "strongly-convex-scaled-conjugate", "strongly_convex", "(c f)*",
    "(c f)*(z) = c f*(z / c) has the modulus of f* divided by c > 0",
    f"{_BAUSCHKE}, Proposition 13.20; the Hessian is divided by c",
)  # fmt: skip
SCALED_CONJUGATE_PROX = _of(
    "prox-of-a-scaled-conjugate", "prox", "(c f)*", "prox(v, sigma) = c prox_{f*}(v / c, sigma / c) for c > 0",
    f"{_BECK}, Theorem 6.12",
)  # fmt: skip
PART_CONJUGATE_STRONGLY_CONVEX = _of(
    "strongly-convex-conjugate-on-a-part", "strongly_convex", "(g R)*",
    "g*(R z) with the other unknowns held at zero has the modulus of g*",
    "|z| = |R z| wherever it is finite",
)  # fmt: skip
PART_CONJUGATE_PROX = _of(
    "prox-of-a-conjugate-on-a-part", "prox", "(g R)*", "prox(v, sigma) = R* prox_{g*}(R v, sigma)",
    f"{_BECK}, Theorem 6.6: the sum over the part and the others is separable",
)  # fmt: skip

#: Every rule about functionals.
FUNCTIONALS: tuple[Derivation, ...] = tuple(rule for rule in globals().values() if isinstance(rule, Derivation))
