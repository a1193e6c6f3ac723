"""Connect links: made by programs, opened by people, who sign in at a provider and come back."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import RedirectResponse

from towpath.api.broker import translate
from towpath.api.broker.auth import Broker
from towpath.api.broker.documents import PROBLEMS
from towpath.api.broker.errors import errors
from towpath.api.broker.origins import CALLBACK, callback
from towpath.api.kit.defects import request_id
from towpath.api.kit.origins import origin
from towpath.api.kit.pages import button, no_store, page, small, text, way_back
from towpath.api.kit.routing import Router
from towpath.core.errors import TowpathError
from towpath.services.context import Actor
from towpath.services.signins.signins import LIFE, Arrival, SignIns
from towpath.services.signins.tickets import is_secret, new_browser

router = Router(prefix="/v1/customers/{customer_id}/connections", tags=["Connections"])
pages = Router(prefix="/connect")


class ConnectLinkCreate(BaseModel):
    """How the sign-in ends."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {}})

    return_url: Annotated[
        str | None, Field(description="Where the person can go on to afterwards", max_length=500)
    ] = None


class ConnectLinkResponse(BaseModel):
    """A link for one person; give it to nobody else."""

    expires_at: datetime
    url: str


@router.post("/{connection_id}/connect", status_code=201, summary="Create Connect Link", responses=PROBLEMS)
def create_connect_link(
    broker: Broker,
    request: Request,
    customer_id: UUID,
    connection_id: UUID,
    body: ConnectLinkCreate | None = None,
) -> ConnectLinkResponse:
    """A link by which a person signs in at the provider; the connection becomes `active` then.

    It can be used once, in one browser, within an hour.
    """
    base = origin(request)
    link = SignIns(*broker.use).begin(
        broker.org,
        translate.customer_id(customer_id),
        translate.connection_id(connection_id),
        body.return_url if body else None,
    )
    return ConnectLinkResponse(url=f"{base}/connect/{link.token}", expires_at=link.expires_at)


@pages.get(CALLBACK.removeprefix("/connect"), include_in_schema=False)
def come_back(request: Request) -> Response:
    """Where the provider sends the browser."""
    answer = dict(request.query_params)
    try:
        browser = request.cookies.get(_cookie(origin(request)))
        arrival = _sign_ins(request).arrive(answer, browser, callback(request))
    except TowpathError as error:
        return _sorry(error)
    return _welcome(arrival)


@pages.get("/{token}", include_in_schema=False)
def open_link(request: Request, token: str) -> Response:
    """Say who asks for what, and give the browser its secret."""
    try:
        base = origin(request)
        offer = _sign_ins(request).offer(token)
    except TowpathError as error:
        return _sorry(error)
    shown = page(
        f"Connect {offer.provider}",
        text(f"{offer.organization} asks to be connected with your {offer.provider} account."),
        text(
            f"It will be called “{offer.connection}” there. {offer.provider} will tell you what is asked for."
        ),
        button(f"Go on to {offer.provider}"),
        small("If you did not expect this, close the page: nothing has happened yet."),
        forms="http:" if base.startswith("http:") else "",
    )
    if not is_secret(request.cookies.get(_cookie(base))):
        _set_cookie(shown, base)
    return shown


@pages.post("/{token}", include_in_schema=False)
def follow_link(request: Request, token: str) -> Response:
    """On to the provider, from this browser and no other from now on."""
    try:
        browser = request.cookies.get(_cookie(origin(request)))
        if browser is None or not is_secret(browser):
            return _no_cookie()
        url = _sign_ins(request).leave(token, browser, callback(request))
    except TowpathError as error:
        return _sorry(error)
    return RedirectResponse(url, 303, no_store())


def _sign_ins(request: Request) -> SignIns:
    address = request.client.host if request.client else None
    # Whoever holds the link: nobody that we know.
    return SignIns(request.app.state.rooms, Actor("link", address, request_id(request.scope)))


def _cookie(base: str) -> str:
    """With its prefix a browser takes it from this host alone, over TLS."""
    return "__Host-towpath-connect" if base.startswith("https:") else "towpath-connect"


def _set_cookie(response: Response, base: str) -> None:
    response.set_cookie(
        _cookie(base),
        new_browser(),
        max_age=int(LIFE.total_seconds()),
        path="/",
        secure=base.startswith("https:"),
        httponly=True,
        samesite="lax",
    )


def _welcome(arrival: Arrival) -> Response:
    offer = arrival.offer
    if arrival.error is not None:
        return _sorry(arrival.error, arrival.return_url)
    return page(
        "Connected",
        text(f"{offer.organization} is now connected with your {offer.provider} account."),
        way_back(arrival.return_url) or text("You can close this page."),
    )


def _sorry(error: TowpathError, return_url: str | None = None) -> Response:
    parts = [text(error.message), text(error.hint), way_back(return_url)]
    return page("Not connected", *parts, status=_status(error))


def _status(error: TowpathError) -> int:
    status = errors.status(error)
    return 400 if status in (401, 422, 424) else status


def _no_cookie() -> Response:
    return page(
        "Not connected",
        text("Your browser did not keep the cookie that ties this sign-in to it."),
        text("Allow cookies for this site, and open the link again."),
        status=400,
    )
