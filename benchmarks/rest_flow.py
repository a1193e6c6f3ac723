"""Measures what an import's single-record requests cost, beside a bare loop of the same HTTP library.

A server in a process of its own answers each POST with the record's id. Both candidates send the same records
as JSON, ten at once, and read the answers: (a) threads that share one httpx2 client, and nothing else; (b) an
import step's ``send``, with its templates, places, guard, retries and outcomes. Every repetition measures
both, one after the other; what counts is each one's best, others show what else the machine was doing.
Results go to ``.bench/rest_flow.json`` and to the terminal.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks")]

import httpx2  # noqa: E402 - after the path is set
import orjson  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from support.loopback import loopback  # noqa: E402
from support.records import PlainHost  # noqa: E402
from towpath.connectors.rest_api import connector  # noqa: E402
from towpath.connectors.rest_api.application import RestApplication  # noqa: E402
from towpath.connectors.rest_api.config import RestConfig  # noqa: E402
from towpath.connectors.rest_api.writing import RestWriting  # noqa: E402
from towpath.engine.records.ends import End  # noqa: E402
from towpath.engine.records.tools import StepTools  # noqa: E402
from towpath.sdk import Sending  # noqa: E402

WORK = ROOT / ".bench"
AT_ONCE = 10
TOKEN = "bench-token"


def record(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "name": f"Customer {number}",
        "email": f"c{number}@example.com",
        "address": {"street": "Towpath 1", "city": "Leeds", "postcode": "LS1"},
        "tags": ["new", "web"],
    }


@contextmanager
def served() -> Iterator[str]:
    """The server; its address."""
    command = [sys.executable, str(ROOT / "benchmarks" / "echo.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def bare(url: str, records: Sequence[Mapping[str, Any]], client: httpx2.Client) -> list[str]:
    """The least that can be done with the library."""

    def send(one: Mapping[str, Any]) -> str:
        headers = {"content-type": "application/json", "authorization": f"Bearer {TOKEN}"}
        answer = client.post(f"{url}/customers/{one['id']}", content=orjson.dumps(one), headers=headers)
        answer.raise_for_status()
        return str(orjson.loads(answer.content)["id"])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(send, records))


def ours(records: Sequence[Mapping[str, Any]], application: RestApplication, tools: StepTools) -> list[str]:
    """An import step, in pages of 100 records."""
    write = RestWriting.model_validate({"relative_uri": "/customers/{{id}}", "method": "POST"})
    ids: list[str] = []
    for start in range(0, len(records), 100):
        page = [Sending(data=one, record=one) for one in records[start : start + 100]]
        ids += [str(outcome.id) for outcome in application.send(write, page, tools)]
    return ids


def timed(work: Callable[[], list[str]], wanted: Sequence[str]) -> dict[str, float]:
    began, cpu = time.perf_counter(), time.process_time()
    found = work()
    seconds, used = time.perf_counter() - began, time.process_time() - cpu
    if found != wanted:
        raise SystemExit("the answers are not those of the records, or not in their order")
    return {"per_second": len(wanted) / seconds, "cpu_us": used / len(wanted) * 1e6, "seconds": seconds}


def main() -> None:
    options = _options()
    WORK.mkdir(exist_ok=True)
    records = [record(number) for number in range(options.records)]
    wanted = [str(one["id"]) for one in records]
    rounds: list[dict[str, dict[str, float]]] = []
    with loopback(), served() as url, tempfile.TemporaryDirectory(dir=WORK) as folder:
        auth = {"type": "token", "token": TOKEN}
        config = RestConfig.model_validate({"base_uri": url, "auth": auth})
        end = End(id="con_bench", connector=connector, config=config, level=AT_ONCE)
        tools = StepTools("step", end, PlainHost(Path(folder)), {})
        with RestApplication(config) as application, httpx2.Client(trust_env=False) as client:
            candidates: Mapping[str, Callable[[], list[str]]] = {
                "bare httpx2": lambda: bare(url, records, client),
                "import step": lambda: ours(records, application, tools),
            }
            rounds += [
                {name: timed(run, wanted) for name, run in candidates.items()}
                for _ in range(options.repeat + 1)
            ]
    del rounds[0]  # a first time, that nobody counts
    best = {name: max((one[name] for one in rounds), key=lambda one: one["per_second"]) for name in rounds[0]}
    ratio = best["import step"]["seconds"] / best["bare httpx2"]["seconds"]
    result = {"cores": os.cpu_count(), "at_once": AT_ONCE, "results": best, "times_bare": round(ratio, 2)}
    (WORK / "rest_flow.json").write_text(json.dumps(result, indent=1))
    Console(width=130).print(_table(best, ratio))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=3_000, help="of each measurement")
    parser.add_argument("--repeat", type=int, default=5)
    return parser.parse_args()


def _table(best: Mapping[str, Mapping[str, float]], ratio: float) -> Table:
    table = Table(title=f"Single-record requests, {AT_ONCE} at once: {ratio:.2f} times the bare loop")
    for column in ("", "per s", "CPU µs"):
        table.add_column(column, justify="right" if column else "left")
    for name, figures in best.items():
        table.add_row(name, f"{figures['per_second']:,.0f}", f"{figures['cpu_us']:.0f}")
    return table


if __name__ == "__main__":
    main()
