"""Links that people get: one signs them in, one lets them sign up. Pages, so that looking spends nothing:
programs that preview messages follow links, and press no buttons.
"""

from urllib.parse import parse_qsl

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import SecretStr
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse

from towpath.api.console.accounts import Credentials, Newcomer, keep_session, sign_in, sign_up, slowly
from towpath.api.console.errors import errors
from towpath.api.console.members import COOKIE, actor_of, refuse_foreign
from towpath.api.kit.pages import button, field, form, no_store, page, small, text
from towpath.api.kit.routing import Router
from towpath.core.errors import TowpathError
from towpath.core.records import KeyKind
from towpath.services.people.accounts import Accounts

router = Router()

#: Where somebody who has come in goes on.
_INSIDE = "/"
_LONGEST_FORM = 10_000


@router.get("/login/link/{token}", include_in_schema=False)
def open_login_link(request: Request, token: str) -> Response:
    """A page with a button."""
    try:
        _accounts(request).check(KeyKind.LINK, token)
    except TowpathError as error:
        return _sorry(error)
    return _shown(
        page(
            "Sign in",
            text("This link signs you in, once."),
            button("Sign in"),
            small("If you did not ask for it, close the page: nothing has happened yet."),
            forms="",
        )
    )


@router.post("/login/link/{token}", include_in_schema=False)
def follow_login_link(request: Request, token: str) -> Response:
    """Sign in, and go on."""
    try:
        refuse_foreign(request)
        _, session = _accounts(request).follow_link(token, request.cookies.get(COOKIE, ""))
    except (TowpathError, HTTPException) as error:
        return _sorry(error)
    return _come_in(request, session.get_secret_value())


@router.get("/signup/{token}", include_in_schema=False)
def open_invitation(request: Request, token: str) -> Response:
    """A page that asks for a name and a password."""
    try:
        _accounts(request).check(KeyKind.INVITE, token)
    except TowpathError as error:
        return _sorry(error)
    return _asked()


@router.post("/signup/{token}", include_in_schema=False)
async def take_up_invitation(request: Request, token: str) -> Response:
    """Sign up, sign in, and go on."""
    newcomer = _newcomer(await request.body(), token)
    try:
        refuse_foreign(request)
        await slowly(request, lambda: sign_up(request, newcomer))
        session = await slowly(request, lambda: sign_in(request, _credentials(newcomer)))
    except (TowpathError, HTTPException) as error:
        if getattr(error, "code", "") == "invitation.invalid":
            return _sorry(error)
        return _asked(newcomer, error)
    return await run_in_threadpool(_come_in, request, session)


def _newcomer(body: bytes, token: str) -> Newcomer:
    given = dict(parse_qsl(body[:_LONGEST_FORM].decode(errors="replace")))
    return Newcomer(
        username=given.get("username", ""),
        password=SecretStr(given.get("password", "")),
        email=given.get("email", ""),
        invitation=token,
    )


def _credentials(newcomer: Newcomer) -> Credentials:
    return Credentials(username=newcomer.username, password=newcomer.password)


def _asked(before: Newcomer | None = None, error: TowpathError | HTTPException | None = None) -> Response:
    shown = page(
        "Sign up",
        text(_told(error) if error else "You are invited. Choose a name and a password."),
        form(
            "Sign up",
            field("Name", "username", "text", "username", before.username if before else ""),
            field("Password", "password", "password", "new-password"),
            field("E-mail", "email", "email", "email", (before and before.email) or "", needed=False),
        ),
        status=_status(error) if error else 200,
        forms="",
    )
    return _shown(shown)


def _shown(shown: HTMLResponse) -> HTMLResponse:
    # Without a referrer, browsers do not say either that the form is ours; the address goes to us alone.
    shown.headers["Referrer-Policy"] = "same-origin"
    return shown


def _come_in(request: Request, session: str) -> Response:
    answer = RedirectResponse(_INSIDE, 303, no_store())
    keep_session(request, answer, session)
    return answer


def _accounts(request: Request) -> Accounts:
    # Whoever holds the link: nobody that we know.
    return Accounts(request.app.state.rooms, actor_of(request, "link"))


def _sorry(error: TowpathError | HTTPException) -> Response:
    return page("This did not work", text(_told(error)), status=_status(error))


def _told(error: TowpathError | HTTPException) -> str:
    return error.detail if isinstance(error, HTTPException) else f"{error.message} {error.hint}"


def _status(error: TowpathError | HTTPException) -> int:
    return error.status_code if isinstance(error, HTTPException) else errors.status(error)
