"""Which plugins the user allows: INVKIT_PLUGINS, INVKIT_DISABLE_PLUGINS, INVKIT_STRICT_PLUGINS and ``--no-plugins``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..errors import ConfigError

#: The built-in plugin. It cannot be switched off, so that a broken environment still has a working core.
BUILTIN = "core"

_TRUE = ("1", "true", "yes", "on")
_FALSE = ("", "0", "false", "no", "off")


@dataclass(frozen=True)
class Policy:
    """allowed: the only plugins to use, or None for all.   denied: plugins to leave out, ``"*"`` for all.
    strict: raise on the first unhealthy plugin instead of listing it.
    """

    allowed: frozenset[str] | None = None
    denied: frozenset[str] = frozenset()
    strict: bool = False

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Policy:
        """Read the three variables. Raises: ConfigError if INVKIT_STRICT_PLUGINS is neither true nor false."""
        allowed = environ.get("INVKIT_PLUGINS")
        strict = environ.get("INVKIT_STRICT_PLUGINS", "").strip().casefold()
        if strict not in _TRUE + _FALSE:
            raise ConfigError(
                f"INVKIT_STRICT_PLUGINS: value is {strict!r}, expected 1 or 0. Set one of them or unset it."
            )
        return cls(
            allowed=None if allowed is None else _names(allowed),
            denied=_names(environ.get("INVKIT_DISABLE_PLUGINS", "")),
            strict=strict in _TRUE,
        )

    def without_plugins(self) -> Policy:
        """The same, with every plugin but the built-in one left out (``--no-plugins``)."""
        return replace(self, denied=frozenset({"*"}))

    def reason_to_disable(self, name: str) -> str:
        """Why this plugin is left out, or an empty string if it is not."""
        if name == BUILTIN:
            return ""
        if "*" in self.denied:
            return "all plugins are switched off (INVKIT_DISABLE_PLUGINS=* or --no-plugins)"
        if name in self.denied:
            return "switched off by INVKIT_DISABLE_PLUGINS"
        if self.allowed is not None and name not in self.allowed:
            return "not in the list INVKIT_PLUGINS"
        return ""

    def unknown_names(self, known: frozenset[str]) -> tuple[str, ...]:
        """Names in the variables that no installed plugin has: most likely slips of the keyboard."""
        return tuple(sorted(((self.allowed or frozenset()) | self.denied) - known - {"*", BUILTIN}))


def _names(text: str) -> frozenset[str]:
    return frozenset(part.strip().casefold() for part in text.split(",") if part.strip())
