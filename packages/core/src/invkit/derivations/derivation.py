"""A derivation: one rule by which what is known of the parts of an expression says something of the whole."""

from __future__ import annotations

from dataclasses import dataclass

from ..claims import PROPERTIES
from ..errors import ConfigError

#: What expressions are built of.
KINDS = ("operator", "functional", "map", "symmetry")


@dataclass(frozen=True, kw_only=True)
class Derivation:
    """One sound rule of the algebra; the class that applies it computes, this says what it rests on.

    name: unique, such as ``norm-of-a-composition``.   of: one of ``KINDS``.
    property: which of ``claims.PROPERTIES`` is derived.   construction: of what, such as ``"A B"``.
    statement: hypotheses and conclusion, in one sentence.   source: theorem and publication, or the argument itself.

    Raises: ConfigError if the kind or the property is unknown, or a text is empty.
    """

    name: str
    of: str
    property: str
    construction: str
    statement: str
    source: str

    def __post_init__(self) -> None:
        if self.of not in KINDS:
            raise ConfigError(f"Derivation {self.name}: of is {self.of!r}, expected one of {', '.join(KINDS)}.")
        if self.property not in PROPERTIES:
            raise ConfigError(
                f"Derivation {self.name}: property is {self.property!r}, expected one of {', '.join(PROPERTIES)}. "
                "Name a property of invkit.claims."
            )
        for what in ("name", "construction", "statement", "source"):
            if not getattr(self, what).strip():
                raise ConfigError(f"Derivation {self.name}: {what} is empty, expected text. Write it.")


def about(derivations: tuple[Derivation, ...], name: str) -> tuple[str, str]:
    """What those derivations that conclude a property state, and their sources; empty texts where there is none."""
    found = [derivation for derivation in derivations if derivation.property == name]
    return "; ".join(d.statement for d in found), "; ".join(dict.fromkeys(d.source for d in found))
