"""``towpath audit``."""

import json
from pathlib import Path
from typing import Annotated

import typer

from towpath.cli import output, views
from towpath.cli.session import AsJson, session

app = typer.Typer(help="What was done, by whom.")


@app.command("list")
def list_(
    ctx: typer.Context,
    after: Annotated[str | None, typer.Option(help="Only entries after this one.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 1000,
    as_json: AsJson = False,
) -> None:
    """The entries in the order in which things were done."""
    now = session(ctx)
    rows = now.trail.list(now.org, after=after, limit=limit)
    if as_json:
        output.data([views.audit_entry(row) for row in rows])
        return
    output.table(
        ("when", "who", "what", "object", "detail"),
        [(row.created_at, row.actor, row.action, row.object, json.dumps(dict(row.detail))) for row in rows],
    )


@app.command()
def export(
    ctx: typer.Context,
    after: Annotated[str | None, typer.Option(help="Only entries after this one.")] = None,
) -> None:
    """All entries as JSON, one on each line, in the order in which things were done."""
    now = session(ctx)
    for row in now.trail.walk(now.org, after):
        output.text(json.dumps(views.chained_entry(row)))


@app.command()
def checkpoint(ctx: typer.Context) -> None:
    """Print a signed line that says where the trail ends now. Keep it where this machine cannot write."""
    now = session(ctx)
    output.text(now.trail.checkpoint(now.org))


@app.command()
def verify(
    ctx: typer.Context,
    known: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            readable=True,
            help="What `towpath audit checkpoint` printed before: the trail must run through every line.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Prove that nobody changed the trail."""
    from towpath.core.errors import IntegrityError

    now = session(ctx)
    lines = known.read_text(errors="replace").splitlines() if known else None
    broken = now.trail.verify(now.org, lines)
    entry = broken.entry if broken else None
    if as_json:
        output.data(
            {
                "ok": broken is None,
                "first_broken": entry.id if entry else None,
                "seq": broken.seq if broken else None,
                "reason": broken.reason if broken else None,
            }
        )
    if broken is not None:
        what = f" ({entry.id} of {entry.created_at:%Y-%m-%d %H:%M:%S})" if entry else ""
        raise IntegrityError(
            "audit.broken",
            f"The audit trail was tampered with: entry {broken.seq}{what} is {broken.reason}.",
            hint="Compare it with a backup; what comes after this entry cannot be trusted.",
            seq=broken.seq,
        )
    output.done("The audit trail is whole.")
