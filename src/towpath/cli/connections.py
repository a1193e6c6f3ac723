"""``towpath connections``, and what is done with one: ``check``, ``discover``, ``preview``."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from towpath.cli import exits, output, views
from towpath.cli.session import AsJson, Session, Yes, confirm, session

if TYPE_CHECKING:
    from towpath.services.connections import Checked

app = typer.Typer(help="Configured links to other systems.")
Name = Annotated[str, typer.Argument(metavar="CONNECTION", help="Its name, project/name or id.")]


@app.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """All connections."""
    now = session(ctx)
    projects = now.projects
    shown = [views.connection(row, projects) for row in now.connections.list(now.org)]
    if as_json:
        output.data(shown)
    else:
        columns = ("name", "project", "role", "connector", "id")
        output.table(
            columns, [[view[name] for name in columns] for view in shown], sparse=("project", "role")
        )


@app.command()
def show(ctx: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """One connection; secrets are masked."""
    now = session(ctx)
    view = views.connection(now.connections.get(now.org, name), now.projects)
    if as_json:
        output.data(view)
    else:
        sparse = ("project", "role")
        output.fields({name: value for name, value in view.items() if value or name not in sparse})


Settings = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", metavar="FIELD=VALUE", help="A setting; secrets as ${env:NAME}."),
]
Ask = Annotated[
    list[str] | None,
    typer.Option("--ask", metavar="FIELD", help="A secret to ask for, or to read from standard input."),
]

_MAX_PARALLEL = typer.Option(
    min=1, max=64, help="How many slices may use it at once; rounded down to 1, 2, 4, 8 or 16."
)
MaxParallel = Annotated[int, _MAX_PARALLEL]
MaxParallelOrAsIs = Annotated[int | None, _MAX_PARALLEL]


@app.command()
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What to call it.")],
    connector: Annotated[str, typer.Argument(help="See `towpath connectors list`.")],
    setting: Settings = None,
    ask: Ask = None,
    max_parallel: MaxParallel = 4,
    as_json: AsJson = False,
) -> None:
    """Add a connection. Secrets never go into arguments: other users of the machine can read those."""
    now = session(ctx)
    config = _given(now, connector, setting or [], ask or [])
    row = now.connections.create(now.org, name, connector, config, max_parallel=max_parallel)
    if as_json:
        output.data(views.connection(row, now.projects))
    output.done(f"Connection {row.name} added. Try it: towpath check {row.name}")


@app.command()
def update(
    ctx: typer.Context,
    name: Name,
    setting: Settings = None,
    ask: Ask = None,
    max_parallel: MaxParallelOrAsIs = None,
    as_json: AsJson = False,
) -> None:
    """Change settings of a connection; all others, secrets too, stay as they are."""
    from towpath.services.secrets.fields import shown

    now = session(ctx)
    row = now.connections.get(now.org, name)
    config = shown(row.config)
    _merge(config, _given(now, row.connector, setting or [], ask or []))
    more = {} if max_parallel is None else {"max_parallel": max_parallel}
    row = now.connections.update(now.org, row.id, config, **more)
    if as_json:
        output.data(views.connection(row, now.projects))
    output.done(f"Connection {row.name} changed. Try it: towpath check {row.name}")


def _merge(config: dict[str, Any], changes: dict[str, Any]) -> None:
    for field, value in changes.items():
        if isinstance(value, dict) and isinstance(config.get(field), dict):
            _merge(config[field], value)
        else:
            config[field] = value


def _given(now: Session, connector: str, pairs: list[str], ask: list[str]) -> dict[str, Any]:
    """The settings of the arguments. Raises `ConfigError` for a secret that stands in them."""
    from pathlib import Path

    from towpath.bootstrap.settings import variable
    from towpath.services.documents.references import References

    references = References(variable, Path.cwd())
    config: dict[str, Any] = references.resolve(_settings(pairs))
    references.refuse_literals(now.connections.secrets_in(connector, config))
    for field in ask:
        _place(config, field, _ask(field))
    return config


def _settings(pairs: list[str]) -> dict[str, Any]:
    config: dict[str, Any] = {}
    for pair in pairs:
        field, equals, value = pair.partition("=")
        if not equals:
            raise typer.BadParameter(f"{field!r} has no value: write FIELD=VALUE", param_hint="--set")
        _place(config, field, value)
    return config


def _place(config: dict[str, Any], path: str, value: str) -> None:
    *parents, last = path.split(".")
    for parent in parents:
        config = config.setdefault(parent, {})
    config[last] = value


def _ask(field: str) -> str:
    import getpass
    import sys

    return getpass.getpass(f"{field}: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")


@app.command()
def delete(ctx: typer.Context, name: Name, yes: Yes = False) -> None:
    """Forget a connection and shred its secrets."""
    now = session(ctx)
    row = now.connections.get(now.org, name)
    confirm(f"Delete the connection {row.name} and shred its secrets?", yes=yes)
    now.connections.delete(now.org, row.id)
    output.done(f"Connection {row.name} deleted.")


@app.command("test")
def check(ctx: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Try a connection."""
    now = session(ctx)
    row = now.connections.get(now.org, name)
    checks = now.connections.check(now.org, row.id)
    if as_json:
        output.data([_checked(check) for check in checks])
    for check in checks:
        if check.error is None:
            output.done(f"{check.role}: {check.answer}")
        else:
            output.say(f"{check.role}:")
            output.error(check.error)
    # A connection that no flow uses yet is good if it is good for anything.
    needed = any if not now.connections.roles_in_use(now.org, row.id) else all
    if not needed(check.error is None for check in checks):
        raise typer.Exit(exits.CHECK_FAILED)


def _checked(check: "Checked") -> dict[str, Any]:
    error = check.error.to_json() if check.error else None
    return {"role": check.role, "ok": check.error is None, "answer": check.answer, "error": error}


def discover(ctx: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """List the streams that a connection offers."""
    now = session(ctx)
    streams = now.connections.discover(now.org, name)
    if as_json:
        output.data([views.stream(stream) for stream in streams])
        return
    output.table(
        ("stream", "columns", "rows (about)", "primary key", "cursor"),
        [
            (
                stream.key,
                len(stream.schema),
                stream.rows,
                ", ".join(stream.primary_key),
                next(iter(stream.cursors), ""),
            )
            for stream in streams
        ],
    )


def preview(
    ctx: typer.Context,
    name: Name,
    stream: Annotated[str, typer.Argument(help="Key of the stream, as `discover` shows it.")],
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many records.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show the first records of a stream."""
    now = session(ctx)
    found = now.connections.preview(now.org, name, stream, limit)
    if as_json:
        output.data(found.records)
        return
    columns = found.stream.schema.names
    output.table(columns, [[str(_shown(record[name])) for name in columns] for record in found.records])


def _shown(value: Any) -> Any:
    return "" if value is None else value
