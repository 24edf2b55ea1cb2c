"""``invkit check``: what objects declare against what is measured; counterexamples saved and evaluated again."""

from __future__ import annotations

from pathlib import Path

from ..errors import ConfigError
from ..plugins import get_registry
from ..testing import Report, reproduce
from ..testing import check as run_checks
from .output import ExitCode, is_watched, write, write_json


def run(
    ref: str | None,
    *,
    device: str | None = None,
    dtype: str | None = None,
    as_json: bool = False,
    seed: int = 0,
    save: Path | None = None,
    reproduced: Path | None = None,
) -> ExitCode:
    """Check an object or everything of a plugin; ``REFUTED`` if a claim does not stand, or the object raised.

    ``FAILED`` if nothing is wrong but that checks of other plugins raised.

    save: a folder for the counterexamples.   reproduced: evaluate this saved one instead; ``REFUTED`` if it still is.

    Raises: ConfigError unless there is either something to check or something to evaluate again, and what goes with it.
    """
    if (ref is None) == (reproduced is None):
        got = "neither REF nor --reproduce is" if ref is None else "both REF and --reproduce are"
        raise ConfigError(f"check: {got} given, expected one of them. Name an object, or a saved counterexample.")
    if reproduced is not None:
        if device is not None or dtype is not None or save is not None:
            raise ConfigError(
                "check: --device, --dtype or --save is given with --reproduce, expected none of them, because the file "
                "says where it was found. Leave it out."
            )
        return _reproduce(reproduced, as_json=as_json)
    assert ref is not None
    report = run_checks(ref, device=device, dtype=dtype, seed=seed, registry=get_registry(), progress=is_watched())
    saved = [str(result.save(save)) for result in report.refuted] if save is not None else []
    if as_json:
        write_json({"ref": ref, "seed": seed, **report.as_dict(), "saved": saved})
    else:
        write(str(report))
        for path in saved:
            write(f"saved: {path}")
    return code_of(report)


def code_of(report: Report) -> ExitCode:
    """A crash in a check of another plugin refutes nothing."""
    if report.passed:
        return ExitCode.DONE
    return ExitCode.FAILED if report.only_checks_failed else ExitCode.REFUTED


def _reproduce(path: Path, *, as_json: bool) -> ExitCode:
    if path.is_dir():
        inside = sorted(str(file) for file in path.glob("*.json"))
        hint = f"Name one of {', '.join(inside[:3])}." if inside else "There is none in it."
        raise ConfigError(f"check --reproduce: {path} is a folder, expected one saved .json file. {hint}")
    found = reproduce(path, registry=get_registry())
    if as_json:
        write_json({"file": str(path), **found.as_dict()})
    else:
        write(str(found))
    return ExitCode.REFUTED if found.refutes else ExitCode.DONE
