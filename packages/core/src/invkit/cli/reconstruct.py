"""invkit reconstruct: run a configuration and keep everything in a run folder."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from ..data.formats import write
from ..data.formats.base import require_format
from ..errors import ConfigError
from ..experiments import config as configuration
from ..experiments.experiment import Outcome, Prepared, prepare
from ..experiments.experiment import run as run_method
from ..experiments.record import check_writable, record, write_run
from ..solvers import Status
from .output import ExitCode, complain, configure_logging, is_watched, table, write_json
from .output import write as say

logger = logging.getLogger("invkit")


def run(
    config: Path,
    *,
    input_file: Path | None = None,
    output: Path | None = None,
    overrides: Sequence[str] = (),
    runs: Path = Path("runs"),
    as_json: bool = False,
    quiet: bool = False,
) -> int:
    """Reconstruct; the exit code is 1 if the first model did not converge, 130 if it was interrupted."""
    if quiet:
        configure_logging(logging.WARNING)
    _check_output(output)
    check_writable(runs)
    prepared = prepare(configuration.load(config, overrides, input_file))
    outcomes = run_all(prepared, progress=is_watched() and not quiet)
    interrupted = was_interrupted(outcomes, prepared)
    folder = write_run(runs, config.stem, prepared, outcomes, interrupted=interrupted)
    if output is not None:
        sample = prepared.sample
        array = outcomes[0].x.cpu().numpy()
        # The patient's id stays behind: what is written may be shown around.
        metadata = {key: value for key, value in sample.metadata.items() if key != "subject"}
        write(output, array, spacing=sample.spacing, units=sample.units, metadata=metadata)
    if as_json:
        write_json({"run": str(folder), "record": record(prepared, outcomes, interrupted=interrupted)})
    else:
        say(results_table(outcomes))
        say(str(folder / "report.html"))
    return exit_code(outcomes[0], interrupted)


def run_all(prepared: Prepared, *, progress: bool) -> list[Outcome]:
    """Every method in turn; an interrupted one keeps its result and ends the list."""
    outcomes: list[Outcome] = []
    for method in prepared.methods:
        logger.info("%s ...", method.name)
        outcome = run_method(method, prepared, progress=progress)
        outcomes.append(outcome)
        if outcome.solution is not None and outcome.solution.interrupted:
            break
    return outcomes


def was_interrupted(outcomes: list[Outcome], prepared: Prepared) -> bool:
    """Whether the user stopped one of the methods."""
    last = outcomes[-1].solution
    return len(outcomes) < len(prepared.methods) or (last is not None and last.interrupted)


def results_table(outcomes: list[Outcome]) -> str:
    """Metrics and status, one line for each method."""
    rows = []
    for outcome in outcomes:
        metrics = outcome.metrics
        rows.append(
            (
                outcome.method.name,
                f"{metrics['psnr']:.2f}" if "psnr" in metrics else "-",
                f"{metrics['ssim']:.4f}" if "ssim" in metrics else "-",
                f"{outcome.seconds:.2f}",
                outcome.status if outcome.solution is None else _steps(outcome),
            )
        )
    return table(("method", "PSNR/dB", "SSIM", "seconds", "ended"), rows)


def exit_code(first: Outcome, interrupted: bool) -> int:
    """What the program ends with, after a line on standard error if all is not well."""
    if interrupted:
        complain("interrupted; what there was has been written.")
        return ExitCode.INTERRUPTED
    if first.solution is not None and not first.solution.converged:
        complain(
            f"{first.method.name}: the iteration ended with '{first.status}' at relative residual "
            f"{float(first.solution.optimality[0]):.2g}, expected 'converged'. Raise model.solver.max_steps or rtol."
        )
        return ExitCode.FAILED
    return ExitCode.DONE


def _steps(outcome: Outcome) -> str:
    assert outcome.solution is not None
    steps = int(outcome.solution.steps[0])
    word = "after" if outcome.solution.status[0] is Status.CONVERGED else "at step"
    return f"{outcome.status} {word} {steps}" + (" steps" if word == "after" else "")


def _check_output(output: Path | None) -> None:
    """Raises: ConfigError before anything runs, rather than after, if the result could not be written."""
    if output is None:
        return
    if not output.parent.is_dir():
        raise ConfigError(f"--output: folder {output.parent} is not there, expected an existing one. Create it.")
    require_format(output)
