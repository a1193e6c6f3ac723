"""Providers, and the organization's registrations with them."""

from typing import Annotated

from fastapi import Path, Request
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from towpath.api.broker.auth import Broker
from towpath.api.broker.documents import PROBLEMS
from towpath.api.broker.origins import callback
from towpath.api.kit.routing import Router
from towpath.core.errors import ConfigError
from towpath.core.records import Connection
from towpath.services.tokens.registry import Known, OAuthClients

router = Router(prefix="/v1/providers", tags=["Providers"])

ProviderName = Annotated[str, Path(max_length=50)]
_Word = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[^\x00-\x20]+$")]


class ProviderResponse(BaseModel):
    """A system whose credentials can be lent."""

    auth_types: Annotated[list[str], Field(description="How it knows its callers, the usual way first")]
    credentials: Annotated[list[str], Field(description="Names of the credentials that it knows")]
    has_client: Annotated[bool, Field(description="Whether your OAuth client is registered here")]
    name: str
    scopes: Annotated[list[str], Field(description="Asked for where a connection names none")]
    sign_in: Annotated[bool, Field(description="Whether customers can sign in by a connect link")]
    title: str


class ProviderListResponse(BaseModel):
    """All of them, in name order."""

    providers: list[ProviderResponse]
    total: int


class ClientPut(BaseModel):
    """What the provider's developer page shows."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"client_id": "…", "client_secret": "…"}}
    )

    client_id: _Word
    client_secret: Annotated[
        Annotated[SecretStr, Field(min_length=1, max_length=1000)] | None,
        Field(description="Stored encrypted; left out, the one that is there stays"),
    ] = None
    scopes: Annotated[list[_Word] | None, Field(max_length=100)] = None


class ClientResponse(BaseModel):
    """A registration, without its secret."""

    client_id: str
    has_secret: bool
    provider: str
    redirect_uri: Annotated[
        str | None, Field(description="To be entered at the provider; null until `public_url` is set")
    ]
    scopes: list[str]


@router.get("", summary="List Providers", responses=PROBLEMS)
def list_providers(broker: Broker) -> ProviderListResponse:
    """Every provider that is described here. Connections of others can be kept and lent all the same."""
    found = OAuthClients(*broker.use).providers(broker.org)
    return ProviderListResponse(providers=[_provider(one) for one in found], total=len(found))


@router.get("/{provider}/client", summary="Get OAuth Client", responses=PROBLEMS)
def get_client(broker: Broker, request: Request, provider: ProviderName) -> ClientResponse:
    """How your organization is registered with the provider."""
    return _client(request, OAuthClients(*broker.use).get(broker.org, provider))


@router.put("/{provider}/client", summary="Put OAuth Client", responses=PROBLEMS)
def put_client(broker: Broker, request: Request, provider: ProviderName, body: ClientPut) -> ClientResponse:
    """Register your OAuth client: people sign in through it, and their tokens are renewed with it."""
    clients = OAuthClients(*broker.use)
    row = clients.put(broker.org, provider, body.client_id, body.client_secret, body.scopes)
    return _client(request, row)


@router.delete("/{provider}/client", status_code=204, summary="Delete OAuth Client", responses=PROBLEMS)
def delete_client(broker: Broker, provider: ProviderName) -> None:
    """Forget the registration. Tokens that it got are lent until they end, and not renewed."""
    OAuthClients(*broker.use).delete(broker.org, provider)


def _provider(known: Known) -> ProviderResponse:
    connector = known.connector
    return ProviderResponse(
        auth_types=[str(auth) for auth in connector.auth],
        credentials=list(connector.config.model_fields),
        has_client=known.has_client,
        name=connector.name,
        scopes=list(connector.oauth.scopes) if connector.oauth else [],
        sign_in=bool(connector.oauth and connector.oauth.authorize_url),
        title=connector.title,
    )


def _client(request: Request, row: Connection) -> ClientResponse:
    try:
        redirect_uri = callback(request)
    except ConfigError:
        redirect_uri = None
    return ClientResponse(
        client_id=row.config["client_id"],
        has_secret=row.config.get("client_secret") is not None,
        provider=row.config["provider"],
        redirect_uri=redirect_uri,
        scopes=list(row.config.get("scopes") or ()),
    )
