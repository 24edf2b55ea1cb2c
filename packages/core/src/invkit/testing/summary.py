"""Results of checks as a table: one row per check and object, its dtypes together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..text import table
from .check import CheckResult, Outcome

#: What the numbers of a row are; the page on checks says for each check what it measures.
MEANING = (
    "WORST: the largest error or ratio that the check found over its TRIALS. ALLOWED: the largest that a true claim "
    "can show, rounding included."
)


def summarise(results: Iterable[CheckResult], counts: Mapping[str, int], not_measured: Sequence[str] = ()) -> str:
    """The table that ``invkit check`` prints, with how often each outcome occurred below it."""
    rows = [_row(group) for group in _grouped(results)]
    shown = table(("OBJECT", "CHECK", "RESULT", "WORST", "ALLOWED", "TRIALS", "DTYPES", "REMARK"), rows)
    totals = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    meaning = f"\n{MEANING}" if any(row[3] for row in rows) else ""
    idle = f" Nothing was measured of {', '.join(not_measured)}." if not_measured else ""
    counted = f"{totals or 'nothing to check'}.{idle}"
    return f"{shown}\n{meaning}\n{counted} A measurement can refute a claim; it never proves one."


def _grouped(results: Iterable[CheckResult]) -> list[list[CheckResult]]:
    """The results of one check of one object that ended alike, over dtypes."""
    groups: dict[tuple[str, str, str, str, Outcome], list[CheckResult]] = {}
    for result in results:
        groups.setdefault((result.subject, result.check, result.concerns, result.claim, result.outcome), []).append(
            result
        )
    return list(groups.values())


def _row(results: list[CheckResult]) -> tuple[str, ...]:
    measured = [result for result in results if result.measurement is not None]
    worst = max(measured, key=_badness, default=results[0])
    found = worst.measurement
    remark = _remark(worst)
    name = worst.check if worst.check not in ("claim", "declared") else f"{worst.check} {worst.concerns}"
    name = f"{name} {worst.claim.removeprefix(worst.concerns)}" if worst.claim else name
    return (
        worst.subject,
        name,
        worst.verdict,
        "" if found is None else f"{found.value:.2g}",
        "" if found is None else f"{found.bound:.2g}",
        "" if found is None else str(sum(r.measurement.trials for r in measured if r.measurement is not None)),
        ",".join(dict.fromkeys(result.dtype for result in results if result.dtype)),
        remark,
    )


def _remark(result: CheckResult) -> str:
    """Why, or where; for a claim that was measured and is proved as well, what proves it."""
    if result.outcome is not Outcome.NOT_REFUTED:
        return f"example {result.example}: {result.reason}" if result.example and result.is_bad else result.reason
    proved = result.stated is not None and result.verdict != result.outcome.value
    return result.stated.evidence if proved and result.stated is not None else ""


def _badness(result: CheckResult) -> float:
    found = result.measurement
    assert found is not None
    return found.value / found.bound if found.bound > 0 else found.value
