"""Whose ``claims()`` raised: an error inside one names a property, and a person has to find the object."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from ..errors import ConfigError

P = ParamSpec("P")
T = TypeVar("T")


def claimant(error: BaseException) -> str:
    """``module.Class`` of the innermost object outside the core in whose ``claims()`` it was raised; empty if none."""
    found, trace = "", error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        subject = frame.f_locals.get("self")
        if frame.f_code.co_name == "claims" and subject is not None:
            cls = type(subject)
            if cls.__module__.partition(".")[0] != "invkit":
                found = f"{cls.__module__}.{cls.__qualname__}"
        trace = trace.tb_next
    return found


def named(error: BaseException) -> str:
    """The error in one line, with the object in whose claims it was raised where there is one."""
    text = f"{type(error).__name__}: {' '.join(str(error).split())}"
    who = claimant(error)
    return f"{who}.claims() raised {text}" if who else text


def naming_claimants(function: Callable[P, T]) -> Callable[P, T]:
    """The function, whose errors out of somebody's ``claims()`` say whose."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except Exception as error:  # an author's claims() may raise anything
            who = claimant(error)
            if not who or str(error).startswith(who):
                raise
            text = f"{type(error).__name__}: {' '.join(str(error).split()).rstrip('.')}"
            raise ConfigError(f"{who}: claims() raised {text}, or report it to the author of {who}.") from error

    return wrapped
