"""Google Sheets beyond the contract: lost answers, quotas, limits, and tabs that people work in."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from support.loopback import loopback
from support.sheets import RefusedError, Sheet, SheetsServer, sheets_service
from towpath.connectors.google_sheets import writer as writing
from towpath.connectors.google_sheets.config import GoogleSheetsConfig
from towpath.connectors.google_sheets.destination import GoogleSheetsDestination
from towpath.connectors.google_sheets.spreadsheet import Spreadsheet
from towpath.sdk import (
    AuthError,
    Batch,
    BusyError,
    Checkpoint,
    ConfigError,
    DataError,
    IntegrityError,
    Receipt,
    ResourceError,
    SchemaError,
    Slice,
    Target,
    WriteMode,
)

pytestmark = pytest.mark.service("google_sheets")

ID = "document-for-the-tests"
TABLE = pa.table({"id": pa.array([1, 2], pa.int64()), "name": ["a", "=1+1"]})
ROWS = [{"id": 1, "name": "a"}, {"id": 2, "name": "=1+1"}]


@pytest.fixture
def server() -> Iterator[SheetsServer]:
    with loopback(), sheets_service() as found:
        found.make(ID)
        yield found


@pytest.fixture
def config(server: SheetsServer) -> GoogleSheetsConfig:
    return GoogleSheetsConfig(sheet_url=ID, endpoint=server.url)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait between attempts."""
    monkeypatch.setattr("googleapiclient.http.time.sleep", lambda _: None)


def target(table: pa.Table = TABLE, **changes: Any) -> Target:
    plain = Target("t", table.schema, WriteMode.APPEND, run="run_1", stream="t", lineage="flw_1:0")
    return replace(plain, **changes)


def stage(
    open_: GoogleSheetsDestination, where: Target, table: pa.Table = TABLE, slice: str = "s0001"
) -> Receipt:
    open_.prepare(where)
    writer = open_.writer(where, Slice(slice))
    for batch in table.to_batches():
        writer.write(Batch(batch))
    return writer.close()


def run(config: GoogleSheetsConfig, where: Target, table: pa.Table = TABLE) -> None:
    with GoogleSheetsDestination(config) as open_:
        receipt = stage(open_, where, table)
        open_.commit(where, [receipt], Checkpoint(where.run, 1, None))
        open_.discard(where)


def tab(server: SheetsServer, *rows: list[Any], title: str = "t", height: int = 100) -> Sheet:
    """A tab that somebody has made by hand."""
    sheet = server.documents[ID].sheets[77] = Sheet(77, title, height, 26)
    for at, row in enumerate(rows):
        for column, value in enumerate(row):
            sheet.put(at, column, value)
    return sheet


# ── commits ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.OVERWRITE])
def test_a_commit_whose_answer_was_lost_counts_once(
    config: GoogleSheetsConfig, server: SheetsServer, mode: WriteMode, impatient: None
):
    where = target(mode=mode)
    with GoogleSheetsDestination(config) as open_:
        receipt = stage(open_, where)
        server.lose_answer = True
        open_.commit(where, [receipt], Checkpoint("run_1", 1, {"n": 1}))
        assert open_.committed(where) == Checkpoint("run_1", 1, {"n": 1})
    assert server.rows(ID, "t") == ROWS


def test_a_batch_that_is_refused_changes_nothing(config: GoogleSheetsConfig, server: SheetsServer):
    run(config, target())
    where = target(mode=WriteMode.OVERWRITE, run="run_2")
    with GoogleSheetsDestination(config) as open_:
        receipt = stage(open_, where, TABLE.slice(0, 1))
        server.most = 0
        with pytest.raises(ResourceError) as caught:
            open_.commit(where, [receipt], Checkpoint("run_2", 1, None))
        assert caught.value.code == "spreadsheet.full"
        assert server.rows(ID, "t") == ROWS
        assert open_.committed(where) == Checkpoint("run_1", 1, None)


def test_a_staged_tab_that_somebody_deleted_is_an_error(config: GoogleSheetsConfig, server: SheetsServer):
    with GoogleSheetsDestination(config) as open_:
        receipt = stage(open_, target())
        del server.documents[ID].sheets[receipt.detail["tab"]]
        with pytest.raises(IntegrityError) as caught:
            open_.commit(target(), [receipt], Checkpoint("run_1", 1, None))
    assert caught.value.code == "staging.lost"
    assert server.rows(ID, "t") is None


def test_a_state_that_is_too_long_is_said(config: GoogleSheetsConfig):
    with GoogleSheetsDestination(config) as open_:
        receipt = stage(open_, target())
        with pytest.raises(DataError) as caught:
            open_.commit(target(), [receipt], Checkpoint("run_1", 1, {"seen": "x" * 30_000}))
    assert caught.value.code == "value.too_large"


# ── values ───────────────────────────────────────────────────────────────────────────────────────


def test_a_text_is_never_a_formula(config: GoogleSheetsConfig, server: SheetsServer):
    hostile = pa.table({"=HYPERLINK(1)": ["=1+1", "+1", "-1", "@x", "'x", "0123", "TRUE", "2024-01-01"]})
    run(config, target(hostile), hostile)
    assert server.rows(ID, "t") == hostile.to_pylist()
    assert all("valueInputOption=RAW" in asked for asked in server.asked if asked.startswith("PUT"))


def test_large_integers_keep_their_digits(config: GoogleSheetsConfig, server: SheetsServer):
    table = pa.table({"i": [10**15 - 1, -(10**15), 2**53 + 1]})
    run(config, target(table), table)
    found = [row["i"] for row in server.rows(ID, "t") or []]
    assert found == [10**15 - 1, "-1000000000000000", "9007199254740993"]


def test_many_rows_go_up_in_chunks(
    config: GoogleSheetsConfig, server: SheetsServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(writing, "_CHUNK", 100)
    table = pa.table({"a": range(1234), "b": [None if n % 3 else "x" for n in range(1234)]})
    run(config, target(table), table)
    assert server.rows(ID, "t") == table.to_pylist()
    assert sum(asked.startswith("PUT") for asked in server.asked) == 25


def test_more_than_a_spreadsheet_holds(config: GoogleSheetsConfig, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(writing, "MOST", 5)
    with GoogleSheetsDestination(config) as open_, pytest.raises(ResourceError) as caught:
        stage(open_, target())
    assert caught.value.code == "spreadsheet.full"


# ── tabs that people work in ─────────────────────────────────────────────────────────────────────


def test_columns_are_found_by_their_names(config: GoogleSheetsConfig, server: SheetsServer):
    tab(server, ["note", "name", "id"], ["mine", "old", 0])
    wider = TABLE.append_column("extra", pa.array([1.5, None]))
    run(config, target(wider), wider)
    assert server.rows(ID, "t") == [
        {"note": "mine", "name": "old", "id": 0, "extra": None},
        {"note": None, "name": "a", "id": 1, "extra": 1.5},
        {"note": None, "name": "=1+1", "id": 2, "extra": None},
    ]


def test_rows_follow_the_last_that_is_not_empty(config: GoogleSheetsConfig, server: SheetsServer):
    """Behind blank rows, more of them than are looked at in one go."""
    sheet = tab(server, ["id", "name"], [0, "old"], height=6000)
    run(config, target())
    assert [row["id"] for row in server.rows(ID, "t") or []] == [0, 1, 2]
    assert server.documents[ID].sheets[77].rows == 4
    assert sheet.rows == 6000


def test_an_empty_tab_gets_a_header(config: GoogleSheetsConfig, server: SheetsServer):
    tab(server)
    run(config, target())
    assert server.rows(ID, "t") == ROWS


def test_overwrite_keeps_the_tab_itself(config: GoogleSheetsConfig, server: SheetsServer):
    tab(server, ["x", "y", "z"], *[[1, 2, 3]] * 50)
    run(config, target(mode=WriteMode.OVERWRITE))
    assert server.rows(ID, "t") == ROWS
    assert server.documents[ID].sheets[77].title == "t"


def test_titles_are_the_same_in_capitals(config: GoogleSheetsConfig, server: SheetsServer):
    run(config, target())
    run(config, target(name="T", run="run_2"))
    assert len(server.rows(ID, "t") or []) == 4


@pytest.mark.parametrize("cleanup", [True, False, None])
def test_cleanup_says_what_becomes_of_the_old_rows(server: SheetsServer, cleanup: bool | None):
    config = GoogleSheetsConfig(sheet_url=ID, endpoint=server.url, cleanup=cleanup)
    run(config, target(mode=WriteMode.OVERWRITE))
    with GoogleSheetsDestination(config) as open_:
        for number in (1, 2):
            where = target(run="run_2")
            receipt = stage(open_, where, TABLE, f"m{number:06}")
            open_.commit(where, [receipt], Checkpoint("run_2", number, None))
    assert len(server.rows(ID, "t") or []) == (4 if cleanup else 6)


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────


def test_a_quota_is_waited_for(config: GoogleSheetsConfig, server: SheetsServer, impatient: None):
    refusals = iter([429, 429, 503])

    def fail(method: str, _: str) -> None:
        if method != "GET" and (status := next(refusals, None)):
            raise RefusedError(status, "Quota exceeded for quota metric 'Write requests'.")

    server.fail = fail
    run(config, target())
    assert server.rows(ID, "t") == ROWS


def test_a_quota_that_stays_used_up(config: GoogleSheetsConfig, server: SheetsServer, impatient: None):
    def fail(method: str, _: str) -> None:
        raise RefusedError(429, "Quota exceeded for quota metric 'Read requests'.")

    server.fail = fail
    with GoogleSheetsDestination(config) as open_, pytest.raises(BusyError) as caught:
        open_.prepare(target())
    assert caught.value.code == "connection.limit"
    assert len(server.asked) == 7


def test_a_spreadsheet_that_may_only_be_read(config: GoogleSheetsConfig, server: SheetsServer):
    server.documents[ID].writable = False
    with GoogleSheetsDestination(config) as open_, pytest.raises(AuthError) as caught:
        open_.check()
    assert caught.value.code == "permission.denied"


def test_check_changes_nothing(config: GoogleSheetsConfig, server: SheetsServer):
    run(config, target())
    before = repr(server.documents[ID])
    with GoogleSheetsDestination(config) as open_:
        assert open_.check() == f"Google Sheets, 'Document {ID}'"
    assert repr(server.documents[ID]) == before


def test_a_spreadsheet_that_is_not_there(server: SheetsServer):
    config = GoogleSheetsConfig(sheet_url="another-document-entirely", endpoint=server.url)
    with GoogleSheetsDestination(config) as open_, pytest.raises(ConfigError) as caught:
        open_.check()
    assert caught.value.code == "spreadsheet.not_found"


@pytest.mark.parametrize(
    ("changes", "error", "code"),
    [
        ({"namespace": "x"}, ConfigError, "namespace.unsupported"),
        ({"name": "x" * 101}, SchemaError, "name.too_long"),
        ({"mode": WriteMode.UPSERT, "primary_key": ("id",)}, ConfigError, "write_mode.unsupported"),
    ],
)
def test_what_cannot_be_is_said_in_prepare(
    config: GoogleSheetsConfig, changes: dict[str, Any], error: type[Exception], code: str
):
    with GoogleSheetsDestination(config) as open_, pytest.raises(error) as caught:
        open_.prepare(target(**changes))
    assert getattr(caught.value, "code", "") == code


def test_no_credential_goes_over_plain_http(server: SheetsServer):
    config = GoogleSheetsConfig(sheet_url=ID, endpoint=server.url, access_token="secret-token")
    with Spreadsheet(config) as spreadsheet:
        spreadsheet.title()
    assert server.headers
    assert not any("secret-token" in text for text in [*server.asked, *server.headers])
