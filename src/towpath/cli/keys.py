"""``towpath keys``."""

from enum import StrEnum
from typing import Annotated

import typer

from towpath.cli import output
from towpath.cli.durations import duration
from towpath.cli.session import AsJson, Yes, confirm, session

app = typer.Typer(help="Keys of programs.")


class Kind(StrEnum):
    """The kinds that can be made by themselves; a proxy key comes with its instance."""

    INTEGRATOR = "integrator"
    PARTNER = "partner"
    BROKER = "broker"


@app.command()
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    kind: Annotated[Kind, typer.Option(help="What it opens.")],
    expires_in: Annotated[
        str | None, typer.Option(metavar="TIME", help="How long it lives: `12h`, `90d`. Without: for ever.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key. It is shown this once and never again."""
    from towpath.core.records import KeyKind

    now = session(ctx)
    made = now.keys.create(now.org, name, KeyKind(kind), duration(expires_in) if expires_in else None)
    view = {
        "id": made.key.id,
        "name": name,
        "kind": str(kind),
        "hint": made.key.hint,
        "expires_at": made.key.expires_at,
        "key": made.text.get_secret_value(),
    }
    if made.secret is not None:
        view["secret"] = made.secret.get_secret_value()
    if as_json:
        output.data(view)
    else:
        output.fields(view)
    output.say("Keep it now: it is not shown again.")


@app.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """The keys that nobody has revoked; never their text."""
    now = session(ctx)
    keys = now.keys.list(now.org)
    if as_json:
        output.data(
            [
                {
                    "id": key.id,
                    "name": key.name,
                    "kind": str(key.kind),
                    "instance": key.instance,
                    "hint": key.hint,
                    "created_at": key.created_at,
                    "expires_at": key.expires_at,
                    "last_used_at": key.last_used_at,
                }
                for key in keys
            ]
        )
    else:
        output.table(
            ("name", "kind", "begins", "last used", "expires", "id"),
            [(key.name, str(key.kind), key.hint, key.last_used_at, key.expires_at, key.id) for key in keys],
        )


@app.command()
def revoke(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="KEY", help="Name or id of the key.")],
    yes: Yes = False,
) -> None:
    """Make a key, and the access tokens issued for it, open nothing any more."""
    now = session(ctx)
    confirm(f"Revoke the key {name}?", yes=yes)
    output.done(f"Key {now.keys.revoke(now.org, name).name} revoked.")
