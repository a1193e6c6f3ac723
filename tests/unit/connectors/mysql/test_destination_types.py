"""Which column a field becomes on which server, and what it cannot hold there."""

import pyarrow as pa
import pytest

from towpath.connectors.mysql.columns import columns_of, usual
from towpath.connectors.mysql.dialect import Dialect, is_exact, pads, told
from towpath.connectors.mysql.fit import faults
from towpath.connectors.mysql.spelling import canonical, native
from towpath.sdk import NATIVE_TYPE, SchemaError, Target, WriteMode

OLD = Dialect(mariadb=False, version=(5, 7, 44), folds=False, packet=1 << 20, takes_files=True)
MYSQL = Dialect(mariadb=False, version=(8, 0, 36), folds=False, packet=1 << 20, takes_files=False)
MARIADB = Dialect(mariadb=True, version=(10, 11, 6), folds=False, packet=1 << 20, takes_files=True)


def field(type: str, arrow: pa.DataType) -> pa.Field:
    return pa.field("a", arrow, metadata={NATIVE_TYPE: f"mysql:{type}".encode()})


def upsert(**columns: pa.DataType) -> Target:
    schema = pa.schema(columns)
    return Target("t", schema, WriteMode.UPSERT, "r", "s", "l", primary_key=tuple(columns))


@pytest.mark.parametrize(
    ("version", "wanted"),
    [
        ("8.0.36-0ubuntu0.22.04.1", (False, (8, 0, 36))),
        ("5.7.44-log", (False, (5, 7, 44))),
        ("10.3.39-MariaDB-0+deb10u2", (True, (10, 3, 39))),
        ("5.5.5-10.11.6-MariaDB-log", (True, (10, 11, 6))),
    ],
)
def test_servers_are_told_apart(version: str, wanted: tuple[bool, tuple[int, ...]]) -> None:
    assert told(version) == wanted


def test_types_that_only_some_servers_have() -> None:
    types = [usual(pa.uuid(), dialect).type for dialect in (OLD, MYSQL, MARIADB)]
    assert types == ["char(36)", "char(36)", "uuid"]
    assert native(field("uuid", pa.uuid()), MYSQL) is None
    assert native(field("inet6", pa.string()), MARIADB) == "inet6"


@pytest.mark.parametrize(
    "type",
    ["int) --", "varchar(20) COMMENT 'x'", "enum('a'),b int", "enum('a\\')", "text;", "serial", ""],
)
def test_what_is_no_type_is_not_repeated(type: str) -> None:
    assert native(field(type, pa.string()), MARIADB) is None


@pytest.mark.parametrize(
    "type", ["enum('a','it''s','b)')", "set('x','\\\\')", "varchar(20)", "decimal(65,30)"]
)
def test_types_are_repeated(type: str) -> None:
    assert native(field(type, pa.string()), MARIADB) == type


def test_a_native_type_of_other_values_is_not_used() -> None:
    assert native(field("int(11)", pa.string()), MARIADB) is None


def test_only_the_letters_of_members_keep_their_case() -> None:
    assert canonical("ENUM('A','b')") == "ENUM('A','b')"
    assert canonical("BIGINT(20) UNSIGNED /* mariadb-5.3 */") == "bigint unsigned"
    assert canonical("tinyint(1)") == "tinyint(1)"


def test_keys_share_what_an_index_takes() -> None:
    columns = columns_of(upsert(a=pa.string(), b=pa.binary(), c=pa.int64()), MARIADB)
    assert [column.type for column in columns] == ["varchar(379)", "varbinary(1516)", "bigint"]
    assert [column.collation for column in columns] == ["utf8mb4_nopad_bin", "", ""]


def test_a_key_of_too_many_texts_is_refused() -> None:
    with pytest.raises(SchemaError):
        columns_of(upsert(**{f"c{number}": pa.string() for number in range(60)}), MARIADB)


def test_old_servers_have_no_collation_in_which_trailing_spaces_count() -> None:
    (column,) = columns_of(upsert(k=pa.string()), OLD)
    assert (column.collation, column.pads) == ("utf8mb4_bin", True)
    batch = pa.record_batch({"k": ["a", "a ", None]})
    (fault,) = faults(batch, [column], OLD)
    assert fault.at.to_pylist() == [False, True, None]
    (new,) = columns_of(upsert(k=pa.string()), MYSQL)
    assert list(faults(batch, [new], MYSQL)) == []


def test_collations() -> None:
    assert [pads(one) for one in ("utf8mb4_bin", "utf8mb4_nopad_bin", "utf8mb4_0900_bin", "")] == [
        True,
        False,
        False,
        False,
    ]
    assert [is_exact(one) for one in ("utf8mb4_bin", "utf8mb4_0900_ai_ci", "utf8mb4_0900_as_cs", "")] == [
        True,
        False,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('[18446744073709551615, -9223372036854775808, 0.1, "18446744073709551616"]', True),
        ("[18446744073709551616]", False),
        ("[0.12345678901234567890123]", False),
        ("[1e400]", False),
        ("[1e10]", True),
    ],
)
def test_mysql_would_round_numbers_of_json(text: str, holds: bool) -> None:
    schema = pa.schema({"j": pa.json_()})
    batch = pa.record_batch([pa.array([text], pa.json_())], schema)
    columns = columns_of(Target("t", schema, WriteMode.APPEND, "r", "s", "l"), MYSQL)
    found = [fault.code for fault in faults(batch, columns, MYSQL)]
    assert found == ([] if holds else ["value.unrepresentable"])
    assert list(faults(batch, columns, MARIADB)) == []
