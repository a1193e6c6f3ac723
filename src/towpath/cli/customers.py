"""``towpath customers``."""

from typing import Annotated

import typer

from towpath.cli import output
from towpath.cli.session import AsJson, Yes, confirm, session
from towpath.core.ids import as_uuid

app = typer.Typer(help="End customers on whose behalf connections are kept.")


@app.command()
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What to call the customer.")],
    as_json: AsJson = False,
) -> None:
    """Add a customer."""
    now = session(ctx)
    row = now.customers.create(now.org, name)
    if as_json:
        output.data({"id": str(as_uuid(row.id)), "name": row.name})
    output.done(f"Customer {row.name} created.")


@app.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """All customers."""
    now = session(ctx)
    rows = now.customers.list(now.org)
    if as_json:
        output.data([{"id": str(as_uuid(row.id)), "name": row.name} for row in rows])
    else:
        output.table(("name", "id"), [(row.name, as_uuid(row.id)) for row in rows])


@app.command()
def delete(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="CUSTOMER", help="Name or id of the customer.")],
    yes: Yes = False,
) -> None:
    """Remove a customer that has no instances and connections any more."""
    now = session(ctx)
    confirm(f"Delete the customer {name}?", yes=yes)
    output.done(f"Customer {now.customers.delete(now.org, name).name} deleted.")
