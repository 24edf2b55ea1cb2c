"""Mount the commands of plugins as ``invkit <plugin> <command> ...`` without importing what runs them.

Each is an ordinary typer command that takes no options of its own and passes every remaining argument on, so the
plugin's parser, its ``--help`` and its exit codes come through unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import typer
from typer.core import TyperGroup

from ..plugins import Entry, Registry
from .output import ExitCode, complain

FROM_PLUGINS = "From plugins"


class Group(TyperGroup):
    """A group whose plain help lists the commands by panel: its own first, then those from plugins.

    It says when an interrupt reaches it; a command that ends with ``INTERRUPTED`` itself has said what it kept.
    """

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            complain("interrupted.")
            raise typer.Exit(ExitCode.INTERRUPTED) from None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        panels: dict[str, list[tuple[str, Any]]] = {"Commands": [], FROM_PLUGINS: []}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                panel = getattr(command, "rich_help_panel", None)
                panels[FROM_PLUGINS if panel == FROM_PLUGINS else "Commands"].append((name, command))
        width = formatter.width - 6 - max((len(name) for rows in panels.values() for name, _ in rows), default=0)
        for title, rows in panels.items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl([(name, command.get_short_help_str(width)) for name, command in rows])


def mount(app: typer.Typer, registry: Registry, taken: Collection[str]) -> None:
    """Add one group per plugin that announces commands. A plugin called like a core command is left out and named."""
    groups: dict[str, list[Entry]] = {}
    for entry in registry.entries("command"):
        groups.setdefault(entry.provider, []).append(entry)
    for provider, entries in sorted(groups.items()):
        if provider in taken:
            complain(f"the commands of the plugin {provider!r} are not mounted: 'invkit {provider}' is a core command.")
            continue
        group = typer.Typer(rich_markup_mode=None, no_args_is_help=True)
        # A callback keeps it a group when it has a single command.
        group.callback()(_nothing)
        for entry in entries:
            settings = {"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False}
            group.command(
                entry.spec.name,
                help=entry.spec.summary,
                add_help_option=False,
                context_settings=settings,
            )(_runner(registry, entry))
        text = f"{_summary(entries)} [{entries[0].origin}]"
        # The short help is given too: click would cut it after the first sentence, and with it the provider.
        app.add_typer(group, name=provider, help=text, short_help=text, rich_help_panel=FROM_PLUGINS)


def _runner(registry: Registry, entry: Entry) -> Callable[[typer.Context], None]:
    def run(context: typer.Context) -> None:
        target = registry.load(entry)
        code = target(list(context.args), prog_name=context.command_path)
        raise typer.Exit(code if isinstance(code, int) else 0)

    return run


def _summary(entries: list[Entry]) -> str:
    return (
        entries[0].spec.summary
        if len(entries) == 1
        else f"Commands: {', '.join(entry.spec.name for entry in entries)}."
    )


def _nothing() -> None:
    pass
