"""One check: a question about an object of some kinds, and the five ways in which it can end."""

from __future__ import annotations

import difflib
import enum
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..claims import BY_CONSTRUCTION, CERTIFIED, PROPERTIES, Claim, find_claim
from ..errors import ConfigError
from ..measures.measurement import Datum, Measurement
from .cases import KINDS, Example


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
    """Where and with which seed a check runs, and which of several claims of one property it is about."""

    device: torch.device = torch.device("cpu")
    dtype: torch.dtype = torch.float64
    seed: int = 0
    claim: Claim | None = None  #: the one that is asked about; None is the strongest of the property

    def generator(self) -> torch.Generator:
        """A fresh generator, the same for every check, so that each check can be repeated alone."""
        return torch.Generator().manual_seed(self.seed)

    def claim_of(self, subject: Any, name: str) -> Claim | None:
        """The claim of that property to measure: the one that is asked about, else the object's strongest."""
        if self.claim is not None and self.claim.property == name:
            return self.claim
        return find_claim(tuple(subject.claims()), name)


@dataclass(frozen=True, eq=False, kw_only=True)
class CheckResult:
    """The end of one check of one object in one dtype.

    check: the name of a check of the core, the id of one that a plugin adds.
    reason: why it was skipped or failed, or where the worst trial was.   example: which of several instances.
    stated: what the object claims of the property that was measured, with its basis.   claim: its parameters in words,
    if it is one of several claims of that property.
    counterexample: tensors and numbers at which the check gives this value again.
    excuses: whether it says why nothing of the object could be measured here.
    """

    check: str
    subject: str
    outcome: Outcome
    concerns: str = ""
    dtype: str = ""
    device: str = ""
    measurement: Measurement | None = None
    reason: str = ""
    example: str = ""
    claim: str = ""
    seed: int = 0
    stated: Claim | None = None
    counterexample: Mapping[str, Datum] = field(default_factory=dict)
    excuses: bool = False

    @property
    def is_bad(self) -> bool:
        return self.outcome in (Outcome.REFUTED, Outcome.FAILED)

    @property
    def blames_check(self) -> bool:
        """Whether it was the check of another plugin that raised, so that nothing is said of the object."""
        provider, _, name = self.check.partition("/")
        return self.outcome is Outcome.FAILED and bool(name) and provider != self.subject.partition("/")[0]

    @property
    def verdict(self) -> str:
        """The outcome in words; a claim that was measured and is known by proof as well shows both."""
        proved = self.stated is not None and self.stated.basis >= CERTIFIED
        if self.outcome is not Outcome.NOT_REFUTED or not proved:
            return self.outcome.value
        assert self.stated is not None
        return f"{self.outcome.value}; {self.stated.basis.label}"

    def save(self, folder: str | Path) -> Path:
        """Write the counterexample into the folder, as ``invkit check --save`` does; the path of its .json file.

        Raises: ConfigError if nothing was refuted; DataError if it cannot be written.
        """
        from .saved import save  # it needs this module

        return save(self, Path(folder))

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "subject": self.subject,
            "example": self.example,
            "check": self.check,
            "property": self.concerns,
            "claim": self.claim,
            "outcome": self.outcome.value,
            "dtype": self.dtype,
            "device": self.device,
            "seed": self.seed,
            "stated": None if self.stated is None else self.stated.as_dict(),
            "measurement": None if self.measurement is None else self.measurement.as_dict(),
            "reason": self.reason,
            "counterexample": {name: _described(datum) for name, datum in self.counterexample.items()},
        }


def _described(datum: Datum) -> Any:
    """JSON-ready: a tensor by its shape and dtype."""
    if isinstance(datum, Tensor):
        return {"shape": list(datum.shape), "dtype": str(datum.dtype).removeprefix("torch.")}
    return str(datum) if isinstance(datum, float) and not math.isfinite(datum) else datum


#: Evaluates a check at the tensors and numbers of a counterexample, and at nothing else.
Evaluate = Callable[[Example, Context, Mapping[str, Any]], float]


@dataclass(frozen=True, kw_only=True)
class Check:
    """A check that any plugin may add through the hook ``invkit_checks`` (its Spec names the instance).

    name: lower case with hyphens.   kinds: kinds of objects it looks at.   concerns: the property that it measures, ""
    for part of the interface that no claim names.   measure: takes the example and the context, returns a
    ``Measurement``, raises ``Skip`` where it does not apply.   at: the value at a counterexample of ``measure``, by
    which a saved one is evaluated again; None searches again with the seed.   always: ask even of an object that does
    not claim it.   needs: the capability that it is about, such as ``HasPseudoInverse``, or one of several.
    plugin: who adds it, which the registry knows: its author leaves it out.

    Raises: ConfigError if a kind or the property is not known.
    """

    name: str
    kinds: tuple[str, ...]
    measure: Callable[[Example, Context], Measurement]
    concerns: str = ""
    always: bool = False
    needs: type | tuple[type, ...] = object
    summary: str = ""
    at: Evaluate | None = None
    plugin: str = ""

    def __post_init__(self) -> None:
        kinds: object = self.kinds
        if not isinstance(kinds, tuple) or not kinds or any(kind not in KINDS for kind in kinds):
            raise ConfigError(
                f"Check {self.name}: kinds is {self.kinds!r}, expected a tuple of some of {', '.join(KINDS)}. Name "
                "those of the objects that it looks at."
            )
        if self.concerns and self.concerns not in PROPERTIES:
            near = difflib.get_close_matches(str(self.concerns), PROPERTIES, n=3)
            hint = f"Did you mean {' or '.join(near)}?" if near else "Leave it out if no claim names what it measures."
            raise ConfigError(
                f"Check {self.name}: concerns is {self.concerns!r}, expected a property of claims. {hint}"
            )

    @property
    def id(self) -> str:
        """``plugin/name``; the name alone for a check of the core, or one that was passed by hand."""
        return f"{self.plugin}/{self.name}" if self.plugin else self.name

    def applies_to(self, subject: Any, kind: str, claims: tuple[Claim, ...]) -> bool:
        """Whether to ask it of this object, of that kind and with those claims."""
        asked = self.always or not self.concerns or find_claim(claims, self.concerns) is not None
        return kind in self.kinds and isinstance(subject, self.needs) and asked

    def contexts(self, context: Context, stated: tuple[Claim, ...]) -> Iterator[Context]:
        """One for each of several claims of the property; two with the same parameters are one, the stronger."""
        ordered = sorted((one for one in stated if one.property == self.concerns), key=lambda one: -one.basis)
        several = {str(sorted(one.params.items())): one for one in reversed(ordered)}
        if len(several) < 2:
            yield context
        else:
            for one in ordered:
                if one in several.values():
                    yield replace(context, claim=one)

    def run(self, example: Example, context: Context, subject: str = "") -> CheckResult:
        """Ask. A check that raises is a failure of that check alone."""
        measurement, reason, counterexample = None, "", {}
        try:
            found: object = self.measure(example, context)
            if not isinstance(found, Measurement):  # an author's function may return anything
                raise TypeError(f"measure returned {type(found).__name__}, expected a Measurement")
            measurement = found
        except Skip as skip:
            outcome, reason = Outcome.SKIPPED, str(skip)
        except Exception as error:  # whatever a third-party object raises ends this check and no other
            outcome, reason = Outcome.FAILED, f"{type(error).__name__}: {' '.join(str(error).split())}"
        else:
            outcome = Outcome.NOT_REFUTED if measurement.passed else Outcome.REFUTED
            reason, counterexample = measurement.where, dict(measurement.counterexample)
            if measurement.passed and (measurement.trials == 0 or math.isinf(measurement.bound)):
                why = "no trial of it was possible" if measurement.trials == 0 else "its bound is infinite"
                outcome, reason = Outcome.SKIPPED, f"nothing could be measured: {why}"
        subject = subject or type(example.subject).__name__
        if outcome is Outcome.FAILED and self.plugin and self.plugin != subject.partition("/")[0]:
            reason = (
                f"the check {self.id} raised {reason}; it failed, not {subject}. Report this to the author of "
                f"{self.plugin}, or leave it out: INVKIT_DISABLE_PLUGINS={self.plugin}"
            )
        return CheckResult(
            check=self.id,
            subject=subject,
            outcome=outcome,
            concerns=self.concerns,
            dtype=str(context.dtype).removeprefix("torch."),
            device=str(context.device),
            measurement=measurement,
            reason=reason,
            example=example.name,
            claim="" if context.claim is None else str(context.claim),
            seed=context.seed,
            stated=_stated(example.subject, self.concerns) if context.claim is None else context.claim,
            counterexample=counterexample,
        )


def _stated(subject: Any, name: str) -> Claim | None:
    """What the object claims of that property; None if nothing, or asking raises (which is a row of its own)."""
    try:
        return find_claim(tuple(subject.claims()), name) if name else None
    except Exception:  # a third-party object may raise anything
        return None


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
