"""What the source finds and reads: streams, pages along keys, one moment, filters."""

import logging
import threading
from contextlib import closing
from typing import Any

import pytest

from support.mariadb import PASSWORD
from towpath.sdk import (
    AuthError,
    Condition,
    Operator,
    Selection,
)

pytestmark = pytest.mark.service("mysql")


def test_discover_knows_tables_views_and_keys(place) -> None:
    place.sql(
        "CREATE TABLE a (y INT, x INT, v TEXT, PRIMARY KEY (x, y))",
        "CREATE TABLE b (id INT PRIMARY KEY, hidden INT INVISIBLE, twice INT AS (id * 2))"
        " WITH SYSTEM VERSIONING",
        "CREATE TABLE c (v INT)",
        "CREATE VIEW d AS SELECT id + 1 AS n, 'x' AS x, NOW() AS at, NULL AS nothing FROM b",
        "CREATE SEQUENCE e",
        "INSERT INTO b (id) VALUES (1)",
    )
    streams = {stream.name: stream for stream in place.source().discover()}
    assert list(streams) == ["a", "b", "c", "d"]
    assert streams["a"].key == f"{place.config.database}.a"
    assert streams["a"].primary_key == ("x", "y")
    assert streams["b"].schema.names == ["id", "hidden", "twice"]
    assert streams["b"].primary_key == ("id",)
    assert streams["c"].primary_key == ()
    assert streams["b"].bytes
    assert place.read(place.source(), Selection(streams["b"])) == [{"id": 1, "hidden": None, "twice": 2}]
    assert [record["n"] for record in place.read(place.source(), Selection(streams["d"]))] == [2]


def test_discover_shows_only_what_may_be_read(place) -> None:
    place.sql(
        "CREATE TABLE t (id INT PRIMARY KEY, secret INT)",
        "CREATE TABLE hidden (id INT)",
        "CREATE OR REPLACE USER clerk@'%' IDENTIFIED BY 'x'",
        f"GRANT SELECT (id) ON {place.config.database}.t TO clerk@'%'",
    )
    clerk = place.source(place.settings(username="clerk", password="x"))
    (stream,) = clerk.discover()
    assert stream.schema.names == ["id"]
    assert place.read(clerk, Selection(stream)) == []
    with pytest.raises(AuthError) as caught:
        place.read(clerk, Selection(place.stream()))
    assert caught.value.code == "permission.denied"


KEYS = {
    "INT": "CAST(seq AS SIGNED) - 5",
    "BIGINT UNSIGNED": "18446744073709551615 - seq",
    "DECIMAL(30,10)": "seq / 7",
    "VARCHAR(20) CHARACTER SET latin1": "CONCAT('é', CHAR(97 + seq % 20 USING latin1), seq)",
    "VARCHAR(20) COLLATE utf8mb4_unicode_ci": "CONCAT(IF(seq % 2, 'ß', 'S'), '\\\\', seq)",
    "VARCHAR(20) CHARACTER SET cp1251": "CONCAT('ж', seq)",
    "CHAR(8) CHARACTER SET utf16": "CONCAT('𝄞', seq)",
    "VARBINARY(8)": "UNHEX(LPAD(HEX(seq * 12345), 8, '0'))",
    "BINARY(4)": "UNHEX(LPAD(HEX(seq * 77), 6, '0'))",
    "DATE": "'2024-01-01' + INTERVAL seq DAY",
    "DATETIME(6)": "'2024-01-01' + INTERVAL seq MICROSECOND",
    "TIMESTAMP(6)": "'2024-01-01' + INTERVAL seq SECOND",
    "UUID": "INSERT(INSERT(INSERT(INSERT(MD5(seq), 9, 0, '-'), 14, 0, '-'), 19, 0, '-'), 24, 0, '-')",
    "BIT(40)": "seq * 1000003",
    "YEAR": "1950 + seq",
    "FLOAT": "seq / 3",
    "TIME(6)": "SEC_TO_TIME(seq * 1.5)",
    "ENUM('b','a','c','e','d')": "IF(seq < 6, seq, NULL)",
}


@pytest.mark.parametrize("type", KEYS)
def test_pages_along_keys_of_every_type(place, compiled, type: str) -> None:
    place.sql(f"CREATE TABLE t (id {type} PRIMARY KEY, v INT)")
    place.sql(f"INSERT IGNORE INTO t SELECT {KEYS[type]}, seq FROM seq_1_to_40")
    source = place.source(compiled=compiled, page_rows=3)
    ((count,),) = place.sql("SELECT COUNT(*) FROM t")
    found = [record["v"] for record in place.read(source, Selection(place.stream(), columns=("v",)))]
    assert sorted(found) == [value for (value,) in place.sql("SELECT v FROM t ORDER BY v")]
    assert len(found) == count


def test_pages_along_a_composite_key(place, compiled) -> None:
    place.sql("CREATE TABLE t (a INT, b VARCHAR(5), c DATE, v INT, PRIMARY KEY (b, c, a))")
    place.sql(
        "INSERT INTO t SELECT seq % 4, CHAR(97 + seq % 3), '2024-01-01' + INTERVAL (seq % 5) DAY, seq"
        " FROM seq_1_to_60"
    )
    source = place.source(compiled=compiled, page_rows=4)
    assert source.plan(Selection(place.stream()), None).slices[0].spec["pages"] == ["b", "c", "a"]
    where = (Condition("v", Operator.GT, 10),)
    found = place.read(source, Selection(place.stream(), columns=("v",), where=where))
    assert sorted(record["v"] for record in found) == list(range(11, 61))


@pytest.mark.parametrize(
    "table",
    [
        "t (id INT PRIMARY KEY, v INT) ENGINE=MyISAM",
        "t (id TEXT, v INT, PRIMARY KEY (id(5)))",
        "t (id DOUBLE PRIMARY KEY, v INT)",
        "t (id INT, v INT)",
    ],
)
def test_what_has_no_key_to_page_along_is_read_at_once(place, table: str) -> None:
    place.sql(f"CREATE TABLE {table}", "INSERT INTO t SELECT seq, seq FROM seq_1_to_20")
    source = place.source(page_rows=3)
    plan = source.plan(Selection(place.stream()), None)
    assert plan.slices[0].spec["pages"] == []
    assert len(place.read(source, Selection(place.stream()))) == 20


def test_a_read_sees_one_moment_whatever_is_written_meanwhile(place, compiled) -> None:
    stream = place.numbers(100)
    reading = place.batches(place.source(compiled=compiled, page_rows=10), Selection(stream))
    found = next(reading).records
    place.sql("UPDATE t SET v = 2", "DELETE FROM t WHERE id > 50", "INSERT INTO t VALUES (1000, 3)")
    found += [record for batch in reading for record in batch.records]
    assert found == [{"id": number, "v": 1} for number in range(1, 101)]


def test_several_connections_see_one_moment(place) -> None:
    stream = place.numbers(200_000)
    place.sql("UPDATE t SET v = 0")
    stop = threading.Event()

    def write() -> None:
        with closing(place.server.connect(place.config.database)) as other, other.cursor() as cursor:
            while not stop.is_set():
                cursor.execute("UPDATE t SET v = v + 1 WHERE id IN (1, 50000, 100000, 150000, 200000)")

    config = place.as_root(parallel=3)
    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(3):
            found = place.read(place.source(config, page_rows=9000), Selection(stream))
            assert sorted(record["id"] for record in found) == list(range(1, 200_001))
            written = {
                record["v"] for record in found if record["id"] in (1, 50_000, 100_000, 150_000, 200_000)
            }
            assert len(written) == 1, "all five rows of an update, or none"
    finally:
        stop.set()
        writer.join()


def test_without_the_privilege_one_connection_reads(place, caplog: pytest.LogCaptureFixture) -> None:
    stream = place.numbers(140_000)
    with caplog.at_level(logging.WARNING, "towpath.connectors.mysql"):
        found = place.read(place.source(place.settings(parallel=3)), Selection(stream))
    assert len(found) == 140_000
    assert "one connection" in caplog.text
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize("parallel", [1, 3])
def test_a_read_that_is_left_early_leaves_nothing_behind(place, compiled, parallel: int) -> None:
    stream = place.numbers(200_000)
    config = place.as_root(parallel=parallel)
    before = set(threading.enumerate())
    reading = place.batches(place.source(config, compiled=compiled), Selection(stream))
    next(reading)
    reading.close()  # type: ignore[attr-defined]
    for _ in range(100):
        if place.sql(
            f"SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = '{place.config.database}'"
        ) == [(1,)]:
            break
        threading.Event().wait(0.05)
    else:
        pytest.fail("connections stay open")
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize(
    ("column", "operator", "value", "found"),
    [
        ("d", Operator.EQ, "12345678901234567890.12", [1]),
        ("d", Operator.IN, ["12345678901234567890.13", "7"], [2]),
        ("ts", Operator.EQ, "2024-01-01T02:00:00+02:00", [1]),
        ("ts", Operator.GT, "2024-01-01T00:00:00Z", [2]),
        ("s", Operator.EQ, "back\\slash", [1]),
        ("s", Operator.LIKE, "%'%", [2]),
        ("b", Operator.EQ, True, [1]),
    ],
)
def test_filters_compare_in_the_type_of_the_column(
    place, column: str, operator: Operator, value: Any, found: list[int]
) -> None:
    place.sql(
        "CREATE TABLE t (id INT PRIMARY KEY, d DECIMAL(30,2), ts TIMESTAMP NULL, s TEXT, b BIT(1))",
        "INSERT INTO t VALUES (1, 12345678901234567890.12, '2024-01-01', 'back\\\\slash', b'1')",
        "INSERT INTO t VALUES (2, 12345678901234567890.13, '2024-01-02', 'quo''te', b'0')",
    )
    selection = Selection(place.stream(), where=(Condition(column, operator, value),))
    assert [record["id"] for record in place.read(place.source(), selection)] == found
