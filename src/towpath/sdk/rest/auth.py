"""The ways in which a system knows its callers, as a connector's file describes them."""

from abc import ABC, abstractmethod
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from towpath.core.ports import AuthType, OAuth
from towpath.sdk.rest import template

#: A text with ``{field}`` in it.
Template = Annotated[str, AfterValidator(template.check)]


class Part(BaseModel):
    """A part of the file: what it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _Auth(Part, ABC):
    requires: tuple[str, ...] = Field(
        (), description="Credentials that are needed besides those that the templates use."
    )

    @abstractmethod
    def templates(self) -> tuple[str, ...]:
        """What it sends, as templates."""

    def credentials(self) -> tuple[str, ...]:
        """Names of all credentials that requests need."""
        used = [name for text in self.templates() for name in template.names(text)]
        return tuple(dict.fromkeys([*used, *self.requires]))


class OAuth2Auth(_Auth):
    """OAuth 2: tokens are issued and renewed by the system; see `towpath.core.ports.OAuth`."""

    type: Literal["oauth2"]
    token_url: Template = Field(min_length=1, description="Where tokens are issued.")
    authorize_url: Template = Field("", description="Where a person agrees; empty: nobody is asked.")
    revoke_url: Template = Field("", description="Where tokens are revoked (RFC 7009).")
    issuer: str = Field("", description="What `iss` in the answer must be (RFC 9207).")
    scopes: tuple[str, ...] = Field((), description="Asked for where a connection names none.")
    scope_separator: str = " "
    pkce: bool = True
    client_auth: Literal["client_secret_basic", "client_secret_post"] = "client_secret_basic"
    authorize_parameters: dict[str, str] = Field(default_factory=dict)
    token_parameters: dict[str, str] = Field(default_factory=dict)
    header: str = Field("Authorization", description="The header that carries the token.")
    value: Template = Field("Bearer {access_token}", description="What that header holds.")

    def templates(self) -> tuple[str, ...]:
        return (self.value,)

    def public(self) -> OAuth:
        """The public side of the provider."""
        own = self.model_dump(exclude={"type", "requires", "header", "value"})
        return OAuth(**own)


class ApiKeyAuth(_Auth):
    """A key in a header or in the query of every request."""

    type: Literal["api_key"]
    header: str | None = Field(None, description="The header that carries the key.")
    query: str | None = Field(None, description="The query parameter that carries the key.")
    value: Template = Field("{api_key}", description="What the header or parameter holds.")

    @model_validator(mode="after")
    def _one_place(self) -> "ApiKeyAuth":
        if (self.header is None) == (self.query is None):
            raise ValueError("name either a header or a query parameter")
        return self

    def templates(self) -> tuple[str, ...]:
        return (self.value,)


class BasicAuth(_Auth):
    """User name and password (RFC 7617)."""

    type: Literal["basic"]
    username: Template = "{username}"
    password: Template = "{password}"  # noqa: S105 - a template, not a password

    def templates(self) -> tuple[str, ...]:
        return (self.username, self.password)


Auth = Annotated[OAuth2Auth | ApiKeyAuth | BasicAuth, Field(discriminator="type")]


def kind(auth: OAuth2Auth | ApiKeyAuth | BasicAuth) -> AuthType:
    """Its type, as `Connector.auth` has it."""
    return AuthType(auth.type)
