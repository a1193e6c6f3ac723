"""The source type ``postgres``."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, model_validator

from towpath.api.console.dialect.databases import (
    MaxThreads,
    NoTunnel,
    Retries,
    Ssl,
    Standalone,
    refuse_parameters,
    refuse_tunnel,
    ssl_rules,
)
from towpath.api.console.dialect.rules import Setting
from towpath.api.console.dialect.settings import Settings
from towpath.api.console.dialect.worded import Worded
from towpath.core.ports import Connector

#: The most that the connector takes.
_MOST_THREADS = 64


class _Ssl(Ssl):
    mode: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] = Field(
        "prefer", title="SSL mode", description="Over the internet use verify-full."
    )

    @model_validator(mode="after")
    def _verifiable(self) -> "_Ssl":
        if self.mode == "verify-ca" and not (self.server_ca or self.server_ca_file):
            raise ValueError("mode verify-ca needs server_ca, the certificates to trust")
        return self


class _Cdc(Settings):
    """Changes are read from the server's log, where the streams offer it."""

    type: Literal["CDC"]
    replication_slot: str = Field("", title="Replication slot")
    publication: str = Field("", title="Publication")
    initial_wait_time: int = Field(120, ge=0, title="Initial wait time", description="In seconds.")
    plugin_args: dict[str, str] = Field({}, title="Plugin arguments")


class PostgresSettings(Settings):
    """Where the server is, who we are there, and what is read."""

    host: str = Field(min_length=1, title="Host")
    port: int = Field(5432, ge=1, le=65535, title="Port")
    database: str = Field(min_length=1, title="Database")
    username: str = Field(min_length=1, title="User name")
    password: SecretStr = Field(SecretStr(""), title="Password")
    schemas: list[str] = Field([], title="Schemas", description="What is looked through; none for all.")
    ssl: _Ssl = Field(_Ssl(), title="SSL")
    update_method: Annotated[Standalone | _Cdc, Field(discriminator="type")] = Field(
        Standalone(type="Standalone"), title="Update method"
    )
    ssh_config: Annotated[NoTunnel, Field(title="SSH tunnel")] = NoTunnel(type="no_tunnel")
    max_threads: MaxThreads = Field(4, title="Threads", description="Pieces that a large table is cut into.")
    retry_count: Retries = Field(3, title="Retries")
    jdbc_url_params: dict[str, Any] = Field(
        {}, title="JDBC URL parameters", description="Kept, and of no effect here."
    )


def _refuse(config: Mapping[str, Any]) -> None:
    refuse_tunnel(config)
    refuse_parameters(config)


def kind(connector: Connector[Any]) -> Worded:
    """The type, over our connector of the same name."""
    same = ("host", "port", "database", "username", "schemas")
    rules = (
        *(Setting(name, name) for name in same),
        Setting("password", "password", secret=True),
        *ssl_rules(Setting("ssl.mode", "sslmode"), "sslrootcert"),
        Setting("max_threads", "parallel", to_ours=lambda threads: min(int(float(threads)), _MOST_THREADS)),
    )
    return Worded("postgres", connector, PostgresSettings, rules, _refuse)
