"""What a configuration sets off that nobody foresaw: one line that names the table, and the traceback in the log."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

from ..errors import ConfigError, InvkitError
from .config import Use

logger = logging.getLogger("invkit")


class UnexpectedError(ConfigError):
    """An error that is none of invkit's, raised while something was built from a table."""


@contextlib.contextmanager
def no_traceback(where: str, use: Use) -> Iterator[None]:
    """Inside, any error but those of invkit, of files and of memory is one of the table that is being built.

    Raises: UnexpectedError with the key of the table, what it names and the cause, which is logged at level DEBUG.
    """
    try:
        yield
    except (InvkitError, OSError, MemoryError):
        raise
    except Exception as error:
        logger.debug("%s", where, exc_info=True)
        cause = f"{type(error).__name__}: {' '.join(str(error).split()).removesuffix('.')}"
        raise UnexpectedError(
            f"{where}: {use.use} with {use.parameters} raised {cause}, expected no error. Correct its values; if they "
            "are right, this is a defect: report it with the configuration."
        ) from error
