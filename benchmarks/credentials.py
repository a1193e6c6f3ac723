"""Measures what lending a credential costs: audited fetches beside ``/healthz`` and a bare Starlette hello.

For each store the server runs as users run it, with its limits on callers off. Every repetition measures all
candidates one after the other: CPU seconds of the server's process for each request (beyond what it uses when
idle), requests per second, and latency with many connections that never pause (full load); then the latency
at half of the rate that the fetches reached. What counts is the best repetition: others only show what else
the machine was doing. Results go to ``.bench/credentials.json`` and to the terminal.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks")]

import psutil  # noqa: E402 - after the path is set
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from support.postgres import PostgresServer  # noqa: E402
from towpath.bootstrap.container import Container  # noqa: E402
from towpath.bootstrap.settings import load  # noqa: E402
from towpath.core.ids import as_uuid  # noqa: E402
from towpath.core.ports import AuthType  # noqa: E402
from towpath.core.records import Connection, Grant  # noqa: E402
from towpath.services.lending import credentials  # noqa: E402
from towpath.services.people.keys import Customers, Instances  # noqa: E402
from towpath.services.secrets import sealing  # noqa: E402

WORK = ROOT / ".bench"
TOWPATH = str(ROOT / ".venv" / "bin" / "towpath")
INSTANCES = 100
PATIENCE = 120
IDLE_SECONDS = 10
LENT = {
    "access_token": "ya29." + "a" * 215,
    "refresh_token": "1//" + "r" * 100,
    "token_type": "Bearer",
    "expires_in": 3599,
    "scope": "https://www.googleapis.com/auth/gmail.send",
}


@dataclass(frozen=True)
class Candidate:
    """Something that answers: where, by which process, and what it is asked."""

    url: str
    pid: int
    requests: Sequence[str]
    idle: float = 0
    """What the process uses anyway, asked or not: a share of one core."""

    def load(self, total: int, connections: int, rate: float = 0) -> dict[str, float]:
        """Send so many requests; what each of them cost."""
        place = urlsplit(self.url)
        order = {
            "host": place.hostname,
            "port": place.port,
            "requests": self.requests,
            "total": total,
            "rate": rate,
            "connections": connections,
            "patience": PATIENCE,
        }
        process = psutil.Process(self.pid)
        before = process.cpu_times()
        done = subprocess.run(
            [sys.executable, str(ROOT / "benchmarks" / "load.py")],
            input=json.dumps(order),
            capture_output=True,
            text=True,
            check=True,
        )
        after = process.cpu_times()
        answer = json.loads(done.stdout)
        if answer.pop("statuses") != {"200": total}:
            raise SystemExit(f"not every request was answered with 200: {done.stdout}")
        cpu = after.user + after.system - before.user - before.system - self.idle * answer["seconds"]
        return {**answer, "cpu_us": cpu / total * 1e6}


def main() -> None:
    options = _options()
    WORK.mkdir(exist_ok=True)
    results = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=WORK)))
        hello = stack.enter_context(_hello())
        stores: dict[str, str | None] = {"SQLite": None}
        if "sqlite" not in options.only.lower():
            postgres = stack.enter_context(PostgresServer({"fsync": "on", "full_page_writes": "on"}))
            stores["PostgreSQL"] = postgres.url(postgres.create_database())
        for store, url in stores.items():
            with _towpath(folder / store, url) as (server, fetches):
                candidates = {"hello": hello, "healthz": server, "fetch": fetches}
                results.append(
                    {"store": store, "cores": os.cpu_count(), **_measure(store, candidates, options)}
                )
    (WORK / "credentials.json").write_text(json.dumps(results, indent=1))
    for result in results:
        Console(width=130).print(_table(result))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000, help="of each measurement at full load")
    parser.add_argument("--connections", type=int, default=128)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--only", default="", help="`sqlite` leaves PostgreSQL out")
    return parser.parse_args()


@contextmanager
def _started(command: Sequence[str], environment: Mapping[str, str], output: str) -> Iterator[Candidate]:
    """A server; it says where it is on ``output``."""
    with (
        tempfile.TemporaryFile("w+") as rest,
        subprocess.Popen(
            command,
            env={**os.environ, **environment},
            text=True,
            stdout=subprocess.PIPE if output == "stdout" else rest,
            stderr=rest if output == "stdout" else subprocess.PIPE,
        ) as process,
    ):
        said = process.stdout if output == "stdout" else process.stderr
        assert said is not None
        line = ""
        while "http://" not in line:
            assert process.poll() is None, f"{command[0]} did not start"
            line = said.readline()
        url = "http://" + line.split("http://")[1].split()[0]
        # Whatever it logs from now on is read by a process of its own: it never has to wait for a reader.
        with subprocess.Popen(["cat"], stdin=said, stdout=subprocess.DEVNULL):
            try:
                yield Candidate(url, process.pid, ())
            finally:
                process.terminate()


@contextmanager
def _hello() -> Iterator[Candidate]:
    command = [sys.executable, str(ROOT / "benchmarks" / "hello.py")]
    with _started(command, {}, "stdout") as found:
        yield Candidate(found.url, found.pid, ["GET / HTTP/1.1\r\nHost: bench\r\n\r\n"])


@contextmanager
def _towpath(home: Path, url: str | None) -> Iterator[tuple[Candidate, Candidate]]:
    """The server on a furnished store: as who asks for its health, and as who fetches credentials."""
    environment = {"TOWPATH_HOME": str(home), "TOWPATH_RATE_LIMIT": "none"}
    environment |= {"TOWPATH_DATABASE_URL": url} if url else {}
    with closing(Container(load({}, environment))) as container:
        fetches = _furnish(container)
    with _started([TOWPATH, "serve", "--port", "0"], environment, "stderr") as found:
        idle = _idle(found.pid)
        health = ["GET /healthz HTTP/1.1\r\nHost: bench\r\n\r\n"]
        yield Candidate(found.url, found.pid, health, idle), Candidate(found.url, found.pid, fetches, idle)


def _idle(pid: int) -> float:
    """The scheduler and the workers of the same process go on meanwhile; that is no request's doing."""
    process = psutil.Process(pid)
    process.cpu_percent()
    time.sleep(IDLE_SECONDS)
    return process.cpu_percent() / 100


def _furnish(container: Container) -> list[str]:
    """Instances with one connection each; returns a fetch for each of them."""
    org = container.organization.id
    customer = Customers(container).create(org, "customer").id
    requests = []
    for number in range(INSTANCES):
        instance, shown = Instances(container).create(org, f"instance {number}", customer)
        row = Connection(
            org=org,
            customer=customer,
            name=f"mailbox {number}",
            connector="gmail",
            config=credentials.stored_config(),
            auth=AuthType.OAUTH2,
        )
        with container.store.begin() as work:
            work.connections.add(org, row)
            sealing.keep(container, work, org, row.id, credentials.to_secrets(LENT))
            grant = Grant(org=org, connection=row.id, instance=instance.id, capabilities=("send_mail",))
            work.grants.add(org, grant)
        requests.append(
            f"GET /internal/v1/instances/{as_uuid(instance.id)}/connections"
            "?provider=gmail&capability=send_mail HTTP/1.1\r\nHost: bench\r\n"
            f"Authorization: Bearer {shown.text.get_secret_value()}\r\n\r\n"
        )
    return requests


def _measure(
    store: str, candidates: Mapping[str, Candidate], options: argparse.Namespace
) -> dict[str, object]:
    rounds: list[dict[str, dict[str, float]]] = []
    for candidate in candidates.values():  # a first time, that nobody counts
        candidate.load(options.requests // 10, options.connections)
    for _ in range(options.repeat):
        full = {
            name: candidate.load(options.requests, options.connections)
            for name, candidate in candidates.items()
        }
        rate = full["fetch"]["per_second"] / 2
        half = candidates["fetch"].load(int(rate * 5), options.connections, rate)
        rounds.append({**full, "fetch at half load": half})
        shown = ", ".join(f"{name} {figures['cpu_us']:.0f} us" for name, figures in rounds[-1].items())
        print(f"{store}: {shown}", file=sys.stderr)
    best = {name: min((one[name] for one in rounds), key=_cost) for name in full}
    best["fetch at half load"] = min((one["fetch at half load"] for one in rounds), key=_slowness)
    ratio = min(one["fetch"]["cpu_us"] / one["hello"]["cpu_us"] for one in rounds)
    return {"results": best, "fetch_times_hello": round(ratio, 2)}


def _cost(figures: Mapping[str, float]) -> float:
    return figures["cpu_us"]


def _slowness(figures: Mapping[str, float]) -> float:
    return figures["p99_ms"]


def _table(result: Mapping[str, object]) -> Table:
    results: Mapping[str, Mapping[str, float]] = result["results"]
    table = Table(
        title=f"Fetching credentials, {result['store']}: {result['fetch_times_hello']} times the CPU of hello"
    )
    for column in ("", "CPU µs", "per s and core", "per s", "p50 ms", "p99 ms"):
        table.add_column(column, justify="right" if column else "left")
    for name, figures in results.items():
        cpu = figures["cpu_us"]
        table.add_row(
            name,
            f"{cpu:.0f}",
            f"{1e6 / cpu:,.0f}",
            f"{figures['per_second']:,.0f}",
            f"{figures['p50_ms']:.2f}",
            f"{figures['p99_ms']:.2f}",
        )
    return table


if __name__ == "__main__":
    main()
