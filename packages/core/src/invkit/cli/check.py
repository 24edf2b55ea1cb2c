"""``invkit check``: what objects declare against what is measured."""

from __future__ import annotations

from ..plugins import get_registry
from ..testing import check as run_checks
from .output import ExitCode, is_watched, write, write_json


def run(
    ref: str, *, device: str | None = None, dtype: str | None = None, as_json: bool = False, seed: int = 0
) -> ExitCode:
    """Check an object or everything of a plugin; ``REFUTED`` if a claim does not stand, or a check could not run."""
    report = run_checks(ref, device=device, dtype=dtype, seed=seed, registry=get_registry(), progress=is_watched())
    if as_json:
        write_json({"ref": ref, "seed": seed, **report.as_dict()})
    else:
        write(str(report))
    return ExitCode.DONE if report.passed else ExitCode.REFUTED
