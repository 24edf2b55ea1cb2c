"""``invkit check``: what objects declare against what is measured."""

from __future__ import annotations

from collections.abc import Iterable

from ..plugins import get_registry
from ..testing import CheckResult, Outcome, Report
from ..testing import check as run_checks
from .output import ExitCode, is_watched, table, write, write_json


def run(
    ref: str, *, device: str | None = None, dtype: str | None = None, as_json: bool = False, seed: int = 0
) -> ExitCode:
    """Check an object or everything of a plugin; ``REFUTED`` if a claim does not stand, or a check could not run."""
    report = run_checks(ref, device=device, dtype=dtype, seed=seed, registry=get_registry(), progress=is_watched())
    if as_json:
        write_json({"ref": ref, "seed": seed, **report.as_dict()})
    else:
        _print(report)
    return ExitCode.DONE if report.passed else ExitCode.REFUTED


def _print(report: Report) -> None:
    rows = [_row(results) for results in _grouped(report.results)]
    write(table(("OBJECT", "CHECK", "RESULT", "WORST", "ALLOWED", "TRIALS", "DTYPES", "REMARK"), rows))
    counts = ", ".join(f"{count} {outcome}" for outcome, count in report.counts.items())
    write(f"\n{counts or 'nothing to check'}. A measurement can refute a claim; it never proves one.")


def _grouped(results: Iterable[CheckResult]) -> list[list[CheckResult]]:
    """The results of one check of one object that ended alike, over dtypes."""
    groups: dict[tuple[str, str, str, Outcome], list[CheckResult]] = {}
    for result in results:
        groups.setdefault((result.subject, result.check, result.concerns, result.outcome), []).append(result)
    return list(groups.values())


def _row(results: list[CheckResult]) -> tuple[str, ...]:
    measured = [result for result in results if result.measurement is not None]
    worst = max(measured, key=_badness, default=results[0])
    found = worst.measurement
    remark = worst.reason if worst.outcome is not Outcome.NOT_REFUTED else ""
    name = worst.check if worst.check not in ("claim", "declared") else f"{worst.check} {worst.concerns}"
    return (
        worst.subject,
        name,
        worst.outcome.value,
        "" if found is None else f"{found.value:.2g}",
        "" if found is None else f"{found.bound:.2g}",
        "" if found is None else str(sum(r.measurement.trials for r in measured if r.measurement is not None)),
        ",".join(dict.fromkeys(result.dtype for result in results if result.dtype)),
        remark,
    )


def _badness(result: CheckResult) -> float:
    found = result.measurement
    assert found is not None
    return found.value / found.bound if found.bound > 0 else found.value
