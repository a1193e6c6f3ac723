"""The settings of a MySQL or MariaDB connection."""

from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from towpath.sdk import pem


class Tls(StrEnum):
    """How much TLS to insist on."""

    DISABLE = "disable"
    """None at all."""
    PREFER = "prefer"
    """If the server offers it; whoever it is."""
    REQUIRE = "require"
    """Always; whoever the server is."""
    VERIFY_CA = "verify-ca"
    """Always, and the server's certificate must be trusted, whatever host it names."""
    VERIFY = "verify"
    """Always, and the server's certificate must be trusted and name the host."""


class SpecialValues(StrEnum):
    """What becomes of values that no Arrow type can hold."""

    ERROR = "error"
    NULL = "null"


class MySQLConfig(BaseModel):
    """Where the server is, who we are there, and how its values are read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(min_length=1, title="Host", description="Name or address of the server.")
    port: int = Field(3306, ge=1, le=65535, title="Port")
    database: str = Field(min_length=1, title="Database")
    username: str = Field(min_length=1, title="User name")
    password: SecretStr = Field(SecretStr(""), title="Password")
    tls: Tls = Field(Tls.PREFER, title="TLS", description="Over the internet use verify.")
    tls_ca: str = Field(
        "",
        title="CA certificate",
        description="File with the certificates to trust; empty for those of the system.",
    )
    ca_certificate: pem.Certificates = Field(
        "",
        title="CA certificate as text",
        description="Instead of a file: the certificates to trust, in PEM form.",
    )
    client_certificate: pem.Certificates = Field(
        "",
        title="Client certificate",
        description="In PEM form, where the server asks for one. Not with tls disable or prefer.",
    )
    client_key: pem.PrivateKey = Field(
        SecretStr(""),
        title="Client key",
        description="The certificate's private key in PEM form, without a passphrase.",
    )
    parallel: int = Field(
        1,
        ge=1,
        le=16,
        title="Connections for each table",
        description="More than one needs the RELOAD privilege: all writes wait for a moment at the start.",
    )
    special_values: SpecialValues = Field(
        SpecialValues.ERROR,
        title="Zero dates",
        description="Dates such as 0000-00-00 or 2024-02-00: fail, or read as null.",
    )

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if self.tls_ca and self.ca_certificate:
            raise ValueError("give tls_ca or ca_certificate, and not both")
        pem.check_pair(self.client_certificate, self.client_key)
        return self
