"""``towpath users``."""

import sys
from typing import Annotated

import typer

from towpath.cli import output
from towpath.cli.session import AsJson, Yes, confirm, session

app = typer.Typer(help="People who sign in.")


@app.command()
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What the user signs in with.")],
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    email: Annotated[str | None, typer.Option(help="Electronic mail address.")] = None,
    as_json: AsJson = False,
) -> None:
    """Add a user. The password is asked for, or read from standard input; never an argument."""
    from pydantic import SecretStr

    password = SecretStr(_password(stdin=password_stdin))
    now = session(ctx)
    user = now.users.create(now.org, name, password, email)
    if as_json:
        output.data({"id": user.id, "name": user.name, "email": user.email})
    output.done(f"User {user.name} created.")


def _password(*, stdin: bool) -> str:
    if stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


@app.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """All users."""
    now = session(ctx)
    users = now.users.list(now.org)
    if as_json:
        output.data([{"id": u.id, "name": u.name, "email": u.email, "disabled": u.disabled} for u in users])
    else:
        output.table(
            ("name", "email", "disabled", "id"), [(u.name, u.email, u.disabled, u.id) for u in users]
        )


@app.command()
def delete(
    ctx: typer.Context, name: Annotated[str, typer.Argument(metavar="USER")], yes: Yes = False
) -> None:
    """Remove a user."""
    now = session(ctx)
    confirm(f"Delete the user {name}?", yes=yes)
    output.done(f"User {now.users.delete(now.org, name).name} deleted.")
