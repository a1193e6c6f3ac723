"""``towpath instances``."""

from typing import Annotated

import typer

from towpath.cli import output
from towpath.cli.session import AsJson, Yes, confirm, session

app = typer.Typer(help="Programs that run for customers and borrow credentials.")


@app.command()
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What to call the instance.")],
    customer: Annotated[str, typer.Option(help="Name or id of the customer it runs for.")],
    as_json: AsJson = False,
) -> None:
    """Add an instance. Its proxy key is shown this once and never again."""
    now = session(ctx)
    row, key = now.instances.create(now.org, name, customer)
    view = {
        "id": row.id,
        "name": row.name,
        "customer": row.customer,
        "proxy_key": key.text.get_secret_value(),
    }
    if as_json:
        output.data(view)
    else:
        output.fields(view)
    output.say("Keep the proxy key now: it is not shown again.")


@app.command("list")
def list_(
    ctx: typer.Context,
    customer: Annotated[str | None, typer.Option(help="Only of this customer.")] = None,
    as_json: AsJson = False,
) -> None:
    """All instances."""
    now = session(ctx)
    rows = now.instances.list(now.org, customer)
    if as_json:
        output.data([{"id": row.id, "name": row.name, "customer": row.customer} for row in rows])
    else:
        output.table(("name", "customer", "id"), [(row.name, row.customer, row.id) for row in rows])


@app.command()
def delete(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="INSTANCE", help="Name or id of the instance.")],
    yes: Yes = False,
) -> None:
    """Remove an instance; its proxy key opens nothing any more."""
    now = session(ctx)
    confirm(f"Delete the instance {name}?", yes=yes)
    output.done(f"Instance {now.instances.delete(now.org, name).name} deleted.")
