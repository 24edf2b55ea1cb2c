"""One check: a question about an object of some kinds, and the five ways in which it can end."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..claims import BY_CONSTRUCTION, CERTIFIED, Claim, find_claim
from ..measures.measurement import Measurement
from .cases import Example


class Outcome(enum.StrEnum):
    """What can be said after a check. A measurement can refute; it never proves."""

    REFUTED = "refuted"
    NOT_REFUTED = "not refuted"
    CERTIFIED = "certified"  #: a rigorous bound says so, and no check measures this property
    BY_CONSTRUCTION = "by construction"  #: it follows from the definition, and no check measures this property
    FAILED = "failed to run"
    SKIPPED = "skipped"


class Skip(Exception):
    """Raised inside a check that does not apply to this object, with the reason."""


@dataclass(frozen=True)
class Context:
    """Where and with which seed a check runs."""

    device: torch.device = torch.device("cpu")
    dtype: torch.dtype = torch.float64
    seed: int = 0

    def generator(self) -> torch.Generator:
        """A fresh generator, the same for every check, so that each check can be repeated alone."""
        return torch.Generator().manual_seed(self.seed)


@dataclass(frozen=True, eq=False, kw_only=True)
class CheckResult:
    """The end of one check of one object in one dtype.

    reason: why it was skipped or failed, or where the worst trial was.   counterexample: tensors that reproduce it.
    """

    check: str
    subject: str
    outcome: Outcome
    concerns: str = ""
    dtype: str = ""
    device: str = ""
    measurement: Measurement | None = None
    reason: str = ""
    counterexample: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def is_bad(self) -> bool:
        return self.outcome in (Outcome.REFUTED, Outcome.FAILED)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "subject": self.subject,
            "check": self.check,
            "property": self.concerns,
            "outcome": self.outcome.value,
            "dtype": self.dtype,
            "device": self.device,
            "measurement": None if self.measurement is None else self.measurement.as_dict(),
            "reason": self.reason,
        }


@dataclass(frozen=True, kw_only=True)
class Check:
    """A check that any plugin may add through the hook ``invkit_checks`` (its Spec names the instance).

    name: lower case with hyphens.   kinds: kinds of objects it looks at.   concerns: the property that it measures, ""
    for part of the interface that no claim names.   measure: takes the example and the context, returns a
    ``Measurement``, raises ``Skip`` where it does not apply.   always: ask even of an object that does not claim it.
    needs: the capability that it is about, such as ``HasPseudoInverse``.
    """

    name: str
    kinds: tuple[str, ...]
    measure: Callable[[Example, Context], Measurement]
    concerns: str = ""
    always: bool = False
    needs: type = object
    summary: str = ""

    def applies_to(self, subject: Any, kind: str, claims: tuple[Claim, ...]) -> bool:
        """Whether to ask it of this object, of that kind and with those claims."""
        asked = self.always or not self.concerns or find_claim(claims, self.concerns) is not None
        return kind in self.kinds and isinstance(subject, self.needs) and asked

    def run(self, example: Example, context: Context, subject: str = "") -> CheckResult:
        """Ask. A check that raises is a failure of that check alone."""
        measurement, reason, counterexample = None, "", {}
        try:
            measurement = self.measure(example, context)
        except Skip as skip:
            outcome, reason = Outcome.SKIPPED, str(skip)
        except Exception as error:  # whatever a third-party object raises ends this check and no other
            outcome, reason = Outcome.FAILED, f"{type(error).__name__}: {' '.join(str(error).split())}"
        else:
            outcome = Outcome.NOT_REFUTED if measurement.passed else Outcome.REFUTED
            reason, counterexample = measurement.where, dict(measurement.counterexample)
        return CheckResult(
            check=self.name,
            subject=subject or type(example.subject).__name__,
            outcome=outcome,
            concerns=self.concerns,
            dtype=str(context.dtype).removeprefix("torch."),
            device=str(context.device),
            measurement=measurement,
            reason=reason,
            counterexample=counterexample,
        )


def unmeasured(claim: Claim, subject: str, context: Context) -> CheckResult:
    """The row of a claim that no check measures: it stands as it was made, and says so."""
    outcome = {BY_CONSTRUCTION: Outcome.BY_CONSTRUCTION, CERTIFIED: Outcome.CERTIFIED}.get(claim.basis, Outcome.SKIPPED)
    return CheckResult(
        check="claim",
        subject=subject,
        outcome=outcome,
        concerns=claim.property,
        dtype=str(context.dtype).removeprefix("torch."),
        device=str(context.device),
        reason=f"{claim}: {claim.evidence or 'stated'}; no check measures it",
    )
