"""The settings of a Snowflake connection."""

import base64
import binascii
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator


class Protocol(StrEnum):
    """How the endpoint is spoken to."""

    HTTPS = "https"
    HTTP = "http"


class SnowflakeConfig(BaseModel):
    """Which account, who we are there, and what we use and write to."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    account: str = Field(
        min_length=1, title="Account", description="The account's identifier, such as myorg-myaccount."
    )
    username: str = Field(min_length=1, title="User name")
    password: SecretStr = Field(
        SecretStr(""),
        title="Password or token",
        description="A password, or a programmatic access token. Use a private key where you can.",
    )
    private_key: SecretStr = Field(
        SecretStr(""), title="Private key", description="In PEM form, as `-----BEGIN PRIVATE KEY-----`."
    )
    private_key_passphrase: SecretStr = Field(SecretStr(""), title="Passphrase of the private key")
    warehouse: str = Field("", title="Warehouse", description="Empty for the user's own default.")
    database: str = Field(min_length=1, title="Database")
    namespace: str = Field(
        "PUBLIC", alias="schema", min_length=1, title="Schema", description="It is made if need be."
    )
    role: str = Field("", title="Role", description="Empty for the user's own default.")
    host: str = Field("", title="Host", description="Of a private endpoint; empty for the account's own.")
    port: int | None = Field(None, ge=1, le=65535, title="Port")
    protocol: Protocol = Field(Protocol.HTTPS, title="Protocol")

    @field_validator("private_key")
    @classmethod
    def _is_a_key(cls, value: SecretStr) -> SecretStr:
        der(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _has_credentials(self) -> Self:
        if bool(self.password.get_secret_value()) == bool(self.private_key.get_secret_value()):
            raise ValueError("give a password or a private key, and not both")
        return self


def der(pem: str) -> bytes:
    """The key that the PEM text holds; empty for an empty text. Raises `ValueError` without telling it."""
    lines = [line.strip() for line in pem.strip().replace("\\n", "\n").splitlines()]
    if not lines:
        return b""
    try:
        found = base64.b64decode("".join(line for line in lines if "-----" not in line), validate=True)
    except binascii.Error:
        found = b""
    if not found or "PRIVATE KEY" not in lines[0] or "RSA" in lines[0]:
        raise ValueError("it is no PKCS #8 private key in PEM form (openssl pkcs8 -topk8)")
    return found
