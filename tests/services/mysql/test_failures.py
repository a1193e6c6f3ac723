"""What goes wrong is told clearly, with what to do, and leaves nothing behind."""

import json
import socket
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from support.mariadb import PASSWORD, server
from towpath.connectors.mysql.config import MySQLConfig
from towpath.connectors.mysql.source import MySQLSource
from towpath.sdk import (
    AuthError,
    ConfigError,
    SchemaError,
    Selection,
    TowpathError,
    UnreachableError,
)

pytestmark = pytest.mark.service("mysql")


def failure(config: MySQLConfig) -> TowpathError:
    with pytest.raises(TowpathError) as caught:
        MySQLSource(config).check()
    assert PASSWORD not in json.dumps(caught.value.to_json())
    assert caught.value.hint
    return caught.value


def checked(config: MySQLConfig) -> str:
    with MySQLSource(config) as source:
        return source.check()


def one_line(file: Path) -> str:
    """As a form sends a text that has but one line for it."""
    return file.read_text().replace("\n", " ")


def test_check_says_what_answered(place) -> None:
    assert place.source().check().startswith("MariaDB 1")


def test_a_wrong_password(place) -> None:
    error = failure(place.settings(password="wrong"))
    assert (type(error), error.code) == (AuthError, "connection.auth_failed")


def test_an_unknown_database(place) -> None:
    error = failure(place.settings(database="nowhere"))
    assert (type(error), error.code, error.context["field"]) == (
        ConfigError,
        "database.not_found",
        "database",
    )


def test_a_port_where_nothing_listens(place) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        error = failure(place.settings(port=taken.getsockname()[1]))
    assert (type(error), error.code, error.retryable) == (UnreachableError, "connection.refused", True)


def test_a_name_that_does_not_exist(place) -> None:
    assert failure(place.settings(host="nowhere.invalid")).code == "connection.unresolved"


def test_a_server_that_is_silent(place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = failure(place.settings(port=silent.getsockname()[1]))
    assert (error.code, error.retryable) == ("connection.timeout", True)


@pytest.mark.parametrize(
    "greeting", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x05\0\0\0hello", b"\0\0\0\0", b""]
)
def test_a_server_that_speaks_something_else(place, greeting: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:

        def answer() -> None:
            peer, _ = other.accept()
            with peer:
                peer.sendall(greeting)

        thread = threading.Thread(target=answer)
        thread.start()
        error = failure(place.settings(port=other.getsockname()[1], tls="disable"))
        thread.join()
    assert error.code in ("connection.protocol", "connection.lost")


@pytest.mark.parametrize("tls", ["disable", "prefer", "require", "verify"])
def test_tls(place, compiled, tls: str) -> None:
    place.numbers(1000)
    config = place.settings(tls=tls, tls_ca=str(place.server.ca) if tls == "verify" else "")
    assert len(place.read(place.source(config, compiled=compiled), Selection(place.stream()))) == 1000


def test_a_certificate_that_is_not_trusted(place) -> None:
    error = failure(place.settings(tls="verify"))
    assert (type(error), error.code) == (ConfigError, "connection.tls")


def test_a_certificate_for_another_name(place) -> None:
    assert (
        failure(place.settings(tls="verify", tls_ca=str(place.server.ca), host="localhost")).code
        == "connection.tls"
    )


def test_a_certificate_for_another_name_is_enough_to_trust_it(place) -> None:
    config = place.settings(tls="verify-ca", ca_certificate=one_line(place.server.ca), host="localhost")
    assert "MariaDB" in checked(config)


def test_an_account_that_wants_a_certificate(place) -> None:
    place.sql("CREATE OR REPLACE USER x509@'%' IDENTIFIED BY 'x' REQUIRE X509")
    place.sql(f"GRANT SELECT ON {place.config.database}.* TO x509@'%'")
    settings = {
        "username": "x509",
        "password": "x",
        "tls": "verify",
        "ca_certificate": one_line(place.server.ca),
    }
    assert failure(place.settings(**settings)).code == "connection.auth_failed"
    certificate, key = one_line(place.server.ca), one_line(place.server.key)
    config = place.settings(**settings, client_certificate=certificate, client_key=key)
    assert "MariaDB" in checked(config)


def test_a_key_of_another_certificate(place) -> None:
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    settings = {"tls": "require", "client_certificate": one_line(place.server.ca)}
    error = failure(place.settings(**settings, client_key=other.decode()))
    assert (error.code, error.context["field"]) == ("connection.tls", "client_certificate")


def test_certificates_that_cannot_be_read(place) -> None:
    error = failure(place.settings(tls="verify", tls_ca="/nowhere.pem"))
    assert (error.code, error.context["field"]) == ("connection.tls", "tls_ca")


def test_a_column_that_vanished_is_named(place, compiled) -> None:
    stream = place.numbers(3)
    place.sql("ALTER TABLE t DROP COLUMN v")
    with pytest.raises(SchemaError, match="v") as caught:
        place.read(place.source(compiled=compiled), Selection(stream))
    assert caught.value.code == "column.not_found"
    assert caught.value.context["stream"] == stream.key


@pytest.mark.parametrize(
    "type", ["BIGINT", "INT UNSIGNED", "VARCHAR(20)", "DATE", "DECIMAL(10,2)", "BLOB", "BIT(8)"]
)
def test_a_column_of_another_type_is_named(place, compiled, type: str) -> None:
    stream = place.numbers(3)
    place.sql(f"ALTER TABLE t DROP COLUMN v, ADD COLUMN v {type}")
    with pytest.raises(SchemaError, match="'v'") as caught:
        place.read(place.source(compiled=compiled), Selection(stream))
    assert caught.value.code == "schema.changed"


def test_a_table_that_is_altered_in_the_middle(place, compiled) -> None:
    stream = place.numbers(40)
    reading = place.batches(place.source(compiled=compiled, page_rows=10), Selection(stream))
    next(reading)
    place.sql("SET lock_wait_timeout = 1")
    with pytest.raises(Exception, match="Lock wait timeout"):  # the snapshot holds the table's shape
        place.sql("ALTER TABLE t ADD COLUMN w INT")
    assert len([record for batch in reading for record in batch.records]) == 30


def test_a_view_whose_table_is_gone(place) -> None:
    place.numbers(3)
    place.sql("CREATE VIEW w AS SELECT id FROM t")
    stream = place.stream("w")
    place.sql("DROP TABLE t")
    with pytest.raises(SchemaError) as caught:
        place.read(place.source(), Selection(stream))
    assert caught.value.code == "stream.broken"


def test_a_read_that_the_server_ends(place, compiled) -> None:
    reading = place.batches(place.source(compiled=compiled), Selection(place.endless()))
    next(reading)
    where = f"DB = '{place.config.database}' AND ID <> CONNECTION_ID()"
    for (id,) in place.sql(f"SELECT ID FROM information_schema.PROCESSLIST WHERE {where}"):
        place.sql(f"KILL CONNECTION {id}")
    with pytest.raises(UnreachableError) as caught:
        list(reading)
    assert caught.value.code == "connection.lost"
    assert caught.value.retryable


@pytest.mark.parametrize("within", ["a result", "a key", "parallel reads"])
def test_a_server_that_is_killed_in_the_middle(place, compiled, within: str) -> None:
    with server() as own, own.database("d") as database:
        place = place.another(own, database)
        table = place.numbers(140_000)
        stream = place.endless() if within == "a result" else table
        place.root.close()
        source = MySQLSource(
            place.as_root(parallel=2 if within == "parallel reads" else 1), compiled=compiled, page_rows=5000
        )
        reading = place.batches(source, Selection(stream))
        next(reading)
        own.kill()
        with pytest.raises(UnreachableError) as caught:
            list(reading)
        assert caught.value.retryable
        with pytest.raises(UnreachableError):
            source.check()
        own.start()
        assert len(place.read(source, Selection(table))) == 140_000
