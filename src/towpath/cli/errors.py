"""``towpath errors``: the inbox of records that failed."""

import json
from typing import Annotated

import typer

from towpath.cli import output, views
from towpath.cli.session import AsJson, session

app = typer.Typer(help="Records that failed, with their reasons.")


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
        ("id", "stream", "code", "message", "record"),
        [(row.id, row.stream, row.code, row.message, json.dumps(dict(row.record))) for row in rows],
    )


@app.command()
def retry(
    ctx: typer.Context, ids: Annotated[list[str], typer.Argument(metavar="ERROR...", help="Ids of errors.")]
) -> None:
    """Says how failed records are sent again."""
    from towpath.core.errors import ConflictError

    now = session(ctx)
    first = now.inbox.get(now.org, ids[0])
    raise ConflictError(
        "error.retry_unavailable",
        "A failed record cannot be sent again by itself yet.",
        hint=f"Correct what failed, read the stream again with `towpath run {first.flow} --full --stream "
        f"{first.stream}`, then `towpath errors resolve {' '.join(ids)}`.",
    )


@app.command()
def resolve(
    ctx: typer.Context, ids: Annotated[list[str], typer.Argument(metavar="ERROR...", help="Ids of errors.")]
) -> None:
    """Say that errors need no more care."""
    now = session(ctx)
    resolved = now.inbox.resolve(now.org, ids)
    output.done(f"{len(resolved)} resolved.")
