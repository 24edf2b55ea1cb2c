"""``invkit plugins new``: a plugin that works, to start from, rendered from ``templates/plugin``."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from importlib.resources import files
from pathlib import Path
from string import Template
from types import MappingProxyType

from .. import __version__
from ..errors import ConfigError
from ..plugins import CORE_API, Registry, get_registry
from ..plugins.official import official_plugin
from .output import ExitCode, write, write_json

#: A letter first, so that it can be part of a module's name.
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

#: File of the plugin -> template. ``$module`` stands for the name with underscores.
_FILES: Mapping[str, str] = MappingProxyType(
    {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        "src/invkit_$module/__init__.py": "__init__.py",
        "src/invkit_$module/_plugin.py": "_plugin.py",
        "src/invkit_$module/_examples.py": "_examples.py",
        "src/invkit_$module/shift.py": "shift.py",
        "src/invkit_$module/negativity.py": "negativity.py",
        "src/invkit_$module/unitary_descent.py": "unitary_descent.py",
        "tests/test_conformance.py": "test_conformance.py",
        "tests/test_unitary_descent.py": "test_unitary_descent.py",
    }
)
#: Files without content.
_EMPTY = ("src/invkit_$module/py.typed",)


def run(name: str, *, folder: Path, as_json: bool = False) -> ExitCode:
    """Write ``folder/invkit-NAME`` as a whole, or nothing.

    Raises: ConfigError if the name is malformed or taken, or the folder is there already or has no parent.
    """
    check_new_name(name, get_registry())
    target = write_plugin(name, folder)
    if as_json:
        written = sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.is_file())
        write_json({"plugin": name, "folder": str(target), "files": written})
        return ExitCode.DONE
    write(f"{target} is a plugin that works. Next:")
    write(f"  python -m pip install -e '{target}[test]'")
    write(f"  invkit plugins test {name}")
    return ExitCode.DONE


def check_new_name(name: str, registry: Registry) -> None:
    """Raises: ConfigError if the name is malformed, that of an installed plugin or command, or of a module."""
    from .app import COMMAND_NAMES

    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"plugins new: name is {name!r}, expected words of a-z and 0-9 joined by hyphens, a letter first. "
            "Choose another one, such as 'motion-blur'."
        )
    if name == "invkit" or name.startswith("invkit-"):
        short = name.removeprefix("invkit-")
        raise ConfigError(
            f"plugins new: name is {name!r}, expected one without 'invkit', which the package gets anyway. "
            f"{f'Write {short!r}.' if short != name else 'Choose another one.'}"
        )
    taken = {status.name: f"plugin of {status.distribution or status.target}" for status in registry.statuses}
    taken |= dict.fromkeys(COMMAND_NAMES, "command of invkit")
    if official_plugin(f"{name}/"):
        taken.setdefault(name, "plugin of invkit's own")
    holder = taken.get(name) or _installed(name)
    if holder:
        raise ConfigError(f"plugins new: name is {name!r}, expected a free one; it is a {holder}. Choose another one.")


def write_plugin(name: str, folder: Path) -> Path:
    """Render every file into a folder of its own, which then gets its name in one step.

    Raises: ConfigError if the folder is there already or has no parent.
    """
    target = folder / f"invkit-{name}"
    if not folder.is_dir():
        raise ConfigError(f"plugins new: folder is '{folder}', expected one that exists. Make it, or name another one.")
    if target.exists() or target.is_symlink():
        raise ConfigError(
            f"plugins new: '{target}' exists already, expected a free name. Remove it, or choose another."
        )
    words = _words(name)
    half = Path(tempfile.mkdtemp(prefix=f".invkit-{name}-", dir=folder))
    try:
        for path, source in _FILES.items():
            _write(half / Template(path).substitute(words), Template(_template(source)).substitute(words))
        for path in _EMPTY:
            _write(half / Template(path).substitute(words), "")
        half.chmod(0o777 & ~_umask())
        half.rename(target)
    except BaseException:
        shutil.rmtree(half, ignore_errors=True)
        raise
    return target


def _words(name: str) -> dict[str, str]:
    # Plugins state the minor version they were written for; a source tree that is not installed has none to state.
    known = re.match(r"(\d+)\.(\d+)", __version__)
    bounds = f">={known[1]}.{known[2]},<{known[1]}.{int(known[2]) + 1}" if known else ""
    return {
        "name": name,
        "module": name.replace("-", "_"),
        "bounds": bounds,
        "api_major": str(CORE_API[0]),
        "api_minor": str(CORE_API[1]),
    }


def _template(name: str) -> str:
    return (files("invkit.cli") / "templates" / "plugin" / f"{name}.template").read_text(encoding="utf-8")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _umask() -> int:
    """A temporary folder is private; the plugin's gets the rights of any new folder."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _installed(name: str) -> str:
    """What of that name is installed without being a plugin, such as one whose entry point is broken."""
    module, package = f"invkit_{name.replace('-', '_')}", f"invkit-{name}"
    if importlib.util.find_spec(module) is not None:
        return f"module {module} that is installed"
    try:
        distribution(package)
    except PackageNotFoundError:
        return ""
    return f"distribution {package} that is installed"
