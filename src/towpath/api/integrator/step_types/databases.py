"""``rdbms.*`` and ``jdbc.*``: queries and tables of a database."""

from collections.abc import Callable
from typing import Any

from towpath.api.integrator.step_types.systems import System
from towpath.api.integrator.step_types.words import Word, number, one, text, texts

_CONNECTORS = frozenset({"postgres", "mysql", "sqlite", "duckdb", "snowflake", "bigquery"})


def _query(value: Any) -> str:
    return text(one(value))


def _types(value: Any) -> list[str]:
    return [item.lower() for item in texts(value)]


def _first(make: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: make(one(value))


_READS = (
    Word("rdbms.query", "query", _query),
    Word("rdbms.once.query", "once_query", _query),
)
_WRITES = (
    Word("rdbms.query", "query", texts),
    Word("rdbms.queryType", "query_type", _types),
    Word("rdbms.bulkInsert.tableName", "bulk_insert.table", text),
    Word("rdbms.bulkInsert.batchSize", "bulk_insert.batch_size", _first(number)),
    Word("rdbms.bulkLoad.tableName", "bulk_load.table", text),
    Word("rdbms.bulkLoad.primaryKeys", "bulk_load.primary_keys", texts),
    Word("rdbms.bulkLoad.overrideMergeQuery", "bulk_load.override_merge_query"),
    Word("rdbms.ignoreLookupName", "existing_lookup", text),
    Word("rdbms.ignoreExtract", "existing_extract", text),
)

RDBMS = System("rdbms", _CONNECTORS, _READS, _WRITES)
