"""``towpath instances``."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from towpath.cli import output
from towpath.cli.durations import duration
from towpath.cli.session import AsJson, Yes, confirm, session
from towpath.core.ids import as_uuid

if TYPE_CHECKING:
    from towpath.core.records import Instance, Key

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
    view = _view(row)
    _show_once(view | {"proxy_key": key.text.get_secret_value()}, as_json=as_json)


@app.command("list")
def list_(
    ctx: typer.Context,
    customer: Annotated[str | None, typer.Option(help="Only of this customer.")] = None,
    as_json: AsJson = False,
) -> None:
    """All instances, and how their proxy keys begin."""
    now = session(ctx)
    rows = now.instances.list(now.org, customer)
    keys: dict[str | None, list[Key]] = {}
    for key in now.keys.list(now.org):
        keys.setdefault(key.instance, []).append(key)
    if as_json:
        output.data([_view(row) | {"keys": [_key(key) for key in keys.get(row.id, ())]} for row in rows])
        return
    lines = [(row, key) for row in rows for key in keys.get(row.id, [None])]
    output.table(
        ("name", "customer", "key begins", "last used", "expires", "id"),
        [
            (
                row.name,
                as_uuid(row.customer),
                *((key.hint, key.last_used_at, key.expires_at) if key else [None] * 3),
                as_uuid(row.id),
            )
            for row, key in lines
        ],
    )


@app.command()
def rotate(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="INSTANCE", help="Name or id of the instance.")],
    overlap: Annotated[
        str,
        typer.Option(metavar="TIME", help="How long the keys of before go on: `90s`, `1h`; `0`: not at all."),
    ] = "24h",
    as_json: AsJson = False,
) -> None:
    """Give an instance a new proxy key. It is shown this once and never again."""
    now = session(ctx)
    made = now.instances.rotate(now.org, name, duration(overlap))
    _show_once(
        {
            "id": str(as_uuid(made.key.instance or "")),
            "hint": made.key.hint,
            "proxy_key": made.text.get_secret_value(),
        },
        as_json=as_json,
    )


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


def _view(row: "Instance") -> dict[str, Any]:
    """Ids as the API writes them."""
    return {"id": str(as_uuid(row.id)), "name": row.name, "customer": str(as_uuid(row.customer))}


def _key(key: "Key") -> dict[str, Any]:
    return {
        "id": key.id,
        "hint": key.hint,
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
        "expires_at": key.expires_at,
    }


def _show_once(view: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        output.data(view)
    else:
        output.fields(view)
    output.say("Keep the proxy key now: it is not shown again.")
