"""Claims: what an object says of itself, how strongly that is known, and where it comes from.

A claim names a property, its parameters and a basis. The vocabulary is closed: an unknown property or a
parameter outside its range is an error when the claim is made, not when it is used. This module imports no torch.
"""

from __future__ import annotations

import difflib
import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from types import MappingProxyType
from typing import Any

from .errors import ConfigError


class Basis(enum.IntEnum):
    """How a claim is known. Larger is stronger, so the basis of a conclusion is the ``min`` of its premises'."""

    ASSUMED = 0
    MEASURED = 1
    CERTIFIED = 2
    BY_CONSTRUCTION = 3

    @property
    def label(self) -> str:
        return self.name.lower().replace("_", " ")


ASSUMED, MEASURED, CERTIFIED, BY_CONSTRUCTION = Basis


@dataclass(frozen=True)
class _Range:
    """A real parameter between ``low`` and ``high``; an open end excludes its bound."""

    low: float
    high: float
    low_open: bool = False
    high_open: bool = False

    def __contains__(self, value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
            return False
        above = value > self.low if self.low_open else value >= self.low
        below = value < self.high if self.high_open else value <= self.high
        return above and below

    def __str__(self) -> str:
        return f"{'(' if self.low_open else '['}{self.low:g}, {self.high:g}{')' if self.high_open else ']'}"


@dataclass(frozen=True)
class _Text:
    """A parameter that is free text, such as the name of a group."""

    def __contains__(self, value: object) -> bool:
        return isinstance(value, str) and bool(value.strip())

    def __str__(self) -> str:
        return "a non-empty string"


_NONNEGATIVE = _Range(0.0, math.inf, high_open=True)
_POSITIVE = _Range(0.0, math.inf, low_open=True, high_open=True)

#: Property -> the parameters it needs and their ranges. Meanings are in ``MEANING``.
PROPERTIES: Mapping[str, Mapping[str, _Range | _Text]] = MappingProxyType(
    {
        "linear": {},
        "adjoint": {},
        "norm_bound": {"lower": _NONNEGATIVE, "upper": _NONNEGATIVE},
        "self_adjoint": {},
        "positive_semidefinite": {},
        "isometric": {},
        "unitary": {},
        "lipschitz": {"constant": _NONNEGATIVE},
        "nonexpansive": {},
        "averaged": {"alpha": _Range(0.0, 1.0, low_open=True, high_open=True)},
        "firmly_nonexpansive": {},
        "convex": {},
        "strongly_convex": {"modulus": _POSITIVE},
        "smooth": {"constant": _NONNEGATIVE},
        "prox": {},
        "equivariant": {"group": _Text()},
        "invariant": {"group": _Text()},
        "gradient_field": {},
        "differentiable": {},
        "twice_differentiable": {},
        "convergent": {"to": _Text()},
        "bounded_range": {"radius": _NONNEGATIVE},
        "descent": {},
        "fejer_monotone": {},
        "stable": {"constant": _NONNEGATIVE},
        "regularising": {"by": _Text()},
        "error_bounded": {"what": _Text()},
    }
)

MEANING: Mapping[str, str] = MappingProxyType(
    {
        "linear": "A(ax + bz) = a Ax + b Az",
        "adjoint": "<Ax, y> = <x, A*y> to rounding",
        "norm_bound": "lower <= |A| <= upper (spectral norm)",
        "self_adjoint": "A = A*",
        "positive_semidefinite": "A = A* and <Ax, x> >= 0",
        "isometric": "|Ax| = |x|",
        "unitary": "A*A = AA* = id",
        "lipschitz": "|F(x) - F(z)| <= constant |x - z|",
        "nonexpansive": "|F(x) - F(z)| <= |x - z|",
        "averaged": "F = (1 - alpha) id + alpha N with N nonexpansive",
        "firmly_nonexpansive": "F is 1/2-averaged",
        "convex": "f(tx + (1 - t)z) <= t f(x) + (1 - t) f(z)",
        "strongly_convex": "f - (modulus/2)|.|^2 is convex",
        "smooth": "the gradient of f is Lipschitz with this constant",
        "prox": "prox(v, tau) minimises f(x) + |x - v|^2 / (2 tau)",
        "equivariant": "F(g.x) = g.F(x) for every g of the group",
        "invariant": "f(g.x) = f(x) for every g of the group",
        "gradient_field": "F is the gradient of a functional",
        "differentiable": "gradients reach the input and every tensor it was built from",
        "twice_differentiable": "the Hessian of f exists everywhere and is continuous",
        "convergent": "the iterates, or their objective values, converge as stated",
        "bounded_range": "|F(x)| <= radius for every x",
        "descent": "the objective never increases from one step to the next",
        "fejer_monotone": "no step goes away from any solution",
        "stable": "|A(R(y1) - R(y2))| <= constant |y1 - y2|",
        "regularising": "with the stated rule the error tends to zero with the noise",
        "error_bounded": "a number that is computed bounds the error of what is named",
    }
)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One property that an object states of itself.

    property: a key of ``PROPERTIES``.   params: its parameters, e.g. ``{"alpha": 0.5}``.
    basis: how it is known.   evidence: what was computed or measured.   source: theorem and publication.

    Raises: ConfigError if the property is unknown, a parameter is missing, unknown or outside its range, the bounds of
    a norm exclude every number, or the basis is none.
    """

    property: str
    params: Mapping[str, Any] = field(default_factory=dict)
    basis: Basis = ASSUMED
    evidence: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        if self.property not in PROPERTIES:
            near = difflib.get_close_matches(self.property, PROPERTIES, n=3)
            hint = f"Did you mean {' or '.join(near)}?" if near else "Run 'invkit list claims' for all of them."
            raise ConfigError(f"Claim: property is {self.property!r}, expected a known one. {hint}")
        wanted = PROPERTIES[self.property]
        if not isinstance(self.params, Mapping) or set(self.params) != set(wanted):
            got = sorted(map(str, self.params)) if isinstance(self.params, Mapping) else repr(self.params)
            raise ConfigError(
                f"Claim {self.property}: parameters are {got}, expected {sorted(wanted)}. Name exactly these."
            )
        for name, allowed in wanted.items():
            if self.params[name] not in allowed:
                raise ConfigError(
                    f"Claim {self.property}: {name} is {self.params[name]!r}, expected a value in {allowed}. "
                    "Correct the claim or drop it."
                )
        if {"lower", "upper"} <= set(wanted) and self.params["lower"] > self.params["upper"]:
            raise ConfigError(
                f"Claim {self.property}: lower is {self.params['lower']!r}, expected at most upper = "
                f"{self.params['upper']!r}. No number lies between them: correct the claim or drop it."
            )
        if self.basis not in tuple(Basis):
            raise ConfigError(
                f"Claim {self.property}: basis is {self.basis!r}, expected one of "
                f"{', '.join(basis.name for basis in Basis)}. Import it from invkit.claims."
            )
        object.__setattr__(self, "basis", Basis(self.basis))
        object.__setattr__(self, "params", MappingProxyType(dict(self.params)))

    def __hash__(self) -> int:
        return hash((self.property, tuple(sorted(self.params.items())), self.basis, self.evidence, self.source))

    def __reduce__(self) -> tuple[Any, ...]:
        # A mapping proxy cannot be pickled, and objects that carry claims must be.
        return (_rebuild, (self.property, dict(self.params), int(self.basis), self.evidence, self.source))

    def __str__(self) -> str:
        inside = ", ".join(f"{k}={_shown(k, v) if isinstance(v, float) else v}" for k, v in self.params.items())
        return f"{self.property}({inside})" if inside else self.property

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready form, as it stands in ``record.json`` and ``--json`` output."""
        return {
            "property": self.property,
            "params": dict(self.params),
            "basis": self.basis.label,
            "evidence": self.evidence,
            "source": self.source,
        }


#: Parameters that are bounds from below; the others are bounds from above.
_FROM_BELOW = {"modulus", "lower"}

#: What the rounding of the arithmetic may be, relatively: it is not shown.
_ROUNDING = 2.0**-44


def _shown(name: str, value: float) -> str:
    """A bound with six digits, rounded to the side on which it stays true, but for the rounding of the arithmetic.

    One that would leave its range with that, such as an alpha rounded to 1, keeps more digits.
    """
    if not math.isfinite(value) or abs(float(f"{value:.6g}") - value) <= _ROUNDING * abs(value):
        return f"{value:.6g}"
    rounding = ROUND_FLOOR if name in _FROM_BELOW else ROUND_CEILING
    for digits in range(6, 17):
        shown = float(Context(prec=digits, rounding=rounding).create_decimal(Decimal(value)))
        if shown not in (0.0, 1.0):
            return f"{shown:.{digits}g}"
    return repr(value)


def _rebuild(name: str, params: dict[str, Any], basis: int, evidence: str, source: str) -> Claim:
    return Claim(property=name, params=params, basis=Basis(basis), evidence=evidence, source=source)


def find_claim(claims: tuple[Claim, ...], name: str) -> Claim | None:
    """The strongest claim of that property, or None."""
    found = [claim for claim in claims if claim.property == name]
    return max(found, key=lambda claim: claim.basis, default=None)
