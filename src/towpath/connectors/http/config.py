"""The settings of an HTTP destination."""

import re
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: Set by the client itself, or able to break a message in two.
_RESERVED = {"host", "content-length", "content-type", "transfer-encoding", "connection"}


class Body(StrEnum):
    """What one request carries."""

    SINGLE = "single"
    """One record, as a JSON object."""
    ARRAY = "array"
    """Several records, as a JSON array of objects."""
    NDJSON = "ndjson"
    """Several records, one JSON object a line."""


class OnBatchError(StrEnum):
    """What to do with a batch that the server refuses."""

    SPLIT = "split"
    """Send its records one by one, each as a batch of one, to find the ones at fault."""
    REJECT = "reject"
    """Reject all of its records."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NoAuth(_Model):
    """No credentials."""

    type: Literal["none"] = "none"


class BearerAuth(_Model):
    """``Authorization: Bearer …``."""

    type: Literal["bearer"] = "bearer"
    token: SecretStr = Field(min_length=1)


class BasicAuth(_Model):
    """User name and password."""

    type: Literal["basic"] = "basic"
    username: str
    password: SecretStr


class ApiKeyAuth(_Model):
    """A key in a header or in the query of the URL."""

    type: Literal["api_key"] = "api_key"
    name: str = Field(min_length=1, description="Name of the header or query parameter.")
    value: SecretStr = Field(min_length=1)
    place: Literal["header", "query"] = "header"


Auth = Annotated[NoAuth | BearerAuth | BasicAuth | ApiKeyAuth, Field(discriminator="type")]


class HttpConfig(_Model):
    """Where to send records to, in what form, and how patiently."""

    url: str = Field(
        title="URL", min_length=8, description="http or https; must be reachable publicly or allowed."
    )
    method: Literal["POST", "PUT", "PATCH"] = Field("POST", title="Method")
    body: Body = Field(Body.ARRAY, title="Body")
    batch_size: int = Field(
        100, ge=1, le=10_000, title="Batch size", description="Most records in one request."
    )
    headers: dict[str, str] = Field(default_factory=dict, title="Headers")
    secret_headers: dict[str, SecretStr] = Field(default_factory=dict, title="Secret headers")
    auth: Auth = Field(default_factory=NoAuth, title="Authentication")
    key: str | None = Field(
        None, title="Order by", description="Column: records with the same value in it are sent in order."
    )
    concurrency: int = Field(1, ge=1, le=16, title="Requests at once")
    idempotency_header: str | None = Field("Idempotency-Key", title="Idempotency header")
    signing_secret: SecretStr | None = Field(
        None,
        title="Signing secret",
        description="A Standard Webhooks secret, whsec_…; each request is signed.",
    )
    on_batch_error: OnBatchError = Field(OnBatchError.SPLIT, title="A refused batch")
    timeout: float = Field(30, gt=0, le=600, title="Time-out", description="Seconds for one request.")
    max_attempts: int = Field(5, ge=1, le=20, title="Attempts", description="For one request.")
    ca_file: str | None = Field(None, title="CA certificate", description="A PEM file, for a private CA.")

    @field_validator("headers", "secret_headers")
    @classmethod
    def _are_headers(cls, value: dict[str, str | SecretStr]) -> dict[str, str | SecretStr]:
        for name, text in value.items():
            _check_header(name, text.get_secret_value() if isinstance(text, SecretStr) else text)
        return value

    @field_validator("idempotency_header")
    @classmethod
    def _is_header(cls, value: str | None) -> str | None:
        if value:
            _check_header(value, "")
        return value or None


def _check_header(name: str, text: str) -> None:
    if not _TOKEN.fullmatch(name) or name.lower() in _RESERVED:
        raise ValueError(f"{name!r} cannot be set as a header")
    if any(ord(char) < ord(" ") or ord(char) > ord("~") for char in text):
        raise ValueError(f"the value of header {name!r} may hold printable ASCII characters only")
