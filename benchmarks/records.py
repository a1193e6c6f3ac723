"""Measures how many records a second one core maps, beside what reading and writing their JSON costs.

The work is that of an import step on nested orders: a filter, and a mapping of twenty fields with a template,
a lookup, dates, numbers and the order's lines, in Mapper 1.0 and in Mapper 2.0. Beside it stand (a) orjson
reading and writing the same bytes and, on request, (b) dlt making rows of the same records. Every repetition
runs all candidates one after the other; what counts is each one's best, others show what else the machine was
doing. Results go to ``.bench/records.json`` and to the terminal.
"""

import argparse
import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "benchmarks")]

import orjson  # noqa: E402 - after the path is set
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

import peers  # noqa: E402
from towpath.dataplane.context import Context  # noqa: E402
from towpath.dataplane.filters import compile_filter  # noqa: E402
from towpath.dataplane.mapping1 import compile_mapping  # noqa: E402
from towpath.dataplane.mapping2 import compile_mappings  # noqa: E402

WORK = ROOT / ".bench"
CONTEXT = Context(words={"settings": {"flow": {"channel": "web"}}, "connection": {"name": "shop"}})
FILTER = {
    "type": "expression",
    "expression": {
        "version": "1",
        "rules": [
            "and",
            ["notequals", ["string", ["extract", "status"]], "cancelled"],
            ["greaterthan", ["number", ["extract", "totals.amount"]], 0],
        ],
    },
}
CURRENCIES = {"US": "USD", "GB": "GBP", "JP": "JPY"}
LOOKUPS = [{"name": "currency", "map": CURRENCIES, "default": "EUR", "allowFailures": True}]

#: What is generated: name, path, type.
FIELDS = [
    ("external_id", "id", "string"),
    ("number", "number", "number"),
    ("status", "status", "string"),
    ("channel", "channel", "string"),
    ("note", "note", "string"),
    ("gift", "gift", "boolean"),
    ("email", "customer.email", "string"),
    ("phone", "customer.phone", "string"),
    ("segment", "customer.segment", "string"),
    ("street", "shipping.address.street", "string"),
    ("city", "shipping.address.city", "string"),
    ("zip", "shipping.address.zip", "string"),
    ("country", "shipping.address.country", "string"),
    ("carrier", "shipping.carrier", "string"),
    ("amount", "totals.amount", "number"),
    ("tax", "totals.tax", "number"),
]
LINES = [("sku", "sku"), ("quantity", "quantity"), ("price", "price")]
DATES = {"generateDateFormat": "YYYY-MM-DD"}


def orders(count: int) -> list[dict[str, Any]]:
    """Orders as a shop's API has them: about 600 bytes, with two lines."""
    return [
        {
            "id": f"ord_{number:08d}",
            "number": number,
            "status": "paid" if number % 5 else "open",
            "channel": "web",
            "created": f"2026-03-{number % 28 + 1:02d}T10:{number % 60:02d}:00.{number % 999:03d}Z",
            "note": "Please ring twice." if number % 3 else None,
            "gift": number % 7 == 0,
            "customer": {
                "first": "Ada",
                "last": f"Lovelace {number % 100}",
                "email": f"ada{number}@example.com",
                "phone": "+44 20 7946 0000",
                "segment": "retail",
                "tags": ["new", "newsletter"],
            },
            "shipping": {
                "carrier": "post",
                "address": {"street": "1 Tow Path", "city": "Leeds", "zip": "LS1 4AP", "country": "GB"},
            },
            "totals": {"amount": f"{number % 300 + 1}.50", "tax": 12.25, "discount": 0},
            "lines": [
                {"sku": f"sku-{number % 50}", "quantity": 2, "price": "19.99", "options": {"colour": "red"}},
                {"sku": f"sku-{number % 30}", "quantity": 1, "price": "5.00", "options": {"colour": "blue"}},
            ],
        }
        for number in range(count)
    ]


def first_mapping() -> dict[str, Any]:
    """Twenty fields in Mapper 1.0."""
    fields = [{"extract": path, "generate": name, "dataType": kind} for name, path, kind in FIELDS]
    fields += [
        {"extract": "{{customer.first}} {{customer.last}}", "generate": "customer.name"},
        {"extract": "shipping.address.country", "generate": "customer.currency", "lookupName": "currency"},
        {"extract": "created", "generate": "ordered_on", **DATES},
        {"generate": "origin", "hardCodedValue": "shop"},
    ]
    lines = [{"extract": f"lines[*].{path}", "generate": name} for name, path in LINES]
    return {"fields": fields, "lists": [{"generate": "lines", "fields": lines}]}


def second_mapping() -> list[dict[str, Any]]:
    """The same in Mapper 2.0."""
    active = {"status": "Active"}
    text = {"dataType": "string", **active}
    fields = [
        {"generate": name, "extract": f"$.{path}", "dataType": kind, **active} for name, path, kind in FIELDS
    ]
    customer = [
        {"generate": "name", "extract": "{{record.customer.first}} {{record.customer.last}}", **text},
        {"generate": "currency", "extract": "$.shipping.address.country", "lookupName": "currency", **text},
    ]
    lines = [{"generate": name, "extract": f"$.lines.{path}", **text} for name, path in LINES]
    return [
        *fields,
        {"generate": "customer", "dataType": "object", "mappings": customer, **active},
        {"generate": "ordered_on", "extract": "$.created", **text, **DATES},
        {"generate": "origin", "extract": "shop", **text},
        {
            "generate": "lines",
            "dataType": "objectarray",
            "buildArrayHelper": [{"extract": "$.lines[*]", "mappings": lines}],
            **active,
        },
    ]


def main() -> None:
    options = _options()
    WORK.mkdir(exist_ok=True)
    records = orders(options.records)
    encoded = [orjson.dumps(record) for record in records]
    candidates = _candidates(records, encoded)
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(options.repeat):
        for name, run in candidates.items():
            seconds[name].append(_cpu(run))
    if options.peers:
        seconds["dlt normalize"] = _dlt(encoded, options.repeat)
    result = _summary(seconds, len(records), sum(map(len, encoded)))
    (WORK / "records.json").write_text(json.dumps(result, indent=1))
    Console(width=100).print(_table(result))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--peers", action="store_true", help="install and measure dlt too")
    return parser.parse_args()


def _candidates(
    records: Sequence[dict[str, Any]], encoded: Sequence[bytes]
) -> Mapping[str, Callable[[], object]]:
    passes = compile_filter(FILTER)
    first = compile_mapping(first_mapping(), LOOKUPS).map
    second = compile_mappings(second_mapping(), LOOKUPS).map

    def step(mapped: Callable[[Any, Context], Any]) -> Callable[[], None]:
        def run() -> None:
            for record in records:
                if passes(record, CONTEXT):
                    mapped(record, CONTEXT)

        return run

    def decode_and_encode() -> None:
        for one in encoded:
            orjson.dumps(orjson.loads(one))

    def whole() -> None:
        for one in encoded:
            record = orjson.loads(one)
            if passes(record, CONTEXT):
                orjson.dumps(second(record, CONTEXT))

    return {
        "orjson: decode and encode": decode_and_encode,
        "filter alone": lambda: [passes(record, CONTEXT) for record in records],
        "filter and Mapper 1.0": step(first),
        "filter and Mapper 2.0": step(second),
        "decode, filter, Mapper 2.0, encode": whole,
    }


def _cpu(run: Callable[[], object]) -> float:
    gc.collect()
    before = time.process_time()
    run()
    return time.process_time() - before


def _dlt(encoded: Sequence[bytes], repeat: int) -> list[float]:
    """CPU seconds in which dlt normalizes the records, in a process of its own installation."""
    commands = peers.install(WORK / "peers")
    given = WORK / "orders.jsonl"
    given.write_bytes(b"\n".join(encoded))
    line = [str(commands / "python"), str(ROOT / "benchmarks" / "peers.py"), "dlt-normalize", str(given), ""]
    found = []
    for _ in range(repeat):
        environment = {**os.environ, "HOME": str(WORK), "RUNTIME__LOG_LEVEL": "ERROR"}
        done = subprocess.run(line, env=environment, capture_output=True, text=True, check=True)
        found.append(float(done.stdout.strip().splitlines()[-1]))
    return found


def _summary(seconds: Mapping[str, Sequence[float]], records: int, size: int) -> dict[str, Any]:
    best = {name: min(found) for name, found in seconds.items()}
    rows = {
        name: {
            "us_per_record": round(found / records * 1e6, 2),
            "records_per_second": round(records / found),
            "mb_per_second": round(size / found / 1e6, 1),
        }
        for name, found in best.items()
    }
    return {"records": records, "bytes": size, "results": rows}


def _table(result: Mapping[str, Any]) -> Table:
    size = result["bytes"] / result["records"]
    table = Table(title=f"{result['records']:,} orders of {size:.0f} bytes, on one core")
    for column in ("", "CPU µs per record", "records/s and core", "MB/s and core"):
        table.add_column(column, justify="right" if column else "left")
    for name, figures in result["results"].items():
        table.add_row(name, *(f"{figure:,}" for figure in figures.values()))
    return table


if __name__ == "__main__":
    main()
