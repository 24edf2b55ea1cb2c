"""The conformance kit: measure what an object claims, for ``invkit check``, for tests and for authors of plugins."""

from __future__ import annotations

from .cases import Example
from .check import Check, CheckResult, Context, Outcome, Skip
from .checks import CHECKS
from .parametrize import parametrize_with_checks
from .reproduce import Reproduction, reproduce
from .saved import Counterexample
from .suite import Report, check

__all__ = [
    "CHECKS",
    "Check",
    "CheckResult",
    "Context",
    "Counterexample",
    "Example",
    "Outcome",
    "Report",
    "Reproduction",
    "Skip",
    "check",
    "parametrize_with_checks",
    "reproduce",
]
