"""BigQuery's REST API, as far as our destination uses it, over real HTTP with DuckDB as the SQL engine.

The vendor's own client talks to it. It follows the public description of the API: datasets, tables with
schemas and etags, load jobs by multipart and resumable upload, query jobs that are scripts, job ids that
are taken once only. SQL is translated by sqlglot. Transactions are DuckDB's own.
"""

import io
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import duckdb
import pyarrow.parquet as pq
import pytest
import sqlglot
from sqlglot import exp

from support.loopback import loopback

#: Types of the API, as DuckDB has them.
_DUCK = {
    "STRING": "VARCHAR",
    "INT64": "BIGINT",
    "FLOAT64": "DOUBLE",
    "BOOL": "BOOLEAN",
    "BYTES": "BLOB",
    "NUMERIC": "DECIMAL(38,9)",
    "BIGNUMERIC": "DECIMAL(38,10)",
    "DATE": "DATE",
    "TIME": "TIME",
    "DATETIME": "TIMESTAMP",
    "TIMESTAMP": "TIMESTAMPTZ",
    "JSON": "JSON",
}
_LEGACY = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN"}
_STANDARD = {legacy: name for name, legacy in _LEGACY.items()}
_TABLE = r"/projects/([^/]+)/datasets/([^/]+)/tables"
_ASSERT = re.compile(r"ASSERT\s+(.*?)\s+AS\s+'([^']*)'\s*$", re.DOTALL | re.IGNORECASE)


class RefusedError(Exception):
    """What the service answers with instead of a result."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message

    @property
    def error(self) -> dict[str, Any]:
        one = {"reason": self.reason, "message": self.message, "domain": "global"}
        return {"code": self.status, "message": self.message, "errors": [one]}


@dataclass
class BigqueryServer:
    """The service. Every dataset name is a fresh, empty place."""

    port: int = 0
    database: duckdb.DuckDBPyConnection = field(default_factory=duckdb.connect)
    tables: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    datasets: set[str] = field(default_factory=set)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    uploads: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    fail: Callable[[str, str], None] = lambda *_: None
    """Called with what is done next (``query``, ``load``, method) and where; may raise `RefusedError`."""
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def config(self, dataset: str, **more: Any) -> dict[str, Any]:
        return {
            "bq_dataset": dataset,
            "destination_project_id": "towpath-test",
            "endpoint": self.url,
        } | more

    def rows(self, dataset: str, table: str) -> list[dict[str, Any]] | None:
        """What a reader of the table sees; None if there is no such table."""
        with self.lock, self.database.cursor() as cursor:
            if (dataset, table) not in self.tables:
                return None
            cursor.execute("SET TimeZone = 'UTC'").fetchall()
            return cursor.sql(f"SELECT * FROM {_name(dataset, table)}").to_arrow_table().to_pylist()

    # ── datasets and tables ──────────────────────────────────────────────────────────────────────

    def dataset(self, project: str, dataset: str) -> dict[str, Any]:
        if dataset not in self.datasets:
            raise RefusedError(404, "notFound", f"Not found: Dataset {project}:{dataset}")
        return {"datasetReference": {"projectId": project, "datasetId": dataset}, "location": "EU"}

    def create_dataset(self, project: str, body: dict[str, Any]) -> dict[str, Any]:
        dataset = body["datasetReference"]["datasetId"]
        if dataset in self.datasets:
            raise RefusedError(409, "duplicate", f"Already Exists: Dataset {project}:{dataset}")
        self.datasets.add(dataset)
        self.do(f'CREATE SCHEMA "{dataset}"')
        return self.dataset(project, dataset)

    def list_tables(self, project: str, dataset: str) -> dict[str, Any]:
        self.dataset(project, dataset)
        found = [one for (place, _), one in sorted(self.tables.items()) if place == dataset]
        return {"kind": "bigquery#tableList", "tables": found, "totalItems": len(found)}

    def table(self, project: str, dataset: str, table: str) -> dict[str, Any]:
        found = self.tables.get((dataset, table))
        if found is None:
            raise RefusedError(404, "notFound", f"Not found: Table {project}:{dataset}.{table}")
        count = self.do(f"SELECT count(*) FROM {_name(dataset, table)}")[0][0]
        return found | {"numRows": str(count)}

    def do(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one statement to its end."""
        return self.database.execute(sql).fetchall()

    def create_table(self, project: str, dataset: str, body: dict[str, Any]) -> dict[str, Any]:
        self.dataset(project, dataset)
        table = body["tableReference"]["tableId"]
        if (dataset, table) in self.tables:
            raise RefusedError(409, "duplicate", f"Already Exists: Table {project}:{dataset}.{table}")
        fields = body["schema"]["fields"]
        columns = ", ".join(f"{_quote(one['name'])} {_duck(one['type'])}" for one in fields)
        self.do(f"CREATE TABLE {_name(dataset, table)} ({columns})")
        self.tables[dataset, table] = {"type": "TABLE", "etag": "1"} | body | {"schema": _schema(fields)}
        return self.table(project, dataset, table)

    def patch_table(self, project: str, dataset: str, table: str, body: dict[str, Any], etag: str) -> Any:
        found = self.table(project, dataset, table)
        if etag and etag != found["etag"]:
            raise RefusedError(412, "conditionNotMet", "Precondition check failed.")
        new = body.get("schema", {}).get("fields")
        have = [one["name"] for one in found["schema"]["fields"]]
        if new and [one["name"] for one in new][: len(have)] != have:
            raise RefusedError(400, "invalid", "Provided Schema does not match Table.")
        for one in (new or have)[len(have) :]:
            column = f"{_quote(one['name'])} {_duck(one['type'])}"
            self.do(f"ALTER TABLE {_name(dataset, table)} ADD COLUMN {column}")
        changed = body | ({"schema": _schema(new)} if new else {}) | {"etag": str(int(found["etag"]) + 1)}
        self.tables[dataset, table].update(changed)
        return self.table(project, dataset, table)

    def delete_table(self, project: str, dataset: str, table: str) -> dict[str, Any]:
        self.table(project, dataset, table)
        self.do(f"DROP TABLE {_name(dataset, table)}")
        del self.tables[dataset, table]
        return {}

    # ── jobs ─────────────────────────────────────────────────────────────────────────────────────

    def insert_job(self, project: str, body: dict[str, Any], data: bytes | None = None) -> dict[str, Any]:
        job_id = body["jobReference"]["jobId"]
        if job_id in self.jobs:
            raise RefusedError(409, "duplicate", f"Already Exists: Job {project}:EU.{job_id}")
        job = self.jobs[job_id] = {
            "kind": "bigquery#job",
            "id": f"{project}:EU.{job_id}",
            "jobReference": {"projectId": project, "jobId": job_id, "location": "EU"},
            "configuration": body["configuration"],
            "status": {"state": "DONE"},
            "statistics": {"query": {"statementType": "SCRIPT"}},
            "rows": [],
        }
        try:
            if "load" in body["configuration"]:
                self.fail("load", body["configuration"]["load"]["destinationTable"]["tableId"])
                self._load(body["configuration"]["load"], data or b"")
            elif not body["configuration"].get("dryRun"):
                query = body["configuration"]["query"]
                self.fail("query", query["query"])
                self._query(job, query)
        except RefusedError as refused:
            job["refused"], job["status"]["errorResult"] = refused, refused.error["errors"][0]
        except duckdb.Error as error:
            refused = RefusedError(400, "invalid", str(error).splitlines()[0])
            job["refused"], job["status"]["errorResult"] = refused, refused.error["errors"][0]
        return self.job(project, job_id)

    def job(self, project: str, job_id: str) -> dict[str, Any]:
        if job_id not in self.jobs:
            raise RefusedError(404, "notFound", f"Not found: Job {project}:{job_id}")
        return {name: value for name, value in self.jobs[job_id].items() if name not in {"rows", "refused"}}

    def results(self, project: str, job_id: str) -> dict[str, Any]:
        self.job(project, job_id)
        job = self.jobs[job_id]
        if "refused" in job:
            raise job["refused"]
        return {
            "kind": "bigquery#getQueryResultsResponse",
            "jobComplete": True,
            "jobReference": job["jobReference"],
            "schema": {"fields": job.get("fields", [])},
            "totalRows": str(len(job["rows"])),
            "rows": [{"f": [{"v": None if one is None else str(one)} for one in row]} for row in job["rows"]],
        }

    def _load(self, load: dict[str, Any], data: bytes) -> None:
        place = load["destinationTable"]
        found = self.table(place["projectId"], place["datasetId"], place["tableId"])
        have = {one["name"]: _STANDARD.get(one["type"], one["type"]) for one in found["schema"]["fields"]}
        given = {one["name"]: _STANDARD.get(one["type"], one["type"]) for one in load["schema"]["fields"]}
        if have != given:
            raise RefusedError(400, "invalid", "Provided Schema does not match Table.")
        rows = pq.read_table(io.BytesIO(data))
        self.database.register("upload", rows)
        columns = ", ".join(map(_quote, rows.column_names))
        name = _name(place["datasetId"], place["tableId"])
        self.do(f"INSERT INTO {name} ({columns}) SELECT {columns} FROM upload")
        self.database.unregister("upload")

    def _query(self, job: dict[str, Any], query: dict[str, Any]) -> None:
        given = {one["name"]: _value(one) for one in query.get("queryParameters", [])}
        kept = dict(self.tables)
        with self.database.cursor() as cursor:
            cursor.execute("SET TimeZone = 'UTC'").fetchall()
            try:
                for text in _statements(query["query"]):
                    self._statement(cursor, job, text, given)
            except BaseException:
                # A script that ends within a transaction takes it back.
                self.tables = kept
                with suppress(duckdb.TransactionException):
                    cursor.execute("ROLLBACK").fetchall()
                raise

    def _statement(self, cursor: Any, job: dict[str, Any], text: str, given: dict[str, Any]) -> None:
        if text.upper() in {"BEGIN TRANSACTION", "COMMIT TRANSACTION"}:
            cursor.execute(text).fetchall()
            return
        if found := _ASSERT.fullmatch(text):
            if not self._run(cursor, f"SELECT {found[1]}", given)[0][0]:
                raise RefusedError(400, "invalidQuery", f"{found[2]} at [1:1]")
            return
        tree = sqlglot.parse_one(text, read="bigquery")
        if isinstance(tree, exp.Create):
            self._replace(cursor, tree, given)
            return
        rows = self._run(cursor, text, given)
        if isinstance(tree, exp.Alter):
            self._describe(cursor, tree)
        if isinstance(tree, exp.Select):
            kinds = [str(one[1]) for one in cursor.description]
            types = ["INTEGER" if kind in {"BIGINT", "HUGEINT", "NUMBER"} else "STRING" for kind in kinds]
            names = [one[0] for one in cursor.description]
            job["fields"] = [{"name": n, "type": t} for n, t in zip(names, types, strict=True)]
            job["rows"] = rows

    def _run(self, cursor: Any, text: str, given: dict[str, Any]) -> list[tuple[Any, ...]]:
        tree = sqlglot.parse_one(text.replace(", wide_number_mode => 'exact'", ""), read="bigquery")
        for table in tree.find_all(exp.Table):
            if table.db and (table.db, table.name) not in self.tables:
                raise RefusedError(404, "notFound", f"Not found: Table towpath-test:{table.db}.{table.name}")
            table.set("catalog", None)
        sql = _translated(tree)
        used = {name: value for name, value in given.items() if f"${name}" in sql}
        return list(cursor.execute(sql, used).fetchall())

    def _replace(self, cursor: Any, tree: exp.Create, given: dict[str, Any]) -> None:
        """CREATE OR REPLACE TABLE t (columns) AS SELECT: DuckDB has no such thing with types."""
        place = tree.this.this
        fields = [
            {"name": one.name, "type": one.args["kind"].sql(dialect="bigquery")}
            for one in tree.this.expressions
        ]
        columns = ", ".join(f"{_quote(one['name'])} {_duck(one['type'])}" for one in fields)
        name = _name(place.db, place.name)
        cursor.execute("BEGIN TRANSACTION").fetchall()
        cursor.execute(f"CREATE OR REPLACE TABLE {name} ({columns})").fetchall()
        reference = {"projectId": "towpath-test", "datasetId": place.db, "tableId": place.name}
        made = {"type": "TABLE", "etag": "1", "tableReference": reference, "schema": _schema(fields)}
        self.tables = self.tables | {(place.db, place.name): made}
        insert = f"INSERT INTO `{place.db}`.`{place.name}` {tree.expression.sql(dialect='bigquery')}"
        self._run(cursor, insert, given)
        cursor.execute("COMMIT TRANSACTION").fetchall()

    def _describe(self, cursor: Any, tree: exp.Alter) -> None:
        change = tree.args["actions"][0]
        type = change.args["dtype"].sql(dialect="bigquery")
        for one in self.tables[tree.this.db, tree.this.name]["schema"]["fields"]:
            if one["name"] == change.name:
                one["type"] = _LEGACY.get(type, type)

    # ── uploads ──────────────────────────────────────────────────────────────────────────────────

    def upload(self, project: str, headers: dict[str, str], query: dict[str, list[str]], data: bytes) -> Any:
        """The whole of a multipart upload, or the beginning of a resumable one."""
        if query["uploadType"] == ["multipart"]:
            mark = re.search(r'boundary="?([^";]+)', headers["content-type"])
            assert mark is not None
            parts = data.split(b"--" + mark[1].encode())[1:3]
            bodies = [part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for part in parts]
            return self.insert_job(project, json.loads(bodies[0]), bodies[1])
        session = f"u{len(self.uploads)}"
        self.uploads[session] = {"project": project, "job": json.loads(data), "data": b""}
        return f"{self.url}/upload/sessions/{session}"

    def upload_more(self, session: str, headers: dict[str, str], data: bytes) -> dict[str, Any] | None:
        """A further piece; None while more is to come."""
        upload = self.uploads[session]
        upload["data"] += data
        total = headers["content-range"].rpartition("/")[2]
        if total == "*" or len(upload["data"]) < int(total):
            return None
        return self.insert_job(upload["project"], upload["job"], upload["data"])


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _name(dataset: str, table: str) -> str:
    return f"{_quote(dataset)}.{_quote(table)}"


def _duck(type: str) -> str:
    return _DUCK[_STANDARD.get(type, type)]


def _schema(fields: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "fields": [
            {"mode": "NULLABLE"} | one | {"type": _LEGACY.get(one["type"], one["type"])} for one in fields
        ]
    }


def _value(parameter: dict[str, Any]) -> Any:
    value = parameter["parameterValue"]
    if "arrayValues" in value or parameter["parameterType"]["type"] == "ARRAY":
        return [one["value"] for one in value.get("arrayValues", [])]
    return int(value["value"]) if parameter["parameterType"]["type"] == "INT64" else value.get("value")


def _statements(script: str) -> list[str]:
    """The statements of a script; a semicolon within quotes ends none."""
    pieces = re.findall(r"(?:'(?:\\.|[^'\\])*'|`[^`]*`|[^;'`])+", script)
    return [piece.strip() for piece in pieces if piece.strip()]


def _translated(tree: exp.Expression) -> str:
    def changed(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.DataType):
            name = node.sql(dialect="bigquery")
            return exp.DataType.build(_DUCK[name], dialect="duckdb") if name in _DUCK else node
        return node

    return tree.transform(changed).sql(dialect="duckdb")


# ── HTTP ─────────────────────────────────────────────────────────────────────────────────────────


def _answer(server: BigqueryServer, method: str, target: str, headers: dict[str, str], data: bytes) -> Any:
    """The JSON to answer with; a text is a Location, None asks for more of an upload."""
    url = urlsplit(target)
    path = unquote(url.path)
    server.fail(method, path)
    if found := re.fullmatch(r"/upload/sessions/(\w+)", path):
        return server.upload_more(found[1], headers, data)
    if found := re.fullmatch(r"/upload/bigquery/v2/projects/([^/]+)/jobs", path):
        return server.upload(found[1], headers, parse_qs(url.query), data)
    path = path.removeprefix("/bigquery/v2")
    body = json.loads(data) if data else {}
    for (wanted, pattern), act in _ROUTES.items():
        if wanted == method and (found := re.fullmatch(pattern, path)):
            return act(server, found, body, headers)
    raise RefusedError(404, "notFound", f"There is no {method} {path}")


_Act = Callable[[BigqueryServer, "re.Match[str]", dict[str, Any], dict[str, str]], Any]
_ROUTES: dict[tuple[str, str], _Act] = {
    ("GET", r"/projects/([^/]+)/datasets"): lambda *_: {"datasets": []},
    ("POST", r"/projects/([^/]+)/datasets"): lambda s, m, b, _: s.create_dataset(m[1], b),
    ("GET", r"/projects/([^/]+)/datasets/([^/]+)"): lambda s, m, *_: s.dataset(m[1], m[2]),
    ("GET", _TABLE): lambda s, m, *_: s.list_tables(m[1], m[2]),
    ("POST", _TABLE): lambda s, m, b, _: s.create_table(m[1], m[2], b),
    ("GET", rf"{_TABLE}/([^/]+)"): lambda s, m, *_: s.table(m[1], m[2], m[3]),
    ("PATCH", rf"{_TABLE}/([^/]+)"): lambda s, m, b, h: s.patch_table(
        m[1], m[2], m[3], b, h.get("if-match", "")
    ),
    ("DELETE", rf"{_TABLE}/([^/]+)"): lambda s, m, *_: s.delete_table(m[1], m[2], m[3]),
    ("POST", r"/projects/([^/]+)/jobs"): lambda s, m, b, _: s.insert_job(m[1], b),
    ("GET", r"/projects/([^/]+)/jobs/([^/]+)"): lambda s, m, *_: s.job(m[1], m[2]),
    ("GET", r"/projects/([^/]+)/queries/([^/]+)"): lambda s, m, *_: s.results(m[1], m[2]),
}


@contextmanager
def bigquery_service() -> Iterator[BigqueryServer]:
    server = BigqueryServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize, disable_nagle_algorithm = -1, True  # an answer is one packet

        def do(self) -> None:
            data = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            server.asked.append(f"{self.command} {self.path}")
            status, more, answer = 200, {}, b"{}"
            try:
                with server.lock:
                    found = _answer(server, self.command, self.path, headers, data)
                if isinstance(found, str):
                    more = {"Location": found}
                elif found is None:
                    status, answer = 308, b""
                    more = {"Range": f"bytes=0-{headers['content-range'].split('-')[1].split('/')[0]}"}
                else:
                    answer = json.dumps(found).encode()
            except RefusedError as refused:
                status, answer = refused.status, json.dumps({"error": refused.error}).encode()
            self.send_response(status)
            for name, value in {**more, "Content-Length": str(len(answer))}.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do  # noqa: N815 - names of the standard library's

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.port = http.server_port
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()
            server.database.close()


@pytest.fixture(scope="session")
def bigquery_running() -> Iterator[BigqueryServer]:
    with bigquery_service() as server:
        yield server


@pytest.fixture
def bigquery_server(bigquery_running: BigqueryServer) -> Iterator[BigqueryServer]:
    """Running, and with leave to reach it."""
    with loopback():
        yield bigquery_running
