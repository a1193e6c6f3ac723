"""Measures Towpath against the physical limit, and on request against other tools.

Every repetition runs all candidates one after the other, so that a machine that slows down slows all of
them; what counts is the ratio of medians. Results go to ``.bench/results.json`` and to the terminal.
"""

import argparse
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks")]

from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

import data  # noqa: E402 - after the path is set
import flights  # noqa: E402
import peers  # noqa: E402
from measure import Cost, Watcher, measure, new_mark  # noqa: E402
from support.postgres import PostgresServer  # noqa: E402

WORK = ROOT / ".bench"
TOWPATH = str(ROOT / ".venv" / "bin" / "towpath")


class Server(PostgresServer):
    """A server with a password that every tool can take in a URL, and settings like those of a real one."""

    password = "bench"

    def __init__(self) -> None:
        super().__init__({"shared_buffers": "512MB", "max_wal_size": "4GB", "wal_level": "replica"})


@dataclass(frozen=True)
class Case:
    """One piece of work: these tables, to files or to another database."""

    name: str
    source: str
    tables: tuple[str, ...]
    rows: int
    bytes: int
    to_files: bool


Candidate = Callable[[], Cost]


def main() -> None:
    options = _options()
    WORK.mkdir(exist_ok=True)
    commands = peers.install(WORK / "peers") if options.peers else None
    with Server() as server, tempfile.TemporaryDirectory(dir=WORK) as folder:
        results = []
        for case in _cases(server, options.rows, options.only):
            candidates = _candidates(server, case, Path(folder), commands)
            results.append(_compete(case, candidates, options.repeat))
    (WORK / "results.json").write_text(json.dumps(results, indent=1))
    for result in results:
        Console(width=130).print(_table(result))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000, help="rows of the wide table")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--peers", action="store_true", help="install and measure other tools too")
    parser.add_argument("--only", default="", help="only cases whose name contains this")
    return parser.parse_args()


def _cases(server: Server, rows: int, only: str) -> list[Case]:
    wide, nyc = server.create_database(), server.create_database()
    with server.connect(wide) as connection:
        data.make_wide(connection, rows)
        wide_bytes = _copy_bytes(connection, ["wide"])
    with server.connect(nyc) as connection:
        flights.load(connection)
        nyc_rows = sum(_scalar(connection, f"select count(*) from {table}") for table in flights.TABLES)
        nyc_bytes = _copy_bytes(connection, list(flights.TABLES))
    cases = [
        Case(f"{table} → {target}", source, tables, count, size, target == "parquet")
        for table, source, tables, count, size in (
            ("wide", wide, ("wide",), rows, wide_bytes),
            ("flights", nyc, tuple(flights.TABLES), nyc_rows, nyc_bytes),
        )
        for target in ("parquet", "postgres")
    ]
    return [case for case in cases if only in case.name]


def _scalar(connection: object, query: str) -> int:
    return int(connection.execute(query).fetchone()[0])


def _copy_bytes(connection: object, tables: list[str]) -> int:
    total = 0
    for table in tables:
        with connection.cursor().copy(f"copy {table} to stdout (format binary)") as copy:
            total += sum(len(block) for block in copy)
    return total


def _candidates(server: Server, case: Case, folder: Path, commands: Path | None) -> Mapping[str, Candidate]:
    chosen: dict[str, Candidate] = {
        "limit": lambda: _limit(server, case),
        "towpath": lambda: _towpath(server, case, folder),
        "towpath, cold": lambda: _towpath_cold(server, case, folder),
    }
    for name in peers.NAMES if commands else ():
        chosen[name] = lambda name=name: _peer(server, case, folder, commands, name)
    return chosen


def _limit(server: Server, case: Case) -> Cost:
    """COPY binary to nowhere, or from one database into plain tables of another through a pipe."""
    psql = shlex.quote(str(flights.binary("psql")))
    source = shlex.quote(server.url(case.source))
    if case.to_files:
        lines = [
            f"{psql} -qd {source} -c 'copy {table} to stdout (format binary)' >/dev/null"
            for table in case.tables
        ]
        return measure(["bash", "-ec", "\n".join(lines)])
    target = server.create_database()
    _make_tables(server, case, target)
    into = shlex.quote(server.url(target))
    lines = [
        f"{psql} -qd {source} -c 'copy {table} to stdout (format binary)'"
        f" | {psql} -qd {into} -c 'copy {table} from stdin (format binary)'"
        for table in case.tables
    ]
    cost = measure(["bash", "-ec", "set -o pipefail\n" + "\n".join(lines)])
    server.drop_database(target)
    return cost


def _make_tables(server: Server, case: Case, target: str) -> None:
    """Empty tables of the same columns, without keys: nothing a pipe would not need."""
    with server.connect(case.source) as source, server.connect(target) as into:
        for table in case.tables:
            columns = source.execute(
                "select string_agg(format('%%I %%s', attname, format_type(atttypid, atttypmod)), ', ')"
                " from pg_attribute where attrelid = %s::regclass and attnum > 0",
                [table],
            ).fetchone()
            into.execute(f"create table {table} ({columns[0]})")


def _towpath(server: Server, case: Case, folder: Path) -> Cost:
    """One run in a server that is up, from the moment it is asked for to its end."""
    with _installation(server, case, folder) as secrets:
        mark = new_mark()
        command = [TOWPATH, "serve", "--port", "0"]
        environment = os.environ | secrets | mark
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            while "http://" not in process.stderr.readline():
                assert process.poll() is None, "the server did not start"
            with Watcher(mark) as watcher:
                ran = measure([TOWPATH, "run", "bench", "--follow"], secrets)
            process.terminate()
        (run,) = json.loads(measure([TOWPATH, "runs", "list", "--json"], secrets).output)
        begin, end = (datetime.fromisoformat(run[moment]) for moment in ("created_at", "ended_at"))
        return Cost((end - begin).total_seconds(), watcher.cpu, watcher.peak, ran.exit_code, ran.output)


def _towpath_cold(server: Server, case: Case, folder: Path) -> Cost:
    """The whole command `towpath run` where no server is up: interpreter, engine, run, and all put away."""
    with _installation(server, case, folder) as secrets:
        return measure([TOWPATH, "run", "bench"], secrets)


@contextmanager
def _installation(server: Server, case: Case, folder: Path) -> Iterator[dict[str, str]]:
    """A fresh home with the flow in it, and a fresh target; yields the environment of its commands."""
    home, out = Path(tempfile.mkdtemp(dir=folder)), Path(tempfile.mkdtemp(dir=folder))
    target = "" if case.to_files else server.create_database()
    secrets = {"TOWPATH_HOME": str(home), "BENCH_PASSWORD": server.password}
    document = home / "bench.yaml"
    document.write_text(_document(server, case, out, target))
    applied = measure([TOWPATH, "apply", "-f", str(document)], secrets)
    if applied.exit_code:
        raise SystemExit(applied.output)
    yield secrets
    if target:
        server.drop_database(target)
    shutil.rmtree(home)
    shutil.rmtree(out)


def _document(server: Server, case: Case, out: Path, target: str) -> str:
    def postgres(name: str, database: str) -> str:
        config = server.config(database) | {"password": "${env:BENCH_PASSWORD}"}
        return json.dumps(_kind("Connection", name, {"connector": "postgres", "config": config}))

    destination = (
        json.dumps(_kind("Connection", "target", {"connector": "parquet", "config": {"path": str(out)}}))
        if case.to_files
        else postgres("target", target)
    )
    streams = [{"name": f"public.{table}"} for table in case.tables]
    flow = {"source": {"connection": "source"}, "destination": {"connection": "target"}, "streams": streams}
    return "\n---\n".join(
        [postgres("source", case.source), destination, json.dumps(_kind("Flow", "bench", flow))]
    )


def _kind(kind: str, name: str, spec: object) -> dict[str, object]:
    return {"apiVersion": "towpath/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def _peer(server: Server, case: Case, folder: Path, commands: Path | None, name: str) -> Cost:
    assert commands is not None
    target = tempfile.mkdtemp(dir=folder) if case.to_files else server.url(server.create_database())
    line = peers.command(commands, name, server.url(case.source), list(case.tables), target)
    return measure(line, {"HOME": str(folder)})


def _compete(case: Case, candidates: Mapping[str, Candidate], repeat: int) -> dict[str, object]:
    costs: dict[str, list[Cost]] = {name: [] for name in candidates}
    for _ in range(repeat):
        for name, candidate in candidates.items():
            cost = candidate()
            if cost.exit_code:
                print(
                    f"{case.name}: {name} ended with {cost.exit_code}\n{cost.output[-2000:]}", file=sys.stderr
                )
            else:
                costs[name].append(cost)
                print(f"{case.name}: {name} {cost.wall:.2f} s, {cost.cpu:.2f} CPU-s", file=sys.stderr)
    limit = statistics.median(cost.wall for cost in costs["limit"])
    rows = {name: _summary(case, runs, limit) for name, runs in costs.items() if runs}
    return {
        "case": case.name,
        "rows": case.rows,
        "bytes": case.bytes,
        "cores": os.cpu_count(),
        "results": rows,
    }


def _summary(case: Case, costs: list[Cost], limit: float) -> dict[str, float]:
    wall = statistics.median(cost.wall for cost in costs)
    cpu = statistics.median(cost.cpu for cost in costs)
    return {
        "seconds": round(wall, 3),
        "times_limit": round(wall / limit, 2),
        "rows_per_second": round(case.rows / wall),
        "cpu_seconds": round(cpu, 2),
        "mb_per_cpu_second": round(case.bytes / 1e6 / cpu, 1) if cpu else 0.0,
        "peak_mb": round(max(cost.peak for cost in costs) / 1e6),
    }


def _table(result: Mapping[str, object]) -> Table:
    table = Table(
        title=f"{result['case']}: {result['rows']:,} rows, {result['bytes'] / 1e6:,.0f} MB of COPY binary"
    )
    results: Mapping[str, Mapping[str, float]] = result["results"]
    table.add_column("")
    for column in next(iter(results.values())):
        table.add_column(column.replace("_", " "), justify="right")
    for name, figures in results.items():
        table.add_row(name, *(f"{figure:,}" for figure in figures.values()))
    return table


if __name__ == "__main__":
    main()
