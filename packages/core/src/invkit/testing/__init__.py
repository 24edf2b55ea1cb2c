"""The conformance kit: measure what an object claims, for ``invkit check``, for tests and for authors of plugins."""

from __future__ import annotations

from .cases import Example
from .check import Check, CheckResult, Context, Outcome, Skip
from .checks import CHECKS
from .parametrize import parametrize_with_checks
from .suite import Report, check

__all__ = [
    "CHECKS",
    "Check",
    "CheckResult",
    "Context",
    "Example",
    "Outcome",
    "Report",
    "Skip",
    "check",
    "parametrize_with_checks",
]
