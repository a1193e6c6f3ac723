"""All commands in one place."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from towpath import __version__
from towpath.cli import (
    audit,
    connections,
    connectors,
    customers,
    doctor,
    documents,
    errors,
    flows,
    instances,
    keys,
    output,
    runs,
    secrets,
    serve,
    state,
    users,
)
from towpath.cli.exits import ErrorGroup
from towpath.cli.session import AsJson, Session

app = typer.Typer(
    cls=ErrorGroup,
    help="Keep, move and lend a business's data connections.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def root(
    ctx: typer.Context,
    home: Annotated[Path | None, typer.Option(help="The home folder; default ~/.towpath.")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error.")] = None,
    log_format: Annotated[str | None, typer.Option(help="text or json.")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Every setting has a flag here, an environment variable, or a line in towpath.yaml."""
    level = log_level or ("debug" if debug else None)
    ctx.obj = Session({"home": home, "log_level": level, "log_format": log_format})
    ctx.call_on_close(ctx.obj.close)


@app.command()
def version(as_json: AsJson = False) -> None:
    """Print the version."""
    if as_json:
        output.data({"version": __version__})
    else:
        output.text(__version__)


_COMMANDS: tuple[tuple[str, Callable[..., None]], ...] = (
    ("up", serve.up),
    ("serve", serve.serve),
    ("worker", serve.worker),
    ("doctor", doctor.doctor),
    ("check", connections.check),
    ("discover", connections.discover),
    ("preview", connections.preview),
    ("run", runs.run),
    ("logs", runs.logs),
    ("apply", documents.apply),
    ("export", documents.export),
    ("schema", documents.schema),
    ("openapi", documents.openapi),
)
_GROUPS: tuple[tuple[str, typer.Typer], ...] = (
    ("connections", connections.app),
    ("flows", flows.app),
    ("runs", runs.app),
    ("state", state.app),
    ("errors", errors.app),
    ("connectors", connectors.app),
    ("secrets", secrets.app),
    ("audit", audit.app),
    ("keys", keys.app),
    ("users", users.app),
    ("customers", customers.app),
    ("instances", instances.app),
)
for name, command in _COMMANDS:
    app.command(name)(command)
for name, group in _GROUPS:
    app.add_typer(group, name=name, no_args_is_help=True)
