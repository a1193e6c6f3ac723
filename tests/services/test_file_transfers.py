"""Files over real FTP, FTPS, SFTP and S3 servers: read, taken away, written; and what goes wrong."""

import io
import json
import socket
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import paramiko
import pytest
from pydantic import ValidationError

from support.ftp import FtpServer
from support.ports import free_port
from support.s3 import S3
from support.sftp import SftpEnd
from towpath.connectors.ftp import connector as ftp
from towpath.connectors.ftp import ftp as over_ftp
from towpath.connectors.ftp import sftp as over_sftp
from towpath.connectors.s3 import connector as s3_connector
from towpath.core.application import Page, Sending
from towpath.sdk import (
    AuthError,
    ConfigError,
    Connector,
    ResourceError,
    TowpathError,
    UnreachableError,
)
from towpath.sdk.testing.tools import PlainTools, UnwantedError

pytestmark = pytest.mark.service("files")


class Place(Protocol):
    """A fresh folder on a server, seen from the other side."""

    connector: Connector[Any]
    config: Any
    folder: Mapping[str, str]
    backup: str

    def put(self, name: str, data: bytes) -> None: ...
    def names(self, folder: str = "") -> list[str]: ...
    def get(self, name: str, folder: str = "") -> bytes: ...


class OnDisk:
    """Of the servers that serve a folder of this disk."""

    connector = ftp

    def __init__(self, root: Path, config: Mapping[str, Any]) -> None:
        name = uuid.uuid4().hex
        self._root = root
        self.folder, self.backup = {"directory": f"/{name}"}, f"/{name}-backup"
        for folder in (self.folder["directory"], self.backup):
            (root / folder[1:]).mkdir()
        self.config = ftp.config.model_validate(dict(config))

    def _at(self, folder: str) -> Path:
        return self._root / (folder or self.folder["directory"])[1:]

    def put(self, name: str, data: bytes) -> None:
        (self._at("") / name).write_bytes(data)

    def names(self, folder: str = "") -> list[str]:
        return sorted(path.name for path in self._at(folder).iterdir())

    def get(self, name: str, folder: str = "") -> bytes:
        return (self._at(folder) / name).read_bytes()


class InBucket:
    """Of S3."""

    connector = s3_connector

    def __init__(self, s3: S3) -> None:
        self._s3 = s3
        self.folder, self.backup = {"bucket": s3.bucket()}, s3.bucket()
        self.config = s3_connector.config(
            endpoint=s3.endpoint,
            access_key=s3.access_key,
            secret_key=s3.secret_key,
            bucket=self.folder["bucket"],
        )

    @contextmanager
    def _client(self) -> Iterator[Any]:
        client = self._s3.client()
        try:
            yield client
        finally:
            client.close()

    def put(self, name: str, data: bytes) -> None:
        with self._client() as client:
            client.put_object(Bucket=self.folder["bucket"], Key=name, Body=data)

    def names(self, folder: str = "") -> list[str]:
        with self._client() as client:
            found = client.list_objects_v2(Bucket=folder or self.folder["bucket"]).get("Contents", [])
        return sorted(one["Key"] for one in found)

    def get(self, name: str, folder: str = "") -> bytes:
        with self._client() as client:
            return bytes(client.get_object(Bucket=folder or self.folder["bucket"], Key=name)["Body"].read())


@pytest.fixture(params=["ftp", "old_ftp", "ftps", "sftp", "s3"])
def place(request: pytest.FixtureRequest) -> Place:
    if request.param == "s3":
        return InBucket(request.getfixturevalue("s3"))
    server = request.getfixturevalue(f"{request.param}_server")
    return OnDisk(server.root, server.config())


@pytest.fixture
def tools(tmp_path: Path) -> PlainTools:
    return PlainTools(tmp_path, words={"page": "0/1"}, debugging=True)


def read(place: Place, tools: PlainTools, size: int = 10, after: Any = None, **request: Any) -> list[Page]:
    assert place.connector.application
    assert place.connector.reading
    reading = place.connector.reading.model_validate({**place.folder, **request})
    with place.connector.application(place.config) as application:
        return list(application.pages(reading, size, tools, after=after))


def write(place: Place, tools: PlainTools, rows: list[Any], **request: Any) -> Mapping[str, Any]:
    assert place.connector.application
    assert place.connector.writing
    writing = place.connector.writing.model_validate({**place.folder, "name": "out.csv", **request})
    with place.connector.application(place.config) as application:
        for number, row in enumerate(rows):
            tools = PlainTools(tools.folder(), words={"page": number})
            (outcome,) = application.send(writing, [Sending(data=row, record=row)], tools)
            assert outcome.status == 200
        return application.finish(writing, tools)


def test_files_are_read_and_then_taken_away(place: Place, tools: PlainTools) -> None:
    place.put("orders-2.csv", b"id\n3\n4\n")
    place.put("orders-1.csv", b"id\n1\n2\n")
    place.put("ümläut.txt", b"id\n9\n")
    request = {"name_starts": "orders-", "name_ends": ".csv", "backup": place.backup}
    pages = read(place, tools, 1, **request)
    assert [record["id"] for page in pages for record in page.records] == ["1", "2", "3", "4"]
    for number, page in enumerate(pages[:-1], 1):
        after = json.loads(json.dumps(page.after))
        assert read(place, tools, 1, after, **request) == pages[number:]
    assert len(place.names()) == 3
    assert place.connector.application
    assert place.connector.reading
    reading = place.connector.reading.model_validate({**place.folder, **request})
    with place.connector.application(place.config) as application:
        files = [file for page in pages for file in page.files]
        for _ in range(2):
            assert application.read_back(reading, files, tools) == [None] * 4
        plain = place.connector.reading.model_validate({**place.folder, "name_starts": "ü"})
        (page,) = application.pages(plain, 10, tools)
        assert application.read_back(plain, page.files, tools) == [None]
    assert place.names() == []
    assert place.names(place.backup) == ["orders-1.csv", "orders-2.csv"]
    assert place.get("orders-1.csv", place.backup) == b"id\n1\n2\n"
    assert tools.taken == 0
    assert {one[1]["operation"] for one in tools.notes} == {"list", "read", "move", "delete"}


def test_an_empty_folder_and_a_missing_one(place: Place, tools: PlainTools) -> None:
    assert read(place, tools) == []
    name = next(iter(place.folder))
    for request in ({name: "nowhere-at-all"}, {name: "/nowhere/at/all"}):
        if name == "bucket" and "/" in request[name]:
            continue
        with pytest.raises(TowpathError) as caught:
            read(place, tools, **request)
        assert caught.value.code in ("path.not_found", "bucket.not_found")
        with pytest.raises(TowpathError) as caught:
            write(place, tools, [{"id": 1}], **request)
        assert caught.value.code in ("path.not_found", "bucket.not_found")


def test_files_are_written_as_a_whole_and_replaced(place: Place, tools: PlainTools, tmp_path: Path) -> None:
    place.put("out.csv", b"old")
    published = write(place, tools, [{"id": 1}, {"id": 2}], backup=place.backup)
    assert place.get("out.csv") == place.get("out.csv", place.backup) == b"id\r\n1\r\n2\r\n"
    assert [(file["name"], file["size"], file["records"]) for file in published["files"]] == [
        ("out.csv", 10, 2)
    ]
    assert place.names() == ["out.csv"], "nothing else is left"
    again = PlainTools(tmp_path / "again")
    again.folder().mkdir()
    write(place, again, [{"id": 3}], in_progress_name="writing.tmp", per="page")
    assert place.get("out.csv") == b"id\r\n3\r\n"
    assert place.names() == ["out.csv"]


def test_large_files_go_through_in_pieces(place: Place, tools: PlainTools) -> None:
    rows = [{"id": number, "text": "x" * 1_000_000} for number in range(7)]
    write(place, tools, rows)
    pages = read(place, tools, 100, skip_delete=True)
    assert [record["id"] for page in pages for record in page.records] == [str(number) for number in range(7)]
    assert all(record["text"] == "x" * 1_000_000 for page in pages for record in page.records)


def test_a_transfer_stops_when_nobody_wants_it(place: Place, tools: PlainTools) -> None:
    place.put("a.csv", b"id\n" + b"1\n" * 1_000_000)
    tools.patience = 1
    with pytest.raises(UnwantedError):
        read(place, tools)
    assert tools.taken == 0
    assert not [path for path in tools.folder().iterdir() if path.suffix != ".download"]


def test_the_check_lists_the_folder(place: Place) -> None:
    assert place.connector.application
    with place.connector.application(place.config) as application:
        assert application.check()


def test_wrong_credentials_and_dead_hosts(place: Place) -> None:
    secret = "secret_key" if isinstance(place, InBucket) else "password"
    address = "endpoint" if isinstance(place, InBucket) else "port"
    port = free_port()
    dead = f"http://127.0.0.1:{port}" if address == "endpoint" else port
    given = {name: getattr(place.config, name) for name in place.connector.config.model_fields}
    for change, kind in (({secret: "wrong-4711"}, AuthError), ({address: dead}, UnreachableError)):
        assert place.connector.application
        with place.connector.application(
            place.connector.config.model_validate(given | change)
        ) as application:
            with pytest.raises(kind) as caught:
                application.check()
            assert caught.value.hint
            assert "wrong-4711" not in str(caught.value.to_json())


# ── FTP ──────────────────────────────────────────────────────────────────────────────────────────


def on(server: FtpServer | SftpEnd, **change: Any) -> OnDisk:
    return OnDisk(server.root, server.config(**change))


def checked(place: OnDisk) -> str:
    assert ftp.application
    with ftp.application(place.config) as application:
        return application.check()


def test_read_only_folders(ftp_server: FtpServer, tools: PlainTools) -> None:
    place = on(ftp_server, username="reader")
    place.put("a.csv", b"id\n1\n")
    pages = read(place, tools)
    with pytest.raises(ResourceError) as caught:
        write(place, tools, [{"id": 1}])
    assert caught.value.code == "path.read_only"
    assert ftp.application
    with ftp.application(place.config) as application:
        reading = ftp.reading.model_validate(place.folder)  # type: ignore[union-attr] # it has one
        (answer,) = application.read_back(reading, pages[0].files, tools)
    assert answer
    assert answer.code == "path.read_only"
    assert place.names() == ["a.csv"]


def test_active_mode_and_the_users_own_root(ftp_server: FtpServer, tools: PlainTools) -> None:
    place = on(ftp_server, passive=False, user_directory_is_root=True, entry_parser="UNIX")
    place.put("a.csv", b"id\n1\n")
    assert len(read(place, tools)) == 1
    assert "FTP server" in checked(place)


def test_paths_that_no_server_can_take(
    ftp_server: FtpServer, sftp_server: SftpEnd, tools: PlainTools
) -> None:
    with pytest.raises(TowpathError) as caught:
        read(on(ftp_server), tools, directory="/a\r\nDELE x")
    assert caught.value.code == "file.name"
    for server in (ftp_server, sftp_server):
        with pytest.raises(UnreachableError) as unresolved:
            checked(on(server, host="no..such.example"))
        assert unresolved.value.code == "connection.unresolved"


def test_certificates_are_verified(ftps_server: FtpServer, ftp_server: FtpServer) -> None:
    for change, code in (({"ca_certificate": ""}, "connection.tls"), ({"protocol": "ftp"}, "connection.tls")):
        with pytest.raises(ConfigError) as caught:
            checked(on(ftps_server, **change))
        assert caught.value.code == code
    assert checked(on(ftps_server, ca_certificate="", verify_certificate=False))
    with pytest.raises(ConfigError) as caught:
        checked(on(ftp_server, protocol="ftps"))
    assert caught.value.code == "connection.tls"


def test_servers_of_another_protocol(
    ftp_server: FtpServer, sftp_server: SftpEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (over_ftp, over_sftp):
        monkeypatch.setattr(module, "_CONNECT_SECONDS", 1)
    for server, protocol in ((ftp_server, "sftp"), (sftp_server, "ftp")):
        with pytest.raises(TowpathError) as caught:
            checked(on(server, protocol=protocol))
        assert caught.value.code in ("connection.protocol", "connection.timeout", "connection.lost")


def test_a_server_that_forgot_us_is_asked_again(
    ftp_server: FtpServer, sftp_server: SftpEnd, tools: PlainTools
) -> None:
    for server in (ftp_server, sftp_server):
        place = on(server)
        place.put("a.csv", b"id\n1\n")
        assert ftp.application
        with ftp.application(place.config) as application:
            reading = ftp.reading.model_validate(place.folder)  # type: ignore[union-attr] # it has one
            assert list(application.pages(reading, 10, tools))
            cut(application)
            assert list(application.pages(reading, 10, tools))


def cut(application: Any) -> None:
    """Break the open connection, as a firewall does."""
    server = application._server
    connection = server._ftp.sock if hasattr(server, "_ftp") else server._transport.sock
    connection.shutdown(socket.SHUT_RDWR)
    if hasattr(server, "_used"):
        server._used = -60.0
    else:
        end = time.monotonic() + 10
        while server._transport.is_active() and time.monotonic() < end:
            time.sleep(0.01)


# ── SFTP ─────────────────────────────────────────────────────────────────────────────────────────


def pem_of(key: paramiko.PKey, passphrase: str | None = None) -> str:
    text = io.StringIO()
    key.write_private_key(text, password=passphrase)
    return text.getvalue()


@pytest.mark.parametrize("passphrase", [None, "open sesame"])
def test_private_keys(sftp_server: SftpEnd, passphrase: str | None) -> None:
    for key in (paramiko.ECDSAKey.generate(), paramiko.RSAKey.generate(2048)):
        sftp_server.users.append(key)
        change = {"password": "", "private_key": pem_of(key, passphrase).replace("\n", "\\n")}
        assert checked(on(sftp_server, **change, passphrase=passphrase or ""))
    if passphrase:
        with pytest.raises(ConfigError) as caught:
            checked(on(sftp_server, **change, passphrase="wrong"))
        assert caught.value.code == "connection.private_key"
    stranger = pem_of(paramiko.ECDSAKey.generate())
    with pytest.raises(AuthError) as refused:
        checked(on(sftp_server, password="", private_key=stranger))
    assert refused.value.code == "connection.auth_failed"


def test_the_host_key_is_pinned(sftp_server: SftpEnd) -> None:
    assert f"{sftp_server.fingerprint} (not pinned" in checked(on(sftp_server))
    assert "as expected" in checked(on(sftp_server, host_key=sftp_server.fingerprint))
    with pytest.raises(AuthError) as caught:
        checked(on(sftp_server, host_key="SHA256:" + "A" * 43))
    assert caught.value.code == "connection.host_key"


def test_locked_folders_and_full_disks(sftp_server: SftpEnd, tools: PlainTools, tmp_path: Path) -> None:
    place = on(sftp_server)
    (sftp_server.root / "locked").mkdir(exist_ok=True)
    with pytest.raises(ResourceError) as caught:
        read(place, tools, directory="/locked")
    assert caught.value.code == "path.forbidden"
    with pytest.raises(ResourceError) as caught:
        write(place, tools, [{"id": 1}], directory="/locked")
    assert caught.value.code == "path.read_only"
    sftp_server.room = 10
    try:
        (tmp_path / "full").mkdir()
        with pytest.raises(ResourceError) as caught:
            write(place, PlainTools(tmp_path / "full"), [{"id": 1, "text": "x" * 500_000}])
    finally:
        sftp_server.room = 60_000_000
    assert caught.value.code == "disk.full"
    assert place.names() == []


def test_a_server_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(over_ftp, "_CONNECT_SECONDS", 0.3)
    monkeypatch.setattr(over_sftp, "_CONNECT_SECONDS", 0.3)
    silent = socket.create_server(("127.0.0.1", 0))
    try:
        for protocol in ("ftp", "sftp"):
            config = ftp.config(
                protocol=protocol, host="127.0.0.1", port=silent.getsockname()[1], username="a", password="b"
            )
            assert ftp.application
            with ftp.application(config) as application, pytest.raises(TowpathError) as caught:
                application.check()
            assert caught.value.code in ("connection.timeout", "connection.protocol", "connection.lost")
    finally:
        silent.close()


def test_settings_that_do_not_fit() -> None:
    fine = {"host": "h", "username": "u", "password": "p"}
    key = "-----BEGIN X PRIVATE KEY-----"
    for change in (
        {"host": "a b"},
        {"password": ""},
        {"protocol": "ftp", "private_key": key},
        {"private_key": "x"},
        {"host_key": "MD5:ab"},
        {"port": 0},
    ):
        with pytest.raises(ValidationError):
            ftp.config.model_validate(fine | change)
    with pytest.raises(ValidationError):
        s3_connector.config.model_validate({"access_key": "a", "secret_key": "b", "endpoint": "file:///x"})


# ── S3 ───────────────────────────────────────────────────────────────────────────────────────────


def test_keys_with_slashes(s3: S3, tools: PlainTools) -> None:
    place = InBucket(s3)
    for name in ("in/a/1.csv", "in/b.csv", "in2.csv", "out.csv"):
        place.put(name, b"id\n1\n")
    found = read(place, tools, name_starts="in/", output="metadata")
    assert [record["fileName"] for page in found for record in page.records] == ["in/a/1.csv", "in/b.csv"]
    write(place, tools, [{"id": 1}], name="/deep/er/x.csv")
    assert place.get("deep/er/x.csv") == b"id\r\n1\r\n"
    place.put("in/../x.csv", b"id\n1\n")
    with pytest.raises(TowpathError) as caught:
        read(place, tools, name_starts="in/")
    assert caught.value.code == "file.name"
    assert " buckets" in checked_s3(place.config.model_copy(update={"bucket": ""}))


def checked_s3(config: Any) -> str:
    assert s3_connector.application
    with s3_connector.application(config) as application:
        return application.check()


def test_endpoints_are_guarded(s3_server: S3) -> None:
    config = s3_connector.config(endpoint=s3_server.endpoint, access_key="a", secret_key="b")
    with pytest.raises(ConfigError) as caught:
        checked_s3(config)
    assert caught.value.code == "http.blocked_host"
