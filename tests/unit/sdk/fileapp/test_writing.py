"""Records as files: formats, what a crash leaves, and what may not be written."""

import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from support.filefolder import DiskFolder, application
from towpath.core.application import Outcome, Sending
from towpath.core.errors import DataError, UnreachableError
from towpath.sdk.fileapp import FileReading, FileWriting
from towpath.sdk.fileapp.journal import Journal
from towpath.sdk.testing.tools import PlainTools

ROWS = [{"id": 1, "name": 'a, "b"'}, {"id": 2, "more": {"x": [1.5, None]}, "name": "Zoë\tx\ny"}]


def sendings(*rows: Any) -> list[Sending]:
    return [Sending(data=row, record=row if isinstance(row, dict) else {}) for row in rows]


def write(disk: DiskFolder, tools: PlainTools, rows: list[Any], **request: Any) -> tuple[list[Outcome], Any]:
    """As one process of its own would."""
    app = application(disk)
    writing = FileWriting.model_validate({"name": "out", **request})
    outcomes = list(app.send(writing, sendings(*rows), tools))
    return outcomes, app.finish(writing, tools)


def out(disk: DiskFolder, name: str = "out") -> bytes:
    return (disk.root / "in" / name).read_bytes()


# ── formats ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, 'id,name,more\r\n1,"a, ""b""",\r\n2,"Zoë\tx\ny","{""x"":[1.5,null]}"\r\n'),
        ({"header": False, "row_delimiter": "\\n", "truncate_last": True, "replace_newline": True},
         '1,"a, ""b""",\n2,Zoë\tx y,"{""x"":[1.5,null]}"'),
        ({"column_delimiter": "\\t", "replace_tab": True, "replace_newline": True, "row_delimiter": "\\n"},
         'id\tname\tmore\n1\t"a, ""b"""\t\n2\tZoë x y\t"{""x"":[1.5,null]}"\n'),
        ({"quote_all": True, "column_delimiter": "||", "row_delimiter": "~", "header": False,
          "replace_newline": True},
         '"1"||"a, ""b"""||""~"2"||"Zoë\tx y"||"{""x"":[1.5,null]}"~'),
    ],
)  # fmt: skip
def test_csv(disk, tools, settings, text):
    outcomes, published = write(disk, tools, ROWS, csv=settings)
    assert out(disk).decode() == text
    assert [outcome.status for outcome in outcomes] == [200, 200]
    assert outcomes[0].id == "in/out"
    assert published == {"files": [{"name": "out", "path": "in/out", "size": len(out(disk)), "records": 2}]}


def test_json_xml_and_workbooks(disk, tools, tmp_path):
    for format in ("json", "xml", "xlsx"):
        place = tmp_path / format
        place.mkdir()
        write(disk, PlainTools(place), [*ROWS, {"id": "=1+1", "name": None}], format=format, name=format)
    assert json.loads(out(disk, "json")) == [*ROWS, {"id": "=1+1", "name": None}]
    app = application(disk)
    (page,) = app.pages(FileReading(format="xml", name_starts="xml"), 10, tools)
    assert page.records[0] == {"id": "1", "name": 'a, "b"'}
    assert page.records[1] == {"id": "2", "more": {"x": ["1.5", ""]}, "name": "Zoë\tx\ny"}
    sheet = openpyxl.load_workbook(io.BytesIO(out(disk, "xlsx"))).active
    assert list(sheet.values) == [
        ("id", "name", "more"),
        (1, 'a, "b"', None),
        (2, "Zoë\tx\ny", '{"x":[1.5,null]}'),
        ("=1+1", None, None),
    ]
    assert sheet["A4"].data_type != "f"


def test_encodings_and_compression(disk, tools, tmp_path):
    for name, request in {
        "a.csv.gz": {"compression": "gzip"},
        "b.csv.zip": {"compression": "zip"},
        "c.csv": {"encoding": "windows-1252"},
    }.items():
        place = tmp_path / f"{name}.d"
        place.mkdir()
        write(disk, PlainTools(place), [{"n": "Zoë"}], name=name, **request)
    assert gzip.decompress(out(disk, "a.csv.gz")) == "n\r\nZoë\r\n".encode()
    with zipfile.ZipFile(io.BytesIO(out(disk, "b.csv.zip"))) as archive:
        assert archive.namelist() == ["b.csv"]
        assert archive.read("b.csv") == "n\r\nZoë\r\n".encode()
    assert out(disk, "c.csv") == "n\r\nZoë\r\n".encode("cp1252")


@pytest.mark.parametrize(
    ("request_", "bad"),
    [
        ({"encoding": "windows-1252"}, {"n": "漢"}),
        ({}, {"n": "\ud800"}),
        ({"format": "xml"}, {"n": "\x00"}),
        ({"format": "xml"}, {"a b": 1}),
        ({"format": "xlsx"}, {"n": "\x01"}),
        ({"format": "xlsx"}, {"n": "x" * 40_000}),
        ({}, "no record"),
    ],
)
def test_what_the_format_cannot_hold_fails_alone(disk, tools, request_, bad):
    outcomes, published = write(disk, tools, [{"n": 1}, bad, {"n": 2}], **request_)
    assert [outcome.status for outcome in outcomes] == [200, 422, 200]
    assert outcomes[1].errors[0].code == "value.unrepresentable"
    assert published["files"][0]["records"] == 2


@example(rows=[{"a": "|", "b": ""}], format="csv", delimiter="||")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=25)
@given(
    rows=st.lists(st.fixed_dictionaries({"a": st.text(), "b": st.text()}), min_size=1, max_size=5),
    format=st.sampled_from(["csv", "json", "xml"]),
    delimiter=st.sampled_from([",", "||"]),
)
def test_what_is_written_is_read(tmp_path_factory, rows, format, delimiter):
    root = tmp_path_factory.mktemp("server")
    (root / "in").mkdir()
    disk, tools = DiskFolder(root), PlainTools(root)
    csv = {"column_delimiter": delimiter}
    outcomes, _ = write(disk, tools, rows, format=format, csv=csv)
    kept = [row for row, outcome in zip(rows, outcomes, strict=True) if not outcome.failed]
    reading = FileReading.model_validate({"format": format, "csv": csv})
    found = [record for page in application(disk).pages(reading, 3, tools) for record in page.records]
    assert found == kept


# ── one file for the run, a page, a record ───────────────────────────────────────────────────────


def turned(folder: Path, page: Any) -> PlainTools:
    return PlainTools(folder, words={} if page is None else {"page": page})


def test_one_file_for_the_run_holds_each_page_once(disk, tmp_path):
    work = tmp_path / "work"
    writing = FileWriting(name="out-{{timestamp}}.csv", csv={"header": False, "row_delimiter": "\n"})
    for page in (1, 2, 2, 3):  # each in a process of its own; the second dies, and comes again
        outcomes = application(disk).send(writing, sendings({"id": page}), turned(work, page))
    last = application(disk)
    last.send(writing, sendings({"id": 3}), turned(work, 4))
    assert list((disk.root / "in").iterdir()) == []
    published = last.finish(writing, turned(work, None))
    assert (disk.root / outcomes[0].id).read_text() == "1\n2\n3\n3\n"
    assert application(disk).finish(writing, turned(work, None)) == published
    assert disk.puts == [outcomes[0].id]


def test_a_page_that_comes_again_takes_the_place_of_what_it_was(disk, tmp_path):
    work = tmp_path / "work"
    writing = FileWriting(name="out", csv={"header": False, "row_delimiter": "\n"})
    for page, rows in ((1, "ab"), (2, "cd"), (2, "ce")):
        application(disk).send(writing, sendings(*({"id": row} for row in rows)), turned(work, page))
    application(disk).finish(writing, turned(work, None))
    assert out(disk) == b"a\nb\nc\ne\n"
    pages = FileWriting(name="page", per="page", csv={"header": False, "row_delimiter": "\n"})
    for rows in ("ab", "ab", "ac"):
        work = tmp_path / "backup"
        application(disk).send(pages, sendings(*({"id": row} for row in rows)), turned(work, 1))
    assert out(disk, "page") == b"a\nc\n"
    assert disk.puts == ["in/out", "in/page", "in/page"]


def test_equal_records_of_one_page_are_not_taken_for_one(disk, tools):
    app, writing = application(disk), FileWriting(name="out", csv={"header": False, "row_delimiter": "\n"})
    for _ in range(3):
        app.send(writing, sendings({"id": 1}), tools)
    again = application(disk)
    for _ in range(3):
        again.send(writing, sendings({"id": 1}), tools)
    again.finish(writing, tools)
    assert out(disk) == b"1\n1\n1\n"


def test_a_run_without_records_writes_no_file(disk, tools):
    assert write(disk, tools, []) == ([], {"files": []})


@pytest.mark.parametrize("per", ["page", "record"])
def test_files_of_pages_and_records(disk, tmp_path, per):
    work = tmp_path / "work"
    writing = FileWriting(name="f-{{{record.id}}}", extension="csv", per=per, csv={"header": False})
    app = application(disk)
    outcomes = [*app.send(writing, sendings({"id": 1}, {"id": 2}), turned(work, 1))]
    outcomes += app.send(writing, sendings({"id": 1}), turned(work, 2))
    again = application(disk)
    outcomes += again.send(writing, sendings({"id": 1}), turned(work, 2))
    names = [outcome.id for outcome in outcomes]
    if per == "page":
        assert names == ["in/f-1.csv", "in/f-1.csv", "in/f-1-2.csv", "in/f-1-2.csv"]
    else:
        assert names == ["in/f-1.csv", "in/f-2.csv", "in/f-1-2.csv", "in/f-1-2.csv"]
    assert len(disk.puts) == len(set(names)), "what was sent twice is written once"
    assert [file["path"] for file in again.finish(writing, tools_of(work))["files"]] == list(
        dict.fromkeys(names)
    )


def tools_of(work: Path) -> PlainTools:
    return turned(work, None)


def test_a_transfer_that_failed_writes_the_same_file_again(disk, tools):
    writing = FileWriting(name="out-{{timestamp}}.csv", backup="backup")
    app = application(disk)
    (outcome,) = app.send(writing, sendings({"id": 1}), tools)

    def fail() -> None:
        raise UnreachableError("connection.lost", "The line broke.", hint="Wait.")

    disk.before_put = fail
    with pytest.raises(UnreachableError):
        app.finish(writing, tools)
    disk.before_put = lambda: None
    published = application(disk).finish(writing, tools)
    assert [file["path"] for file in published["files"]] == [outcome.id]
    name = outcome.id.removeprefix("in/")
    assert sorted(path.name for path in (disk.root / "in").iterdir()) == [name]
    assert (disk.root / "backup" / name).read_bytes() == out(disk, name)
    assert not list((disk.root / "work" / "outgoing").glob("*.draft"))


@pytest.mark.parametrize("name", ["../x", "a/b", "{{{record.id}}}", "..", " "])
def test_names_that_lead_out_are_refused(disk, tools, name):
    writing = FileWriting(name=name)
    with pytest.raises(DataError) as caught:
        application(disk).send(writing, sendings({"id": "../../etc/passwd"}), tools)
    assert caught.value.code == "file.name"
    alone = FileWriting(name=name, per="record")
    (outcome,) = application(disk).send(alone, sendings({"id": "../../etc/passwd"}), tools)
    assert (outcome.status, outcome.errors[0].code) == (422, "file.name")


def test_a_torn_line_of_the_journal_goes(tmp_path):
    path = tmp_path / "j"
    journal = Journal(path)
    journal.add({"a": "x" * 100_000})
    whole = path.read_bytes()
    for cut in (1, 50_000, len(whole) - 1):
        path.write_bytes(whole + whole[:cut])
        assert [len(line["a"]) for line in Journal(path).lines()] == [100_000]
        assert path.read_bytes() == whole
    path.write_bytes(whole[:-1])
    assert list(Journal(path).lines()) == []


# ── taking files away ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("request_", "left", "backup"), [
    ({}, ["c.csv", "d.csv"], []),
    ({"backup": "backup"}, ["c.csv", "d.csv"], ["a.csv", "b.csv"]),
    ({"skip_delete": True}, ["a.csv", "b.csv", "c.csv", "d.csv"], []),
])  # fmt: skip
def test_files_go_when_they_are_done_and_not_before(disk, tools, request_, left, backup):
    for name in ("a.csv", "b.csv", "c.csv", "d.csv"):
        (disk.root / "in" / name).write_bytes(b"id\n1\n2\n")
    reading = FileReading(**request_)
    app = application(disk)
    pages = list(app.pages(reading, 1, tools))
    assert len(list((disk.root / "in").iterdir())) == 4
    (disk.root / "in" / "c.csv").write_bytes(b"id\n1\n2\n3\n")
    done = [dict(file) for page in pages[:-1] for file in page.files]
    done = json.loads(json.dumps(done))
    for _ in range(2):
        answers = app.read_back(reading, done, tools)
        assert len(answers) == len(done)
        codes = [answer.code for answer in answers if answer]
        assert codes == ([] if request_.get("skip_delete") else ["file.changed"])
    assert sorted(path.name for path in (disk.root / "in").iterdir()) == left
    assert sorted(path.name for path in (disk.root / "backup").iterdir()) == backup
