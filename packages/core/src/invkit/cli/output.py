"""What the commands print: data to standard output, logs and errors to standard error, one exit code per outcome."""

from __future__ import annotations

import enum
import json
import logging
import sys
from collections.abc import Mapping
from typing import Any

from ..errors import (
    ClaimRefutedError,
    ConfigError,
    ConvergenceError,
    DataError,
    GuaranteeError,
    InvkitError,
    MissingDependencyError,
    PluginError,
    ShapeError,
    UnknownNameError,
)
from ..text import table as table  # one place for whatever prints

#: Version of the layout of every ``--json`` output. It changes when a key is removed or changes its meaning.
SCHEMA_VERSION = 1


class ExitCode(enum.IntEnum):
    """How the program ends."""

    DONE = 0
    FAILED = 1  #: at run time, or stopped before the tolerance was reached; a check of another plugin raised
    USAGE = 2  #: wrong arguments or bad input
    UNHEALTHY = 3  #: a plugin cannot be used
    REFUTED = 4  #: a claim was refuted, or a required guarantee is missing
    INTERRUPTED = 130


_CODES: tuple[tuple[type[Exception] | tuple[type[Exception], ...], ExitCode], ...] = (
    (PluginError, ExitCode.UNHEALTHY),
    ((ClaimRefutedError, GuaranteeError), ExitCode.REFUTED),
    ((ConfigError, DataError, MissingDependencyError, ShapeError, UnknownNameError), ExitCode.USAGE),
    ((ConvergenceError, InvkitError), ExitCode.FAILED),
    # A path that the user named; every other OSError, such as a full disk, is a failure at run time.
    ((FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError), ExitCode.USAGE),
    (OSError, ExitCode.FAILED),
)


def exit_code(error: Exception) -> ExitCode | None:
    """The exit code of an error that is reported in one line, or None for a defect, which keeps its traceback."""
    return next((code for kinds, code in _CODES if isinstance(error, kinds)), None)


def write(text: str) -> None:
    """One piece of data, on standard output."""
    sys.stdout.write(text + "\n")


def write_json(payload: Mapping[str, Any]) -> None:
    """The payload with its ``schema_version`` on standard output; not-a-number is refused, as JSON has none."""
    write(json.dumps({"schema_version": SCHEMA_VERSION, **payload}, indent=2, ensure_ascii=False, allow_nan=False))


def complain(message: str) -> None:
    """One line on standard error, whatever line breaks the message has."""
    sys.stderr.write(f"invkit: {' '.join(message.split())}\n")


def is_watched() -> bool:
    """Whether somebody sees standard error: progress bars belong on a screen, not in a log."""
    return sys.stderr.isatty()


class _ToStandardError(logging.Handler):
    """Messages as lines of the program, on whatever ``sys.stderr`` is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        complain(self.format(record))


def configure_logging(level: int = logging.INFO) -> None:
    """Show the messages of invkit from this level on; the handler is added once, however often it is called."""
    logger = logging.getLogger("invkit")
    logger.setLevel(level)
    if not any(isinstance(handler, _ToStandardError) for handler in logger.handlers):
        logger.addHandler(_ToStandardError())
