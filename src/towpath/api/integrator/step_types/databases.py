"""``rdbms.*``: queries and tables of a database."""

from collections.abc import Iterator, Mapping
from typing import Any

from towpath.api.integrator.errors import invalid
from towpath.api.integrator.step_types.systems import System
from towpath.api.integrator.step_types.words import Reading, Word, at, one, text, texts

_CONNECTORS = frozenset({"postgres", "mysql", "sqlite", "duckdb", "snowflake", "bigquery"})
_KINDS = ("per_record", "per_page", "first_page", "bulk_insert", "bulk_load")


def _query(value: Any) -> str:
    return text(one(value))


_READS = (
    Word("rdbms.query", "query", _query),
    Word("rdbms.once.query", "once_query", _query),
)
_WRITES = (
    Word("rdbms.ignoreLookupName", "existing_lookup", text),
    Word("rdbms.ignoreExtract", "existing_extract", text),
)
_BULK = {
    "bulk_insert": (
        ("bulkInsert.tableName", "table"),
        ("bulkInsert.batchSize", "batch_size"),
    ),
    "bulk_load": (
        ("bulkLoad.tableName", "table"),
        ("bulkLoad.primaryKeys", "primary_keys"),
        ("bulkLoad.overrideMergeQuery", "merge_query"),
    ),
}


def _actions(reading: Reading) -> Mapping[str, Any]:
    """What is done with the records: one action for each kind of query."""
    reading.places |= {"actions": "rdbms.query"}
    try:
        return {"actions": list(_each(reading))}
    except ValueError as error:
        reading.faults.append(invalid("rdbms.queryType", str(error)))
        return {}


def _each(reading: Reading) -> Iterator[dict[str, Any]]:
    queries = iter(texts(at(reading.document, "rdbms.query") or []))
    kinds = [kind.lower() for kind in texts(at(reading.document, "rdbms.queryType") or [])]
    for kind in kinds or ["per_record"]:
        if kind not in _KINDS:
            raise ValueError(f"It is one of {', '.join(_KINDS)}, or a list of them.")
        if kind in _BULK:
            given = ((ours, at(reading.document, f"rdbms.{theirs}")) for theirs, ours in _BULK[kind])
            yield {"kind": kind} | {ours: value for ours, value in given if value is not None}
        else:
            yield {"kind": kind, "query": next(queries, None)}


RDBMS = System("rdbms", _CONNECTORS, _READS, _WRITES, more_writes=_actions)
