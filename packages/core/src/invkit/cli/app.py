"""The program ``invkit``: options and help of every command, and one line and one exit code for every error.

The heavy commands import their module, and with it torch, only when they run.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import InvkitError
from ..plugins import Registry, get_registry, set_registry
from . import listing
from . import plugins as plugin_commands
from .mount import Group, mount
from .output import ExitCode, complain, configure_logging, exit_code, write

Json = Annotated[bool, typer.Option("--json", help="Print JSON with a schema_version.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress and no messages.")]
# Whether it is there is asked when it is read, so that the error has the form of every other.
Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="A TOML file.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override one value, e.g. model.solver.rtol=1e-5."),
]
InputFile = Annotated[
    Path | None,
    typer.Option("--input", metavar="FILE", exists=True, dir_okay=False, help="Data to use instead of [data]."),
]
Device = Annotated[str | None, typer.Option("--device", help="cpu, cuda or cuda:0.")]
Dtype = Annotated[str | None, typer.Option("--dtype", help="float32 or float64, complex64 or complex128.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of every random draw.")]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code. Bad input is one line on standard error, never a traceback."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    configure_logging()
    try:
        if "--no-plugins" in takewhile(lambda argument: argument.startswith("-"), arguments):
            set_registry(Registry(plugins=False))
        registry = get_registry()
        _report_unhealthy(registry, arguments)
        create_app(registry)(args=arguments, prog_name="invkit")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        complain("interrupted.")
        return ExitCode.INTERRUPTED
    except Exception as error:
        known = exit_code(error)
        if known is None:
            raise
        complain(str(error) if isinstance(error, InvkitError) else f"{type(error).__name__}: {error}")
        return known
    return ExitCode.DONE


def create_app(registry: Registry) -> typer.Typer:
    """The application with the commands of the core and those that the plugins of this registry mount."""
    app = typer.Typer(cls=Group, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.callback()(_root)
    for name, command in _COMMANDS.items():
        app.command(name)(command)
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    group.command("list")(plugins_list)
    group.command("doctor")(plugins_doctor)
    group.command("test")(plugins_test)
    group.command("new")(plugins_new)
    app.add_typer(group, name="plugins", help="What is installed, and what is wrong with it.")
    mount(app, registry, taken=COMMAND_NAMES)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        from .. import __version__

        write(__version__)
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
    no_plugins: Annotated[bool, typer.Option("--no-plugins", help="Use the core alone.")] = False,
) -> None:
    """Inverse problems with structure you can trust."""
    # Both have done their work by now: --version in its callback, --no-plugins in main, which mounts the commands.


def _report_unhealthy(registry: Registry, arguments: Sequence[str]) -> None:
    """One line per plugin that cannot be used, except where the answer is the list of plugins, or a completion."""
    if "plugins" in arguments[:2] or "_INVKIT_COMPLETE" in os.environ:
        return
    for status in registry.unhealthy:
        complain(f"plugin {status.name} is left out ({status.state}). Run 'invkit plugins doctor'.")


def demo(
    output: Annotated[Path, typer.Option("--output", metavar="DIR", help="Where the report goes.")] = Path(
        "invkit-demo"
    ),
    seed: Seed = 0,
) -> None:
    """The whole tour on embedded data, in one report.html."""
    _run("demo", output=output, seed=seed)


def list_objects(
    kind: Annotated[
        str | None, typer.Argument(metavar="[KIND]", help="operator, regulariser, solver, model, ...")
    ] = None,
    claim: Annotated[
        str | None, typer.Option("--claim", metavar="P", help="Only objects that claim this property.")
    ] = None,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """List what is registered."""
    raise typer.Exit(listing.list_objects(get_registry(), kind, claim=claim, device=device, as_json=as_json))


def info(
    ref: Annotated[str, typer.Argument(metavar="REF", help="An id, a name or a role.")], as_json: Json = False
) -> None:
    """Everything about one object, with its parameters."""
    raise typer.Exit(listing.info(get_registry(), ref, as_json=as_json))


def check(
    ref: Annotated[str | None, typer.Argument(metavar="[REF]", help="An id, a name, or a plugin.")] = None,
    device: Device = None,
    dtype: Dtype = None,
    as_json: Json = False,
    seed: Seed = 0,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="FOLDER", help="Write a counterexample of each refuted check here.")
    ] = None,
    reproduced: Annotated[
        Path | None,
        typer.Option("--reproduce", metavar="FILE", help="Evaluate a saved counterexample (.json) again, and only it."),
    ] = None,
) -> None:
    """Measure what an object or a plugin claims of itself."""
    _run("check", ref, device=device, dtype=dtype, as_json=as_json, seed=seed, save=save, reproduced=reproduced)


def explain(
    config: Config,
    overrides: Overrides = None,
    input_file: InputFile = None,
    as_json: Json = False,
    brief: Annotated[bool, typer.Option("--brief", help="One line for each theorem, and what fails.")] = False,
) -> None:
    """Say what is guaranteed, before anything runs."""
    _run("explain", config, overrides=overrides or [], input_file=input_file, as_json=as_json, brief=brief)


def reconstruct(
    config: Config,
    input_file: InputFile = None,
    output: Annotated[Path | None, typer.Option("--output", metavar="FILE", help="Also write the image here.")] = None,
    overrides: Overrides = None,
    runs: Annotated[Path, typer.Option("--runs", metavar="DIR", help="Where run folders go.")] = Path("runs"),
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Reconstruct as a configuration says, into a run folder."""
    _run(
        "reconstruct",
        config,
        input_file=input_file,
        output=output,
        overrides=overrides or [],
        runs=runs,
        as_json=as_json,
        quiet=quiet,
    )


def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.", exists=True, file_okay=False)],
    truth: Annotated[
        Path | None, typer.Option("--truth", metavar="FILE", exists=True, dir_okay=False, help="The ground truth.")
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option("--mask", metavar="FILE", exists=True, dir_okay=False, help="A region to look at as well."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare a finished run with the ground truth."""
    _run("evaluate", run, truth=truth, mask=mask, as_json=as_json)


def plugins_list(as_json: Json = False) -> None:
    """One row per plugin, with its state and the reason."""
    raise typer.Exit(plugin_commands.list_plugins(get_registry(), as_json=as_json))


def plugins_doctor(as_json: Json = False) -> None:
    """Versions, devices, and whether every object loads.

    The exit code is 3 if an enabled plugin cannot be used as a whole.
    """
    raise typer.Exit(plugin_commands.doctor(get_registry(), as_json=as_json))


def plugins_test(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of an installed plugin.")],
    device: Device = None,
    dtype: Dtype = None,
    as_json: Json = False,
    seed: Seed = 0,
) -> None:
    """Everything that can be asked of one plugin: its manifest, and every check of every object.

    The exit code is 4 if an answer is bad, 3 if the plugin cannot be used.
    """
    _run("plugin_test", name, device=device, dtype=dtype, as_json=as_json, seed=seed)


def plugins_new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Words of a-z and 0-9 joined by hyphens.")],
    folder: Annotated[
        Path, typer.Option("--folder", metavar="DIR", help="Where the folder invkit-NAME is written.")
    ] = Path(),
    as_json: Json = False,
) -> None:
    """Write a plugin that works, with an operator, a regulariser, a theorem and their tests, to start from."""
    _run("plugin_new", name, folder=folder, as_json=as_json)


_COMMANDS: dict[str, Callable[..., None]] = {
    "demo": demo,
    "list": list_objects,
    "info": info,
    "check": check,
    "explain": explain,
    "reconstruct": reconstruct,
    "evaluate": evaluate,
}

#: Names that no plugin can have, because its commands would not be reached.
COMMAND_NAMES = (*_COMMANDS, "plugins")


def _run(name: str, *arguments: Any, **options: Any) -> None:
    """Import ``invkit.cli.<name>`` and end with the exit code that its ``run`` returns."""
    # By name, so that no static path leads from this module to torch.
    module = importlib.import_module(f"{__package__}.{name}")
    raise typer.Exit(module.run(*arguments, **options) or ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
