"""Files as records: formats, compression, encodings, and whatever can be wrong with them."""

import csv
import datetime as dt
import gzip
import io
import json
import struct
import tracemalloc
import zipfile
from dataclasses import replace
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.filefolder import application
from towpath.core.errors import ConfigError, DataError
from towpath.sdk.fileapp import FileReading
from towpath.sdk.fileapp.parse_csv import csv_items
from towpath.sdk.fileapp.reading import CsvReading, SortField
from towpath.sdk.fileapp.shaping import in_order
from towpath.sdk.testing.tools import PlainTools


def records(pages: list[Any]) -> list[Any]:
    return [record for page in pages for record in page.records]


def failures(pages: list[Any]) -> list[Any]:
    return [failure for page in pages for failure in page.failures]


def zipped(**files: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file.getvalue()


# ── CSV ──────────────────────────────────────────────────────────────────────────────────────────


def test_csv(put, read):
    put("a.csv", b'\xef\xbb\xbfid,name\r\n1,"Ada, the first"\n2,"two\nlines"\r3,""\n\n')
    assert records(read()) == [
        {"id": "1", "name": "Ada, the first"},
        {"id": "2", "name": "two\nlines"},
        {"id": "3", "name": ""},
    ]


@pytest.mark.parametrize(
    ("settings", "data"),
    [
        ({"column_delimiter": "\\t"}, b"id\tname\n1\ta b\n"),
        ({"column_delimiter": "||"}, b'id||name\n1||"a b"\n'),
        ({"row_delimiter": "~"}, b"id,name~1,a b~"),
        ({"column_delimiter": "|", "row_delimiter": "\\r\\n"}, b"id|name\r\n1|a b"),
        ({"trim": True}, b" id , name \n 1 , a b \n"),
        ({"skip_rows": 2}, b"Report\n\nid,name\n1,a b\n"),
        ({"quotes": False}, b'id,"name"\n"1",a b\n'),
        ({"column_delimiter": "::", "quotes": False}, b'id::name\n1::"a b"\n'),
    ],
)
def test_csv_settings(put, read, settings, data):
    put("a.csv", data)
    assert records(read(csv=settings)) == [{"id": "1", "name": "a b"}]


def test_csv_without_a_header(put, read):
    put("a.csv", b"1,a\n2\n")
    assert records(read(csv={"header": False})) == [{"Column0": "1", "Column1": "a"}, {"Column0": "2"}]


@pytest.mark.parametrize("delimiter", [",", ";;"])
def test_rows_that_are_none_fail_alone_with_their_number(put, read, delimiter):
    text = 'id,name\n1,a\n2\n3,c,x\n4,"d"e\n5,e\n6,"open\n'.replace(",", delimiter)
    put("a.csv", text.encode())
    pages = read(csv={"column_delimiter": delimiter})
    assert [record["id"] for record in records(pages)] == ["1", "5"]
    found = failures(pages)
    assert [failure.code for failure in found] == ["record.unreadable"] * 4
    assert [f"Row {number} of in/a.csv (line {number + 1})" in failure.message
            for number, failure in zip((2, 3, 4, 6), found, strict=True)] == [True] * 4  # fmt: skip
    assert found[1].record == {"Column0": "3", "Column1": "c", "Column2": "x"}


def test_an_open_quote_does_not_swallow_the_file(put, read):
    put("a.csv", b'id,name\n1,"' + b"x\n" * 2_650_000 + b"2,b\n")
    pages = read(size=10_000)
    assert failures(pages)[0].message.startswith("Row 1 ")
    assert records(pages)[-1] == {"id": "2", "name": "b"}


def test_a_line_without_an_end_is_one_failure(put, read):
    put("a.csv", b"id,name\n1," + b"x" * 12_000_000 + b"\n2,b\n")
    pages = read()
    assert len(failures(pages)) == 1
    assert records(pages) == [{"id": "2", "name": "b"}]


def test_columns_of_one_name_are_refused(put, read):
    put("a.csv", b"id,id\n1,2\n")
    with pytest.raises(DataError) as caught:
        read()
    assert caught.value.code == "column.duplicate"


def test_rows_of_one_key_are_one_record(put, read):
    put("a.csv", b"order,item\n1,a\n1,b\n2,c\n1,d\n")
    found = records(read(key_columns=["order"]))
    assert [[row["item"] for row in group] for group in found] == [["a", "b"], ["c"], ["d"]]
    found = records(
        read(key_columns=["order"], sort_by=[{"field": "order"}, {"field": "item", "descending": True}])
    )
    assert [[row["item"] for row in group] for group in found] == [["d", "b", "a"], ["c"]]


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=40)
@given(
    rows=st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=2, max_size=2)
    ),
    delimiter=st.sampled_from([",", ";", "\t", "||", "<>"]),
)
def test_csv_reads_what_was_written(rows, delimiter):
    mark = "\1"
    file = io.StringIO()
    csv.writer(file, delimiter=mark, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(
        [["a", "b"], *rows]
    )
    rows = [[cell.replace(mark, "") for cell in row] for row in rows]
    text = "\n".join(
        delimiter.join('"' + cell.replace('"', '""') + '"' for cell in row) for row in [["a", "b"], *rows]
    )
    reading = CsvReading(column_delimiter=delimiter)
    found = list(csv_items(io.BytesIO(text.encode()), reading, "utf-8", "x"))
    assert found == [{"a": one, "b": two} for one, two in rows]


@given(data=st.binary(max_size=300), delimiter=st.sampled_from([",", "||"]))
def test_any_bytes_are_records_or_an_error_of_ours(data, delimiter):
    reading = CsvReading(column_delimiter=delimiter)
    for encoding in ("utf-8", "utf-16-le", "gb18030", "shift-jis"):
        try:
            list(csv_items(io.BytesIO(data), reading, encoding, "x"))
        except DataError as error:
            assert error.hint  # noqa: PT017 - one of two ways, both right


# ── encodings ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("encoding", "codec", "text"),
    [
        ("utf-8", "utf-8", "Zoë 漢"),
        ("windows-1252", "cp1252", "Zoë €"),
        ("utf-16-le", "utf-16-le", "\ufeffZoë 漢"),
        ("gb18030", "gb18030", "漢字"),
        ("mac-roman", "mac-roman", "Zoë"),
        ("iso-8859-1", "latin-1", "Zoë"),
        ("shift-jis", "cp932", "髙橋"),
    ],
)
def test_encodings(put, read, encoding, codec, text):
    put("a.csv", f"{text}\n{text}\n".encode(codec))
    plain = text.removeprefix("\ufeff")
    assert records(read(encoding=encoding)) in ([{plain: plain}], [{plain: text}])


@pytest.mark.parametrize("format", ["csv", "json"])
def test_undecodable_bytes_are_named_with_their_place(put, read, format):
    before = b'{"a":"' + b"x" * 200_000
    put("a", before + b"\xff\n")
    with pytest.raises(DataError) as caught:
        read(format=format)
    assert caught.value.code == "file.encoding"
    assert "utf-8" in caught.value.message
    assert f"ff at offset {len(before)} " in caught.value.message


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────


NUMBERS = [1.5, None, True, 12345678901234567890, 1000.0, "98765432109876543210", "0.1234567890123456789"]
ITEM = (
    '{"id":1,"x":{"y":[1.5,null,true,12345678901234567890,1e3,98765432109876543210,0.1234567890123456789]}}'
)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('[@@,{"id":2}]', ""),
        (
            '{"a":{"skip":[{"id":9}],"list":[@@,{"id":2}]}}',
            "a.list",
        ),
        ('\ufeff@@\n{"id":2}\n', ""),
    ],
)
def test_json(put, read, text, path):
    put("a.json", text.replace("@@", ITEM).encode())
    found = records(read(format="json", json={"path": path}))
    assert found == [{"id": 1, "x": {"y": NUMBERS}}, {"id": 2}]
    assert type(found[0]["x"]["y"][0]) is float


def test_one_json_object_is_one_record(put, read):
    put("a.json", b'{"a":{"id":1}}')
    assert records(read(format="json", json={"path": "a"})) == [{"id": 1}]


def test_json_in_another_encoding(put, read):
    put("a.json", '[{"n":"Zoë"}]'.encode("utf-16-le"))
    assert records(read(format="json", encoding="utf-16-le")) == [{"n": "Zoë"}]


def test_a_path_that_matches_nothing_is_a_warning(put, read):
    put("a.json", b'{"a":[]}')
    put("b.xml", b"<a><b/></a>")
    (page,) = read(format="json", name_ends=".json", json={"path": "b"})
    assert "in/a.json has nothing at 'b'" in page.warnings[0]
    (page,) = read(format="xml", name_ends=".xml", xml={"path": "/a/c"})
    assert "no element /a/c" in page.warnings[0]
    (page,) = read(format="json", name_ends=".json", json={"path": "a"})
    assert not page.warnings


def test_broken_json_gives_what_came_before_it(put, read, disk, tools):
    put("a.json", b'[{"id":1},3,{"id":2}' + b" " * 100 + b"oops]")
    seen: list[Any] = []
    pages = application(disk).pages(FileReading(format="json"), 2, tools)
    with pytest.raises(DataError) as caught:
        seen.extend(pages)
    assert caught.value.code == "file.invalid"
    assert records(seen) == [{"id": 1}, {"id": 2}]
    assert len(failures(seen)) == 1
    assert not any(page.files[0]["complete"] for page in seen)


# ── XML ──────────────────────────────────────────────────────────────────────────────────────────

ORDERS = """<?xml version="1.0" encoding="iso-8859-1"?>
<orders xmlns="urn:x"><order id="1"><name>Zoë</name><item>a</item><item>b</item></order>
<order id="2"><name lang="de">Bo<!-- x --></name><sub><order id="inner"/></sub></order><note>n</note></orders>
""".encode("latin-1")
FIRST = {"@id": "1", "name": "Zoë", "item": ["a", "b"]}
SECOND = {"@id": "2", "name": {"@lang": "de", "#text": "Bo"}, "sub": {"order": {"@id": "inner"}}}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", [FIRST, SECOND, {"#text": "n"}]),
        ("/orders/order", [FIRST, SECOND]),
        ("//order", [FIRST, SECOND]),
        ("//order[@id='2']", [SECOND]),
        ("//sub/order", [{"@id": "inner"}]),
    ],
)
def test_xml(put, read, path, found):
    put("a.xml", ORDERS)
    assert records(read(format="xml", xml={"path": path})) == found


@pytest.mark.parametrize("path", ["", "//*[1]"])
@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a><b>&x;</b></a>',
        '<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx"><!ENTITY y "&x;&x;&x;&x;&x;">]><a><b>&y;&y;</b></a>',
        "<a><b></a>",
        "",
    ],
)
def test_hostile_and_broken_xml_is_refused(put, read, path, text):
    put("a.xml", text.encode())
    with pytest.raises(DataError) as caught:
        read(format="xml", xml={"path": path})
    assert caught.value.code == "file.invalid"


def test_a_wrong_xpath_is_told(put, read):
    put("a.xml", b"<a/>")
    with pytest.raises(ConfigError) as caught:
        read(format="xml", xml={"path": "//[["})
    assert caught.value.code == "path.invalid"


# ── XLSX ─────────────────────────────────────────────────────────────────────────────────────────


def workbook(*rows: list[Any]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def test_xlsx(put, read):
    put(
        "a.xlsx",
        workbook(
            ["id", None, "at"],
            [1, "x", dt.datetime.fromisoformat("2026-01-31T12:00")],
            [],
            [2.5, True],
            [1, 2, 3, 4],
        ),
    )
    pages = read(format="xlsx")
    assert records(pages) == [
        {"id": 1, "Column1": "x", "at": "2026-01-31T12:00:00"},
        {"id": 2.5, "Column1": True, "at": None},
    ]
    assert "Row 5 " in failures(pages)[0].message
    assert records(read(format="xlsx", xlsx={"header": False}))[0]["Column0"] == "id"


def test_a_zipped_workbook_and_one_that_is_none(put, read):
    put("a.zip", zipped(**{"b.xlsx": workbook(["id"], [1])}))
    put("b.xlsx", b"no workbook")
    assert records(read(format="xlsx", compression="zip", name_ends=".zip")) == [{"id": 1}]
    with pytest.raises(DataError) as caught:
        read(format="xlsx", name_ends=".xlsx")
    assert caught.value.code == "file.invalid"


BOMB = b"id\n" + (b"1" * 999 + b"\n") * 80_000


# ── compression ──────────────────────────────────────────────────────────────────────────────────


def test_compressed_files(put, read):
    put("a.gz", gzip.compress(b"id\n1\n") + gzip.compress(b"2\n"))
    put("b.zip", zipped(**{"x.csv": b"id\n3\n", "dir/y.csv": b"id\n4\n"}))
    assert records(read(compression="gzip", name_ends=".gz")) == [{"id": "1"}, {"id": "2"}]
    assert records(read(compression="zip", name_ends=".zip")) == [{"id": "3"}, {"id": "4"}]


@pytest.mark.parametrize(
    ("compression", "data", "code"),
    [
        ("gzip", gzip.compress(b"id\n1\n" * 1000)[:-20], "file.invalid"),
        ("gzip", b"id\n1\n", "file.invalid"),
        ("zip", b"id\n1\n", "file.invalid"),
        ("zip", zipped(**{"../x.csv": b"id\n1\n"}), "file.name"),
        ("zip", zipped(**{"/etc/x.csv": b"id\n1\n"}), "file.name"),
        ("gzip", gzip.compress(BOMB), "file.bomb"),
        ("zip", zipped(**{"x.csv": BOMB}), "file.bomb"),
    ],
    ids=["torn", "no gzip", "no zip", "outside", "root", "gzip bomb", "zip bomb"],
)
def test_hostile_and_broken_archives_are_refused(disk, put, tools, compression, data, code):
    put("a", data)
    with pytest.raises(DataError) as caught:
        for _ in application(disk).pages(FileReading(compression=compression), 10_000, tools):
            pass
    assert caught.value.code == code


def test_a_zip_that_lies_about_its_sizes_is_found_out(disk, put, tools):
    data = zipped(**{"x.csv": BOMB})
    real, place = struct.pack("<I", len(BOMB)), data.rfind(b"PK\1\2")
    assert data[place + 24 : place + 28] == real
    put("a", data[: place + 24] + struct.pack("<I", 9) + data[place + 28 :])
    with pytest.raises(DataError) as caught:
        list(application(disk).pages(FileReading(compression="zip"), 10_000, tools))
    assert caught.value.code == "file.invalid", "no more is read than it says, and that has another checksum"


# ── pages ────────────────────────────────────────────────────────────────────────────────────────


def test_pages_go_on_behind_every_cursor(put, read):
    put("b.csv", b"id\n" + b"".join(b"%d\n" % number for number in range(10, 25)))
    put("a.csv", b"id\n" + b"".join(b"%d\n" % number for number in range(10)))
    put("c.csv", b"")
    put("d.txt", b"id\n99\n")
    pages = read(size=4, name_ends=".csv")
    assert [int(record["id"]) for record in records(pages)] == list(range(25))
    assert [page.files[0]["complete"] for page in pages] == [0, 0, 1, 0, 0, 0, 1, 1]
    assert pages[-1].after is None
    for place, page in enumerate(pages[:-1], 1):
        after = json.loads(json.dumps(page.after))
        assert read(size=4, name_ends=".csv", after=after) == pages[place:]


def test_a_file_that_changed_is_not_gone_on_with(put, read):
    put("a.csv", b"id\n1\n2\n3\n")
    after = read(size=2)[0].after
    put("a.csv", b"id\n1\n2\n3\n4\n")
    with pytest.raises(Exception, match=r"changed while it was read") as caught:
        read(size=2, after=after)
    assert caught.value.code == "file.changed"


def test_a_file_that_grows_while_it_is_fetched_is_refused(put, read, disk):
    put("a.csv", b"id\n1\n")
    fetch = disk.fetch
    disk.fetch = lambda path, write, check: (put("a.csv", b"id\n1\n2\n"), fetch(path, write, check))
    with pytest.raises(Exception, match=r"changed while it was read") as caught:
        read()
    assert caught.value.retryable
    assert not list((disk.root / "work").iterdir())


def test_names_that_lead_out_are_refused(put, read, disk):
    put("a.csv", b"id\n1\n")
    entries = disk.entries
    for name in ("../a.csv", "..", "a\nb.csv", "x/a.csv", "..\\a.csv"):
        disk.entries = lambda folder, starts, name=name: [
            replace(one, name=name) for one in entries(folder, starts)
        ]
        with pytest.raises(DataError) as caught:
            read()
        assert caught.value.code == "file.name"


def test_pages_are_cut_at_five_megabytes(put, read):
    rows = [{"id": number, "text": "x" * 2_000_000} for number in range(5)]
    put("a.json", json.dumps([*rows, {"id": 9, "text": "y" * 6_000_000}]).encode())
    pages = read(format="json")
    assert [len(page.records) for page in pages] == [2, 2, 1]
    assert [failure.code for failure in failures(pages)] == ["record.too_large"]


def test_metadata_are_records_about_files(put, read, disk):
    put("a.csv", b"id\n1\n")
    put("b.csv", b"id\n2\n")
    put(".c.csv.part", b"id\n")
    found = records(read(output="metadata"))
    assert [(one["fileName"], one["fileSize"]) for one in found] == [("a.csv", 5), ("b.csv", 5)]
    pages = read(output="metadata", size=1)
    assert [page.files for page in pages] == [(), ()]
    assert read(output="metadata", size=1, after=pages[0].after) == pages[1:]
    assert disk.fetched == []
    assert len(read(output="metadata", name_starts=".c")) == 1


def test_a_lookup_names_its_file_by_the_record(put, disk, tools):
    put("1.csv", b"id\na\n")
    put("2.csv", b"id\nb\n")
    reading = FileReading(name_starts="{{{record.no}}}.")
    app = application(disk)
    for _ in range(2):
        assert records(app.pages(reading, 10, tools, record={"no": 2})) == [{"id": "b"}]
    assert disk.fetched == ["in/2.csv"], "fetched once for all records"


def test_sorting_more_than_fits_in_memory(tmp_path):
    rows = [{"n": value} for value in ("10", 9, None, "b", "a", -1, "", [1], "1e1", True)]
    value = PlainTools(tmp_path).value
    for piece in (3, 100):
        up = list(in_order(rows, [SortField(field="n")], value, tmp_path, piece))
        assert [one["n"] for one in up] == [-1, True, 9, "10", "1e1", "a", "b", [1], None, ""]
        down = list(in_order(rows, [SortField(field="n", descending=True)], value, tmp_path, piece))
        assert [one["n"] for one in down] == [[1], "b", "a", "10", "1e1", 9, True, -1, None, ""]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("format", ["csv", "json", "xml"])
def test_large_files_never_sit_in_memory(disk, put, tools, format):
    row = b"x" * 1000
    count = 50_000
    whole = {
        "csv": (b"id,text\n", b"1," + row + b"\n", b""),
        "json": (b"[{}", b',{"id":1,"text":"' + row + b'"}', b"]"),
        "xml": (b"<a>", b"<b><id>1</id><text>" + row + b"</text></b>", b"</a>"),
    }[format]
    put("big", whole[0] + whole[1] * (count if format == "csv" else 10_000) + whole[2])
    read = 0
    app = application(disk)
    pages = app.pages(FileReading(format=format), 100, tools)
    tracemalloc.start()
    try:
        for page in pages:
            read += len(page.records)
        assert tracemalloc.get_traced_memory()[1] < 12_000_000
    finally:
        tracemalloc.stop()
    assert read >= 10_000
