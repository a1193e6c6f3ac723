"""The settings of a MySQL or MariaDB connection."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class Tls(StrEnum):
    """How much TLS to insist on."""

    DISABLE = "disable"
    """None at all."""
    PREFER = "prefer"
    """If the server offers it; whoever it is."""
    REQUIRE = "require"
    """Always; whoever the server is."""
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
        description="File with the certificates to trust for verify; empty for those of the system.",
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
