"""``towpath audit``."""

import json
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
def verify(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Prove that nobody changed the trail."""
    from towpath.core.errors import IntegrityError

    now = session(ctx)
    broken = now.trail.verify(now.org)
    if as_json:
        entry = broken.entry.id if broken and broken.entry else None
        output.data({"ok": broken is None, "first_broken": entry})
    if broken is not None:
        raise IntegrityError(
            "audit.broken",
            f"The audit trail is {broken.reason} at place {broken.seq}.",
            hint="Compare it with a backup; what comes after this entry cannot be trusted.",
            seq=broken.seq,
        )
    output.done("The audit trail is whole.")
