"""The type ``rdbms``: databases that speak SQL."""

from collections.abc import Mapping
from typing import Any

from towpath.api.integrator.connection_types.kind import ConnectionType, Settings
from towpath.api.integrator.connection_types.stored import kept
from towpath.api.integrator.connection_types.tables import Row, Table, at, number, section, settings, text
from towpath.api.integrator.errors import Fault, required

_SERVER: Table = (
    Row("host", "host", text),
    Row("port", "port", number),
    Row("database", "database", text),
    Row("username", "username", text),
    Row("user", "username", text),
    Row("password", "password", text),
)
_POSTGRES: Table = (
    *_SERVER,
    Row("ssl.ca", "ca_certificate", text),
    Row("ssl.cert", "client_certificate", text),
    Row("ssl.key", "client_key", text),
)
_SNOWFLAKE: Table = (
    Row("snowflake.account", "account", text),
    Row("host", "account", lambda value: text(value).removesuffix(".snowflakecomputing.com")),
    Row("database", "database", text),
    Row("username", "username", text),
    Row("user", "username", text),
    Row("password", "password", text),
    Row("snowflake.warehouse", "warehouse", text),
    Row("snowflake.schema", "namespace", text),
    Row("snowflake.role", "role", text),
)
_BIGQUERY: Table = (
    Row("bigquery.projectId", "destination_project_id", text),
    Row("bigquery.dataset", "bq_dataset", text),
    Row("bigquery.credential", "credential", text),
)

#: Connector and fields, by ``rdbms.type``.
_DATABASES: Mapping[str, tuple[str, Table, tuple[str, ...]]] = {
    "postgresql": ("postgres", _POSTGRES, ("host", "database", "username")),
    "postgres": ("postgres", _POSTGRES, ("host", "database", "username")),
    "mysql": ("mysql", _SERVER, ("host", "database", "username")),
    "mariadb": ("mysql", _SERVER, ("host", "database", "username")),
    "snowflake": ("snowflake", _SNOWFLAKE, ("account", "database", "username")),
    "bigquery": ("bigquery", _BIGQUERY, ("destination_project_id", "bq_dataset")),
}
_NAMES: Mapping[str, str] = {"postgres": "postgresql", "mysql": "mysql"}


def read_rdbms(document: Mapping[str, Any], faults: list[Fault]) -> Settings:
    part = document.get("rdbms")
    if not isinstance(part, Mapping):
        faults.append(required("rdbms"))
        return kept("rdbms")
    kind = str(part.get("type") or "").lower()
    if not kind:
        faults.append(required("rdbms.type"))
    if kind not in _DATABASES:
        return kept(kind or "rdbms")
    connector, table, needed = _DATABASES[kind]
    config = settings(table, part, "rdbms", faults)
    places = {row.ours: f"rdbms.{row.theirs}" for row in reversed(table)}
    faults += [required(places[name]) for name in needed if not config.get(name)]
    return Settings(connector, config, places=places)


def write_rdbms(config: Mapping[str, Any]) -> dict[str, Any]:
    """Of a server that is like PostgreSQL and MySQL; its connector is not in the configuration."""
    return section(_POSTGRES, config)


def named(connector: str, part: dict[str, Any]) -> dict[str, Any]:
    """The section, with the kind of database."""
    first = {"type": _NAMES.get(connector, connector)}
    return first | {name: value for name, value in part.items() if at(part, name) is not None}


RDBMS = ConnectionType("rdbms", read_rdbms, write_rdbms, level=10)
