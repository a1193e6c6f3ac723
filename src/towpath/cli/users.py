"""``towpath users``."""

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from towpath.cli import output
from towpath.cli.session import AsJson, Session, Yes, confirm, session

if TYPE_CHECKING:
    from pydantic import SecretStr

    from towpath.services.people.onetime import OneTimeKeys

app = typer.Typer(help="People who sign in.")

Name = Annotated[str, typer.Argument(metavar="USER", help="Name or id of the user.")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


class Role(StrEnum):
    """What a person may do."""

    OWNER = "owner"
    MEMBER = "member"


@app.command()
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What the user signs in with.")],
    password_stdin: FromStdin = False,
    email: Annotated[str | None, typer.Option(help="Electronic mail address.")] = None,
    role: Annotated[
        Role | None, typer.Option(help="Without: the first user is the owner, others are members.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add a user. The password is asked for, or read from standard input; never an argument."""
    from towpath.core import records

    password = _password(stdin=password_stdin)
    now = session(ctx)
    user = now.users.create(now.org, name, password, email, records.Role(role) if role else None)
    if as_json:
        output.data({"id": user.id, "name": user.name, "email": user.email, "role": str(user.role)})
    output.done(f"User {user.name} created: {user.role}.")


def _password(*, stdin: bool) -> "SecretStr":
    from pydantic import SecretStr

    if stdin:
        return SecretStr(sys.stdin.readline().rstrip("\r\n"))
    return SecretStr(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


@app.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """All users."""
    now = session(ctx)
    users = now.users.list(now.org)
    if as_json:
        output.data(
            [
                {"id": u.id, "name": u.name, "email": u.email, "role": str(u.role), "disabled": u.disabled}
                for u in users
            ]
        )
    else:
        output.table(
            ("name", "role", "email", "disabled", "id"),
            [(u.name, str(u.role), u.email, u.disabled, u.id) for u in users],
        )


@app.command()
def update(
    ctx: typer.Context,
    name: Name,
    role: Annotated[Role | None, typer.Option(help="What the user may do.")] = None,
    email: Annotated[str | None, typer.Option(help="Electronic mail address.")] = None,
    disabled: Annotated[
        bool | None, typer.Option("--disable/--enable", help="Whether the user is kept out.")
    ] = None,
) -> None:
    """Change a user. Disabling one ends all sessions of the user."""
    from towpath.core import records

    given: dict[str, Any] = {"role": role and records.Role(role), "email": email, "disabled": disabled}
    changes = {key: value for key, value in given.items() if value is not None}
    if not changes:
        raise typer.BadParameter("give --role, --email, --disable or --enable")
    now = session(ctx)
    output.done(f"User {now.users.update(now.org, name, **changes).name} changed.")


@app.command()
def passwd(ctx: typer.Context, name: Name, password_stdin: FromStdin = False) -> None:
    """Set a user's password. All sessions of the user end."""
    password = _password(stdin=password_stdin)
    now = session(ctx)
    user = now.users.update(now.org, name, password=password)
    output.done(f"User {user.name} has a new password; all sessions have ended.")


@app.command()
def link(ctx: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Make a link that signs a user in, once, within ten minutes."""
    now = session(ctx)
    made = _keys(now).link(now.org, name)
    _show(f"{_base(now)}/login/link/{made.token.get_secret_value()}", made.expires_at, as_json=as_json)


@app.command()
def invite(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Make a link by which one person can sign up, within seven days."""
    now = session(ctx)
    made = _keys(now).invite(now.org)
    token = made.token.get_secret_value()
    _show(f"{_base(now)}/signup/{token}", made.expires_at, as_json=as_json, token=token)


def _show(url: str, end: Any, *, as_json: bool, **more: str) -> None:
    if as_json:
        output.data({"link": url, "expires_at": end, **more})
    else:
        output.fields({"link": url, "expires_at": end})
    output.say("Give it to nobody else: whoever opens it first comes in.")


def _keys(now: Session) -> "OneTimeKeys":
    from towpath.services.people.onetime import OneTimeKeys

    return OneTimeKeys(now.container, now.actor)


def _base(now: Session) -> str:
    settings = now.container.settings
    return settings.public_url or f"http://127.0.0.1:{settings.port}"


@app.command()
def delete(
    ctx: typer.Context, name: Annotated[str, typer.Argument(metavar="USER")], yes: Yes = False
) -> None:
    """Remove a user. What the user has made stays."""
    now = session(ctx)
    confirm(f"Delete the user {name}?", yes=yes)
    output.done(f"User {now.users.delete(now.org, name).name} deleted.")
