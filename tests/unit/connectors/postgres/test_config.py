"""The settings of a connection."""

import pytest
from pydantic import ValidationError

from towpath.connectors.postgres.config import PostgresConfig
from towpath.connectors.postgres.connection import parameters

PLACE = {"host": "db", "database": "shop", "username": "ann", "password": "secret"}


def test_the_password_is_told_to_libpq_only() -> None:
    config = PostgresConfig.model_validate(PLACE)
    assert "secret" not in repr(config)
    assert "secret" not in config.model_dump_json()
    assert parameters(config)["password"] == "secret"


def test_the_system_s_certificates_are_trusted_unless_others_are_named() -> None:
    full = PLACE | {"sslmode": "verify-full"}
    assert parameters(PostgresConfig.model_validate(full))["sslrootcert"] == "system"
    named = full | {"sslrootcert": "/etc/ca.pem"}
    assert parameters(PostgresConfig.model_validate(named))["sslrootcert"] == "/etc/ca.pem"
    assert "sslrootcert" not in parameters(PostgresConfig.model_validate(PLACE))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"port": 0}, "port"),
        ({"port": "x"}, "port"),
        ({"host": ""}, "host"),
        ({"sslmode": "verify-ca"}, ""),
        ({"sslmode": "yes"}, "sslmode"),
        ({"special_values": "ignore"}, "special_values"),
        ({"hots": "db"}, "hots"),
    ],
)
def test_what_cannot_be_is_refused(change: dict[str, object], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        PostgresConfig.model_validate(PLACE | change)
    assert ".".join(map(str, caught.value.errors()[0]["loc"])) == field
