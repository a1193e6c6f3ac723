"""The settings of a PostgreSQL connection."""

from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from towpath.sdk import pem


class SslMode(StrEnum):
    """How much TLS to insist on; the words and meanings are libpq's own."""

    DISABLE = "disable"
    ALLOW = "allow"
    PREFER = "prefer"
    REQUIRE = "require"
    VERIFY_CA = "verify-ca"
    VERIFY_FULL = "verify-full"


class SpecialValues(StrEnum):
    """What becomes of values that no Arrow type can hold."""

    ERROR = "error"
    NULL = "null"


class Arrays(StrEnum):
    """What array columns become."""

    LIST = "list"
    TEXT = "text"


class PostgresConfig(BaseModel):
    """Where the server is, who we are there, and how its values are read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(min_length=1, title="Host", description="Name or address of the server.")
    port: int = Field(5432, ge=1, le=65535, title="Port")
    database: str = Field(min_length=1, title="Database")
    username: str = Field(min_length=1, title="User name")
    password: SecretStr = Field(SecretStr(""), title="Password")
    sslmode: SslMode = Field(SslMode.PREFER, title="TLS", description="Over the internet use verify-full.")
    sslrootcert: str = Field(
        "",
        title="CA certificate",
        description="File with the certificates to trust; empty for those of the system (verify-full).",
    )
    ca_certificate: pem.Certificates = Field(
        "",
        title="CA certificate as text",
        description="Instead of a file: the certificates to trust, in PEM form.",
    )
    client_certificate: pem.Certificates = Field(
        "",
        title="Client certificate",
        description="In PEM form, where the server asks for one.",
    )
    client_key: pem.PrivateKey = Field(
        SecretStr(""),
        title="Client key",
        description="The certificate's private key in PEM form, without a passphrase.",
    )
    schemas: tuple[str, ...] = Field(
        (), title="Schemas", description="The schemas whose tables are discovered; none for all."
    )
    parallel: int = Field(
        4,
        ge=1,
        le=64,
        title="Parallel slices",
        description="How many pieces a large table is cut into, at least.",
    )
    special_values: SpecialValues = Field(
        SpecialValues.ERROR,
        title="Special values",
        description="NaN and infinities in decimals, infinite dates and times: fail, or read as null.",
    )
    arrays: Arrays = Field(
        Arrays.LIST,
        title="Arrays",
        description="Read one-dimensional arrays as lists, or every array as PostgreSQL's own text.",
    )

    @model_validator(mode="after")
    def _verifiable(self) -> Self:
        if self.sslmode is SslMode.VERIFY_CA and not (self.sslrootcert or self.ca_certificate):
            raise ValueError("sslmode verify-ca needs sslrootcert or ca_certificate, the CA to trust")
        if self.sslrootcert and self.ca_certificate:
            raise ValueError("give sslrootcert or ca_certificate, and not both")
        pem.check_pair(self.client_certificate, self.client_key)
        return self
