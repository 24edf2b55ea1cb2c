"""invkit demo: the whole tour on data that the installed packages ship."""

from __future__ import annotations

import logging
from importlib import resources
from pathlib import Path

from ..errors import DataError
from ..experiments import config as configuration
from ..experiments.experiment import prepare
from ..experiments.record import versions, write_text
from ..experiments.report import Case, render
from ..plugins import get_registry
from .output import ExitCode, complain, is_watched
from .output import write as say
from .reconstruct import results_table, run_all, was_interrupted

logger = logging.getLogger("invkit")

#: The configurations of the tour, in order, each with the plugin it needs beside the core.
CASES = (
    ("ct-slice", "ct-astra"),
    ("ct-ellipses", "ct-astra"),
    ("mri-photograph", ""),
    ("mri-shepp-logan", ""),
)

INTRODUCTION = (
    "Four measurements were simulated from images that the installed packages ship, and each was reconstructed by a "
    "direct method and by minimising a data fidelity plus total variation. Every method says what is guaranteed for "
    "it on this very operator, with the numbers that the theorems ask for. The weights were set by hand once; choosing "
    "them from the data is another subject."
)


def run(*, output: Path = Path("invkit-demo"), seed: int = 0) -> int:
    """Run every case and write one report."""
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{output}: the folder cannot be made ({error.strerror}). Choose another --output.") from error
    registry = get_registry()
    present = {status.name for status in registry.statuses if status.entries}
    plugins = [
        {"name": s.name, "version": s.version, "state": str(s.state), "objects": str(len(s.entries))}
        for s in registry.statuses
    ]
    logger.info("plugins: %s", ", ".join(sorted(present)))
    cases: list[Case] = []
    interrupted = False
    for number, (name, plugin) in enumerate(CASES, 1):
        if plugin and plugin not in present:
            complain(f"demo: {name} needs the plugin {plugin}, which is not there. Run: pip install invkit-{plugin}")
            continue
        source = resources.files("invkit.experiments") / "configs" / f"{name}.toml"
        with resources.as_file(source) as path:
            config = configuration.load(path, [f"seed={seed}"])
        logger.info("[%d/%d] %s", number, len(CASES), config.title)
        prepared = prepare(config, registry)
        outcomes = run_all(prepared, progress=is_watched())
        cases.append(Case.of(prepared, outcomes))
        say(f"{config.title}\n{results_table(outcomes)}\n")
        if was_interrupted(outcomes, prepared):
            interrupted = True
            break
    html = render(
        "invkit demo",
        cases,
        versions=versions(registry),
        interrupted=interrupted,
        introduction=INTRODUCTION,
        plugins=plugins,
    )
    report = output / "report.html"
    write_text(report, html)
    say(str(report))
    if interrupted:
        complain("interrupted; what there was has been written.")
    return ExitCode.INTERRUPTED if interrupted else ExitCode.DONE
