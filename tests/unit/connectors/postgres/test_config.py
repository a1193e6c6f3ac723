"""The settings of a connection."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from towpath.connectors.postgres.config import PostgresConfig
from towpath.connectors.postgres.connection import parameters

PLACE = {"host": "db", "database": "shop", "username": "ann", "password": "secret"}
PEM = "-----BEGIN CERTIFICATE-----\nY2VydA==\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"


def test_the_password_is_told_to_libpq_only() -> None:
    config = PostgresConfig.model_validate(PLACE)
    assert "secret" not in repr(config)
    assert "secret" not in config.model_dump_json()
    with parameters(config) as found:
        assert found["password"] == "secret"


def trusted(change: dict[str, object]) -> object:
    with parameters(PostgresConfig.model_validate(PLACE | change)) as found:
        return found.get("sslrootcert")


def test_the_system_s_certificates_are_trusted_unless_others_are_named() -> None:
    assert trusted({"sslmode": "verify-full"}) == "system"
    assert trusted({"sslmode": "verify-full", "sslrootcert": "/etc/ca.pem"}) == "/etc/ca.pem"
    assert trusted({}) is None


def test_certificates_as_text_are_files_while_a_connection_is_made() -> None:
    texts = {"ca_certificate": PEM, "client_certificate": PEM, "client_key": KEY}
    config = PostgresConfig.model_validate(PLACE | texts | {"sslmode": "verify-ca"})
    assert "c2VjcmV0" not in repr(config)
    with parameters(config) as found:
        paths = [found[name] for name in ("sslrootcert", "sslcert", "sslkey")]
        assert [Path(path).read_text() for path in paths] == [PEM, PEM, KEY]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"port": 0}, "port"),
        ({"port": "x"}, "port"),
        ({"host": ""}, "host"),
        ({"sslmode": "verify-ca"}, ""),
        ({"sslmode": "yes"}, "sslmode"),
        ({"ca_certificate": "/etc/ca.pem"}, "ca_certificate"),
        ({"ca_certificate": PEM, "sslrootcert": "/etc/ca.pem"}, ""),
        ({"client_certificate": PEM}, ""),
        ({"client_certificate": PEM, "client_key": PEM}, "client_key"),
        ({"special_values": "ignore"}, "special_values"),
        ({"hots": "db"}, "hots"),
    ],
)
def test_what_cannot_be_is_refused(change: dict[str, object], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        PostgresConfig.model_validate(PLACE | change)
    assert ".".join(map(str, caught.value.errors()[0]["loc"])) == field
