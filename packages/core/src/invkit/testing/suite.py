"""Run the checks: on one object, on one registered object over its dtypes, or on everything a plugin announces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from tqdm.auto import tqdm

from ..claims import Claim
from ..errors import ClaimRefutedError, MissingDependencyError
from ..operators.space import Space
from ..plugins import Entry, Registry, get_registry
from ..plugins.device import resolve_device, resolve_dtype
from .cases import Example, as_examples, kind_of, problem_of_subject
from .check import Check, CheckResult, Context, Outcome, unmeasured
from .checks import CHECKS
from .declared import compare_declared
from .interfaces import problem_of_target
from .registered import registered_checks
from .summary import summarise

#: The row that says that nothing was measured.
_IDLE = "measured"
#: Kinds whose objects the checks look at; the others only have to load.
CHECKED_KINDS = ("operator", "regulariser", "solver", "model")


@dataclass(frozen=True, eq=False, repr=False)
class Report:
    """The results of checking one or several objects; printed, the table of ``invkit check``."""

    results: tuple[CheckResult, ...]

    def __str__(self) -> str:
        return summarise(self.results, self.counts, self.not_measured)

    def __repr__(self) -> str:
        return f"Report({', '.join(f'{count} {outcome}' for outcome, count in self.counts.items())})"

    @property
    def refuted(self) -> tuple[CheckResult, ...]:
        """What a measurement contradicts."""
        return tuple(result for result in self.results if result.outcome is Outcome.REFUTED)

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """What could not be measured because it raised."""
        return tuple(result for result in self.results if result.outcome is Outcome.FAILED)

    @property
    def passed(self) -> bool:
        """Nothing was refuted and nothing failed to run."""
        return not any(result.is_bad for result in self.results)

    @property
    def only_checks_failed(self) -> bool:
        """Checks of other plugins raised, and nothing else is wrong: nothing is said against the objects."""
        bad = [result for result in self.results if result.is_bad]
        return bool(bad) and all(result.blames_check for result in bad)

    @property
    def not_measured(self) -> tuple[str, ...]:
        """The objects of which nothing was measured: no example, another device or dtype, a module that is missing."""
        seen = {result.subject for result in self.results if result.outcome is not Outcome.SKIPPED}
        excused = dict.fromkeys(result.subject for result in self.results if result.excuses)
        return tuple(subject for subject in excused if subject not in seen)

    @property
    def counts(self) -> dict[str, int]:
        """How often each outcome occurred."""
        found = Counter(result.outcome for result in self.results)
        return {outcome.value: found[outcome] for outcome in Outcome if found[outcome]}

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "passed": self.passed,
            "counts": self.counts,
            "not_measured": list(self.not_measured),
            "results": [result.as_dict() for result in self.results],
        }

    def require_passed(self) -> Report:
        """This report.

        Raises: ClaimRefutedError naming the first check that refuted or failed.
        """
        for result in self.results:
            if result.is_bad:
                raise ClaimRefutedError(
                    f"{result.subject}: check {result.check} ({_place(result)}) is {result.outcome.value}, expected "
                    f"'not refuted': {_numbers(result)} {result.reason}. Repair it, or drop the claim."
                )
        return self


def check(
    subject: Any,
    *,
    device: str | torch.device | None = None,
    dtype: str | torch.dtype | None = None,
    seed: int = 0,
    space: Space | None = None,
    claims: Sequence[Claim] = (),
    checks: Sequence[Check] | None = None,
    registry: Registry | None = None,
    progress: bool = False,
) -> Report:
    """Measure what an object claims of itself.

    subject: an operator, functional, solver, model, denoiser, ``Example`` or a list of them; or the id, name or role of
        a registered object; or the name of a plugin, for everything it announces.
    device, dtype: where registered objects are made; None is the CPU, and every dtype that the object declares.
    space: the images of a functional that takes any shape.   claims: further claims to compare with the instance's.
    checks: these instead of the core's and those that plugins add.   progress: a bar on stderr.

    Raises: UnknownNameError, MissingDependencyError, ConfigError for a request that makes no sense. What the object
    does wrong is in the report.
    """
    place = resolve_device("cpu" if device is None else device)
    if isinstance(subject, str):
        registry = registry or get_registry()
        asked_all = checks is None
        checks = registered_checks(registry) if checks is None else checks
        rows: list[CheckResult] = []
        entries = _entries(registry, subject)
        for entry in tqdm(entries, desc="check", unit="object", leave=False, disable=not progress):
            found_here = _check_entry(registry, entry, place, dtype, seed, checks)
            # Whoever names the checks knows that some objects have none of them.
            rows += (row for row in found_here if asked_all or row.check != _IDLE)
        return Report(tuple(rows))
    asked = CHECKS if checks is None else checks
    found: list[CheckResult] = []
    for example in as_examples(subject, space):
        kind_of(example.subject)
        context = Context(_device_of(example, place), _dtype_of(example), seed)
        rows_here = tuple(_check_example(example, context, "", tuple(claims), asked))
        found += rows_here
        found += _idle(rows_here, type(example.subject).__name__, context) if checks is None else ()
    return Report(tuple(found))


def _entries(registry: Registry, ref: str) -> tuple[Entry, ...]:
    """The objects of the plugin of that name, else those that the reference means."""
    of_plugin = registry.entries(provider=ref.strip())
    if of_plugin:
        return of_plugin
    named = registry.find_all(ref)
    for entry in named:
        if registry.missing(entry):
            registry.load(entry)  # raises: what was asked for by name is not passed over in silence
    return named


def _check_entry(
    registry: Registry,
    entry: Entry,
    device: torch.device,
    dtype: str | torch.dtype | None,
    seed: int,
    checks: Sequence[Check],
) -> Iterator[CheckResult]:
    spec = entry.spec
    loaded = _load_row(registry, entry)
    if loaded.is_bad or entry.kind not in CHECKED_KINDS or not spec.example or registry.missing(entry):
        yield loaded
        return
    if device.type not in spec.devices:
        yield _row(entry, Outcome.SKIPPED, f"it works on {', '.join(spec.devices)}, not on {device.type}")
        return
    wanted = [resolve_dtype(dtype)] if dtype is not None else [resolve_dtype(name) for name in spec.dtypes]
    for one in wanted:
        context = Context(device, one, seed)
        if str(one).removeprefix("torch.") not in spec.dtypes:
            yield _row(entry, Outcome.SKIPPED, f"it works in {', '.join(spec.dtypes)}", context)
            continue
        try:
            examples = as_examples(registry.load_example(entry)(device, one))
        except MissingDependencyError as error:
            yield _row(entry, Outcome.SKIPPED, str(error), context, check="example")
            return
        except Exception as error:  # an example that raises is one row, and the next object goes on
            yield _row(entry, Outcome.FAILED, f"{type(error).__name__}: {error}", context, check="example")
            continue
        rows: list[CheckResult] = []
        for example in examples:
            if problem := problem_of_subject(registry.load(entry), example.subject):
                rows.append(replace(_row(entry, Outcome.FAILED, problem, context, "example"), example=example.name))
            else:
                rows += _check_example(example, context, entry.id, spec.claims, checks)
        yield from rows
        yield from _idle(rows, entry.id, context)


def _idle(rows: Sequence[CheckResult], subject: str, context: Context) -> Iterator[CheckResult]:
    """The row of an object that was made and of which every check was skipped: nothing is known of it."""
    if not any(row.is_bad or row.measurement is not None for row in rows):
        skipped = [f"{row.check}: {row.reason}" for row in rows if row.outcome is Outcome.SKIPPED]
        reasons = "; ".join(skipped[:3]) or "no check applies"
        yield CheckResult(
            check=_IDLE,
            subject=subject,
            outcome=Outcome.FAILED,
            dtype=str(context.dtype).removeprefix("torch."),
            device=str(context.device),
            reason=f"nothing was measured ({reasons}). Give an example of which something can be measured.",
        )


def _check_example(
    example: Example, context: Context, name: str, declared: tuple[Claim, ...], checks: Sequence[Check]
) -> Iterator[CheckResult]:
    subject = example.subject
    kind = kind_of(subject)
    name = name or type(subject).__name__
    states = getattr(subject, "claims", None)
    try:
        stated: tuple[Claim, ...] = tuple(states()) if callable(states) else ()
    except Exception as error:
        yield CheckResult(
            check="claims",
            subject=name,
            outcome=Outcome.FAILED,
            dtype=str(context.dtype).removeprefix("torch."),
            device=str(context.device),
            reason=f"{type(error).__name__}: {error}",
        )
        stated = ()
    if callable(states):
        for claim in declared:
            yield replace(compare_declared(claim, stated, name, context), example=example.name)
    claims = (*stated, *declared)
    measured = set()
    for one in checks:
        if one.applies_to(subject, kind, claims):
            measured.add(one.concerns)
            for asked in one.contexts(context, stated):
                yield one.run(example, asked, name)
    for claim in stated:
        if claim.property not in measured:
            yield replace(unmeasured(claim, name, context), example=example.name)


def _load_row(registry: Registry, entry: Entry) -> CheckResult:
    """Whether the target can be loaded, which is all there is to say of what no check looks at."""
    try:
        problem = problem_of_target(entry, registry.load(entry))
    except MissingDependencyError as error:
        return _row(entry, Outcome.SKIPPED, str(error))
    except Exception as error:
        return _row(entry, Outcome.FAILED, f"{type(error).__name__}: {error}")
    if problem:
        return _row(entry, Outcome.FAILED, problem)
    if entry.kind == "rule":
        reason = "no check measures a theorem: 'invkit explain' applies it, 'invkit info' prints it"
    else:
        reason = "no example to measure" if entry.kind in CHECKED_KINDS else f"no check measures a {entry.kind}"
    return _row(entry, Outcome.SKIPPED, f"loads; {reason}")


def _row(
    entry: Entry, outcome: Outcome, reason: str, context: Context | None = None, check: str = "loads"
) -> CheckResult:
    return CheckResult(
        check=check,
        subject=entry.id,
        outcome=outcome,
        dtype="" if context is None else str(context.dtype).removeprefix("torch."),
        device="" if context is None else str(context.device),
        reason=" ".join(reason.split()),
        excuses=outcome is Outcome.SKIPPED and entry.kind in CHECKED_KINDS,
    )


def _place(result: CheckResult) -> str:
    return f"{result.dtype}, example {result.example}" if result.example else result.dtype


def _numbers(result: CheckResult) -> str:
    found = result.measurement
    return "" if found is None else f"{found.value:.3g} against {found.bound:.3g} in {found.trials} trials,"


def _dtype_of(example: Example) -> torch.dtype:
    return example.y.dtype if example.y is not None else example.domain.dtype


def _device_of(example: Example, default: torch.device) -> torch.device:
    if example.y is not None:
        return example.y.device
    return example.domain.device if example.subject is not None else default
