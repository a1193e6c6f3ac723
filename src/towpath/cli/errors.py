"""``towpath errors``: the inbox of records that failed."""

import json
from typing import Annotated, Any

import typer

from towpath.cli import output, views
from towpath.cli.session import AsJson, session

app = typer.Typer(help="Records that failed, with their reasons.")
Id = Annotated[str, typer.Argument(metavar="ERROR", help="Id of the error.")]


@app.command("list")
def list_(
    ctx: typer.Context,
    flow: Annotated[str | None, typer.Option(help="Only of this flow.")] = None,
    run: Annotated[str | None, typer.Option(help="Only of this run.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Resolved ones too.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """The open errors, the newest first."""
    from towpath.core.records import ErrorStatus

    now = session(ctx)
    status = None if everything else ErrorStatus.OPEN
    rows = now.inbox.list(now.org, flow=flow, run=run, status=status, limit=limit)
    if as_json:
        output.data([views.record_error(row) for row in rows])
        return
    output.table(
        ("id", "stream", "status", "code", "message", "record"),
        [
            (row.id, row.stream, str(row.status), row.code, row.message, json.dumps(dict(row.record)))
            for row in rows
        ],
    )


@app.command()
def show(ctx: typer.Context, id: Id, as_json: AsJson = False) -> None:
    """One error with its record."""
    now = session(ctx)
    view = views.record_error(now.inbox.get(now.org, id))
    if as_json:
        output.data(view)
    else:
        output.fields(view | {"record": json.dumps(view["record"], ensure_ascii=False)})


@app.command()
def edit(
    ctx: typer.Context,
    id: Id,
    values: Annotated[
        list[str],
        typer.Option(
            "--set",
            metavar="COLUMN=JSON",
            help="A new value, such as id=7, name='\"Ada\"' or name=null; may be repeated.",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Correct a record before it is sent again.

    Dates, times, decimals and uuids are texts, as `errors list` shows them; binaries are texts in base64.
    """
    now = session(ctx)
    row = now.inbox.edit(now.org, id, dict(map(_assignment, values)))
    if as_json:
        output.data(views.record_error(row))
    else:
        output.text(json.dumps(dict(row.record), ensure_ascii=False))


def _assignment(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    try:
        if equals and name:
            return name, json.loads(value, parse_float=_number, parse_constant=_refuse)
    except ValueError:
        pass
    raise typer.BadParameter(
        f"{text!r} is not COLUMN=JSON; a text needs its quotes: '{name or 'name'}=\"text\"'",
        param_hint="--set",
    )


def _refuse(text: str) -> None:
    """JSON has no NaN and no infinity: as texts they are what the inbox shows."""
    raise ValueError(text)


def _number(text: str) -> float | str:
    """A fraction; as text if a double would not keep all of its digits."""
    from decimal import Decimal

    number = float(text)
    return number if Decimal(repr(number)) == Decimal(text) else text


@app.command()
def retry(
    ctx: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(metavar="ERROR...", help="Ids of errors.")] = None,
    run: Annotated[str | None, typer.Option(help="All open ones of this run.")] = None,
    flow: Annotated[str | None, typer.Option(help="All open ones of this flow.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All open ones.")] = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show progress to the end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send failed records again, as they are in the inbox now: correct them first with `errors edit`.

    Each run that rejected some gets a child run. Those that are taken now are resolved; those that are
    rejected again are new errors of the child run.
    """
    from towpath.cli import follow as following

    if sum(map(bool, (ids, run, flow, everything))) != 1:
        raise typer.BadParameter("name errors, or one of --run, --flow and --all", param_hint="ERROR")
    now = session(ctx)
    started = [one.id for one in now.inbox.retry(now.org, ids or (), run=run, flow=flow)]
    if not started:
        output.say("None of them is open: nothing is sent.")
    here = bool(started) and now.container.work_if_nobody_does()
    if follow or here:
        raise typer.Exit(following.follow_all(now, started, as_json=as_json))
    if as_json:
        output.data([views.run(now.runs.show(now.org, id)) for id in started])
    else:
        for id in started:
            output.text(id)


@app.command()
def resolve(
    ctx: typer.Context, ids: Annotated[list[str], typer.Argument(metavar="ERROR...", help="Ids of errors.")]
) -> None:
    """Say that errors need no more care."""
    now = session(ctx)
    resolved = now.inbox.resolve(now.org, ids)
    output.done(f"{len(resolved)} resolved.")
