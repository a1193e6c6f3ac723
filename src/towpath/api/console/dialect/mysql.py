"""The source type ``mysql``."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr

from towpath.api.console.dialect import trees
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
from towpath.api.console.dialect.settings import Settings, unsupported
from towpath.api.console.dialect.worded import Worded
from towpath.core.ports import Connector

#: What is called otherwise with us.
_MODES = {"verify-full": "verify"}
_MODES_BACK = {ours: theirs for theirs, ours in _MODES.items()}


class _Ssl(Ssl):
    mode: Literal["disable", "prefer", "require", "verify-ca", "verify-full"] = Field(
        "prefer", title="SSL mode", description="Over the internet use verify-full."
    )


class _Cdc(Settings):
    """Changes are read from the server's log, where the streams offer it."""

    type: Literal["CDC"]
    initial_wait_time: int = Field(10, ge=0, title="Initial wait time", description="In seconds.")


class MySQLSettings(Settings):
    """Where the server is, and who we are there."""

    hosts: str = Field(min_length=1, title="Host")
    port: int = Field(3306, ge=1, le=65535, title="Port")
    database: str = Field(min_length=1, title="Database")
    username: str = Field(min_length=1, title="User name")
    password: SecretStr = Field(SecretStr(""), title="Password")
    ssl: _Ssl = Field(_Ssl(), title="SSL")
    tls_skip_verify: bool = Field(
        True, title="Skip TLS verification", description="Of no effect beside an SSL mode."
    )
    update_method: Annotated[Standalone | _Cdc, Field(discriminator="type")] = Field(
        Standalone(type="Standalone"), title="Update method"
    )
    ssh_config: NoTunnel = Field(NoTunnel(type="no_tunnel"), title="SSH tunnel")
    # No equal of `parallel`, for which all commits of the server wait for a moment.
    max_threads: MaxThreads = Field(3, title="Threads", description="Kept, and of no effect here.")
    backoff_retry_count: Retries = Field(3, title="Retries")
    jdbc_url_params: dict[str, Any] = Field(
        {}, title="JDBC URL parameters", description="Kept, and of no effect here."
    )


def _refuse(config: Mapping[str, Any]) -> None:
    refuse_tunnel(config)
    refuse_parameters(config)
    if config.get("tls_skip_verify") is False and not trees.at(config, "ssl.mode"):
        raise unsupported(
            "tls_skip_verify",
            "By itself, tls_skip_verify does not say how to verify the server.",
            "Set ssl.mode to verify-full, or to verify-ca if the certificate does not name the host.",
        )


def kind(connector: Connector[Any]) -> Worded:
    """The type, over our connector of the same name."""
    mode = Setting(
        "ssl.mode",
        "tls",
        to_ours=lambda mode: _MODES.get(mode, mode),
        to_theirs=lambda tls: _MODES_BACK.get(tls, tls),
    )
    rules = (
        Setting("hosts", "host"),
        *(Setting(name, name) for name in ("port", "database", "username")),
        Setting("password", "password", secret=True),
        *ssl_rules(mode, "tls_ca"),
    )
    return Worded("mysql", connector, MySQLSettings, rules, _refuse)
