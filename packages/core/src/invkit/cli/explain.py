"""``invkit explain``: the guarantees of a configuration, before anything runs."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from ..experiments import load, prepare
from ..guarantees import missing, require
from ..guarantees.node import NOTE
from .output import ExitCode, write, write_json


def run(
    config: Path, *, overrides: Sequence[str] = (), input_file: Path | None = None, as_json: bool = False
) -> ExitCode:
    """Print the tree of theorems and premises of each method.

    Raises: GuaranteeError, after the trees are printed, if the first method lacks what the configuration requires.
    """
    settings = load(config, overrides, input_file)
    # Preparing refuses a lacking guarantee at once; here the tree that shows why comes first.
    prepared = prepare(settings.model_copy(update={"require": ()}))
    tree = prepared.methods[0].guarantee
    if as_json:
        methods = [{"name": method.name, "guarantee": method.guarantee.as_dict()} for method in prepared.methods]
        write_json({"config": str(config), "methods": methods, "missing": missing(tree, settings.require)})
    else:
        # Whoever reads a file or a pipe wants one statement a line; a terminal would break them anywhere.
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        trees = (
            f"{method.name}\n{method.guarantee.render_text(note=False, width=width)}" for method in prepared.methods
        )
        write("\n\n".join((*trees, NOTE)))
    require(tree, settings.require)
    return ExitCode.DONE
