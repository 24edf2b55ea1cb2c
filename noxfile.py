"""The one door to every check, the same here and in CI.

    nox                      what CI runs: tests, isolated, kit, lint, types, docs
    nox -s tests -- -k tv    pytest's arguments after the dashes
    nox -s "isolated(core)"  one package in an environment without its siblings
    nox -s slow benchmarks   what a change to a solver or an operator also runs

torch takes 30 s and 0.9 GB to install, so one environment (session `torch`) holds it and nothing else, and the others
read it through a `.pth` file. It is kept from run to run; delete `.nox` to start afresh.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.sessions = ["tests", "isolated", "kit", "lint", "types", "docs"]

ROOT = Path(__file__).parent
PACKAGES = sorted(path.parent.name for path in ROOT.glob("packages/*/pyproject.toml"))
PLUGINS = [name for name in PACKAGES if name != "core"]
THIRD_PARTY = sorted(path.parent for path in ROOT.glob("docs/examples/thirdparty/*/pyproject.toml"))

# No session may pull another torch than the one that everything was measured with.
os.environ["PIP_CONSTRAINT"] = str(ROOT / "constraints.txt")
# Test images are small: a second thread costs more than it brings, and numbers repeat exactly with one.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
# Nothing of the caller's shell may decide which plugins the tests see, or let a sibling in.
NEUTRAL = {
    "MPLBACKEND": "agg",
    "PYTHONPATH": None,
    "INVKIT_PLUGINS": None,
    "INVKIT_DISABLE_PLUGINS": None,
    "INVKIT_STRICT_PLUGINS": None,
}


def import_name(package: str) -> str:
    """The import name of the package in folder ``packages/<package>``."""
    return "invkit" if package == "core" else "invkit_" + package.replace("-", "_")


def site_packages(environment: Path) -> Path:
    folders = [*environment.glob("lib/python3.*/site-packages"), *environment.glob("Lib/site-packages")]
    return folders[0]


def borrow_torch(session: nox.Session) -> None:
    """Let the session's environment read the one that holds torch."""
    own = Path(session.virtualenv.location)
    (site_packages(own) / "borrowed_torch.pth").write_text(f"{site_packages(own.parent / 'torch')}\n")


def install_everything(session: nox.Session, *more: str) -> None:
    borrow_torch(session)
    session.install("-r", "requirements-dev.txt", *more)


@nox.session(default=False, reuse_venv=True)
def torch(session: nox.Session) -> None:
    """The environment that holds torch and nothing else of ours; the others read it."""
    session.install("torch")


@nox.session(requires=["torch"])
def tests(session: nox.Session) -> None:
    """The tests of every package, and those that need several."""
    install_everything(session)
    session.run("pytest", *session.posargs, env=ONE_THREAD | NEUTRAL)


@nox.session(requires=["torch"])
@nox.parametrize("package", PACKAGES, ids=PACKAGES)
def isolated(session: nox.Session, package: str) -> None:
    """One package, built as a wheel, with core alone: no sibling, and none of the optional extras of core."""
    borrow_torch(session)
    # pip must never look a sibling's name up in a registry, so the path to core is always there.
    wanted = ["./packages/core[test]"] if package == "core" else ["./packages/core", f"./packages/{package}[test]"]
    session.install(*wanted)
    present = sorted({"invkit", import_name(package)})
    absent = sorted(import_name(name) for name in PACKAGES if import_name(name) not in present)
    session.run("python", "tests/assert_isolated.py", "--present", *present, "--absent", *absent, env=NEUTRAL)
    session.run("pytest", f"packages/{package}/tests", *session.posargs, env=ONE_THREAD | NEUTRAL)


@nox.session(requires=["torch"])
def kit(session: nox.Session) -> None:
    """What authors of plugins start from, each as a wheel beside core alone: what ``plugins new`` writes, and ours."""
    borrow_torch(session)
    session.install("./packages/core[testing]")
    with tempfile.TemporaryDirectory() as folder:
        session.run("invkit", "plugins", "new", "sample", "--folder", folder, env=NEUTRAL)
        for plugin in [Path(folder) / "invkit-sample", *THIRD_PARTY]:
            test_as_a_third_party(session, plugin, Path(folder) / "wheels" / plugin.name)


def test_as_a_third_party(session: nox.Session, plugin: Path, wheels: Path) -> None:
    """Build it, install the wheel, run its tests and invkit's, and see its objects and rules used; then remove it."""
    name = plugin.name.removeprefix("invkit-")
    session.run("pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(wheels), str(plugin))
    (wheel,) = wheels.glob("*.whl")
    session.install(f"{wheel}[test]")
    absent = [import_name(package) for package in PLUGINS]
    present = ["invkit", import_name(name)]
    session.run("python", "tests/assert_isolated.py", "--present", *present, "--absent", *absent, env=NEUTRAL)
    with session.chdir(plugin):
        # Not from its sources, which another folder would not have.
        session.run("pytest", "-p", "no:cacheprovider", env=ONE_THREAD | NEUTRAL)
        session.run("invkit", "plugins", "doctor", env=NEUTRAL, silent=True)
        session.run("invkit", "plugins", "test", name, env=ONE_THREAD | NEUTRAL)
        listed = session.run("invkit", "list", env=NEUTRAL, silent=True)
        if f" {name}/" not in str(listed):
            session.error(f"invkit list shows nothing of {name}")
        for config in plugin.glob("*.toml"):
            if config.name != "pyproject.toml":
                session.run("invkit", "explain", config.name, env=ONE_THREAD | NEUTRAL)
    session.run("pip", "uninstall", "--quiet", "--yes", f"invkit-{name}")


@nox.session
def lint(session: nox.Session) -> None:
    """Style, formatting, and who may import whom."""
    session.install("ruff", "import-linter")
    session.install("--no-deps", *(part for name in PACKAGES for part in ("-e", f"./packages/{name}")))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports", env={"PYTHONPATH": None})


@nox.session(requires=["torch"])
def types(session: nox.Session) -> None:
    """mypy: strict where no torch is imported."""
    borrow_torch(session)
    # What a plugin brings (ASTRA: 0.4 GB of CUDA libraries) has no types, so mypy gains nothing from it.
    session.install("mypy", "-e", "./packages/core[dicom,hdf5,nifti,test]")
    session.install("--no-deps", *(part for name in PLUGINS for part in ("-e", f"./packages/{name}")))
    session.run("mypy", *session.posargs, env={"MYPYPATH": None})


@nox.session(requires=["torch"])
def docs(session: nox.Session) -> None:
    """The documentation; a warning or a reference to nothing is an error."""
    install_everything(session, "sphinx", "myst-parser", "furo", "sphinx-copybutton")
    target = session.posargs[0] if session.posargs else "docs/_build/html"
    options = ["-q", "-W", "-n", "--keep-going", "-E", "-b", "html"]
    session.run("sphinx-build", *options, "docs", target, env=ONE_THREAD | NEUTRAL)


@nox.session(default=False, requires=["torch"])
def slow(session: nox.Session) -> None:
    """The tests that take longer than a few seconds each."""
    install_everything(session)
    # pytest ends with 5 where nothing is marked slow.
    session.run("pytest", "-m", "slow", *session.posargs, env=NEUTRAL, success_codes=[0, 5])


@nox.session(default=False, requires=["torch"])
def benchmarks(session: nox.Session) -> None:
    """Ratios measured side by side in one process; nothing here passes or fails on a time."""
    install_everything(session)
    session.install("sigpy")  # what one of them is measured beside
    for script in session.posargs or sorted(str(path) for path in Path("benchmarks").glob("[!_]*.py")):
        session.run("python", script, env=NEUTRAL)
