"""Every error that invkit raises on purpose.

    InvkitError
    ├── ShapeError(ValueError)               a tensor does not fit a space: shape, dtype or device
    ├── UnknownNameError(KeyError)           no registered object of that name; near names, and who has it
    ├── MissingDependencyError(ImportError)  a package or device that the request needs is not there
    ├── ConfigError(ValueError)              a parameter or configuration value is not acceptable
    ├── DataError(ValueError)                a file or measurement is unreadable, not finite or implausible
    ├── PluginError(RuntimeError)            a plugin, or what it announces, cannot be loaded
    ├── ClaimRefutedError                    a measurement contradicts a stated claim
    ├── GuaranteeError                       a required guarantee does not hold
    └── ConvergenceError                     a solver stopped without reaching its tolerance

Message form: ``<object>: <what> is <got>, expected <wanted>. <What to do>.``
"""

from __future__ import annotations


class InvkitError(Exception):
    """Base of all errors that invkit raises on purpose."""


class ShapeError(InvkitError, ValueError):
    """A tensor does not fit a space: its shape, dtype or device differs."""


class UnknownNameError(InvkitError, KeyError):
    """No registered object has this name."""

    def __str__(self) -> str:
        # KeyError would show the repr of its argument, quotes included.
        return str(self.args[0]) if self.args else ""


class MissingDependencyError(InvkitError, ImportError):
    """A package or a device that the request needs is not available."""


class ConfigError(InvkitError, ValueError):
    """A parameter or a configuration value is not acceptable."""


class DataError(InvkitError, ValueError):
    """A file or a measurement is unreadable, not finite, or implausible."""


class PluginError(InvkitError, RuntimeError):
    """What a plugin announces cannot be loaded; in strict mode, the plugin itself."""


class ClaimRefutedError(InvkitError):
    """A measurement contradicts a stated claim."""


class GuaranteeError(InvkitError):
    """A guarantee that the configuration requires does not hold."""


class ConvergenceError(InvkitError):
    """A solver stopped without reaching its tolerance."""
