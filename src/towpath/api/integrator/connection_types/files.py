"""The types ``ftp``, ``sftp`` and ``s3``: file servers, and files in buckets."""

from collections.abc import Mapping
from typing import Any

from towpath.api.integrator.connection_types.kind import ConnectionType, Settings
from towpath.api.integrator.connection_types.tables import (
    Row,
    Table,
    number,
    one_of,
    section,
    settings,
    text,
    yes,
)
from towpath.api.integrator.errors import Fault, required


def _host(value: Any) -> str:
    """The name alone: some write it like a URL."""
    return text(value).strip().partition("://")[2].rstrip("/") or text(value).strip().rstrip("/")


def _parser(value: Any) -> str:
    return text(value).upper().removeprefix("SYST_")


_FTP: Table = (
    Row("type", "protocol", one_of("ftp", "ftps", "sftp")),
    Row("hostURI", "host", _host),
    Row("port", "port", number),
    Row("username", "username", text),
    Row("password", "password", text),
    Row("authKey", "private_key", text),
    Row("passphrase", "passphrase", text),
    Row("usePassiveMode", "passive", yes),
    Row("userDirectoryIsRoot", "user_directory_is_root", yes),
    Row("entryParserFtpClientConfig", "entry_parser", _parser, lambda value: f"SYST_{value}"),
    Row("hostKey", "host_key", text),
    Row("caCertificate", "ca_certificate", text),
)

_S3: Table = (
    Row("region", "region", text),
    Row("accessKeyId", "access_key", text),
    Row("secretAccessKey_crypt", "secret_key", text),
    Row("secretAccessKey", "secret_key", text),
    Row("pingBucket", "bucket", text),
    Row("endpoint", "endpoint", text),
)


def _read(
    connector: str,
    name: str,
    part: Any,
    table: Table,
    needed: tuple[str, ...],
    faults: list[Fault],
) -> Settings:
    if not isinstance(part, Mapping):
        faults.append(required(name))
        return Settings(connector)
    faults += [required(f"{name}.{field}") for field in needed if not part.get(field)]
    places = {row.ours: f"{name}.{row.theirs}" for row in table}
    return Settings(connector, settings(table, part, name, faults), places=places)


def read_ftp(document: Mapping[str, Any], faults: list[Fault]) -> Settings:
    """Type ``sftp``, and ``ftp`` with a type of its own."""
    name = "sftp" if "sftp" in document and "ftp" not in document else "ftp"
    found = _read("ftp", name, document.get(name), _FTP, ("hostURI", "username"), faults)
    usual = "sftp" if document.get("type") == "sftp" else "ftp"
    found.config.setdefault("protocol", usual)
    return found


def read_s3(document: Mapping[str, Any], faults: list[Fault]) -> Settings:
    part = document.get("s3")
    found = _read("s3", "s3", part, _S3, ("accessKeyId",), faults)
    if isinstance(part, Mapping) and "secret_key" not in found.config:
        faults.append(required("s3.secretAccessKey_crypt"))
    return found


def write_ftp(config: Mapping[str, Any]) -> dict[str, Any]:
    return section(_FTP, config)


def write_s3(config: Mapping[str, Any]) -> dict[str, Any]:
    return section(_S3, config)


FTP = ConnectionType("ftp", read_ftp, write_ftp, connectors=("ftp",), level=1)
SFTP = ConnectionType("sftp", read_ftp, level=1)
S3 = ConnectionType("s3", read_s3, write_s3, connectors=("s3",))
