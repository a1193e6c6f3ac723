"""Publishes staged rows: one script, one transaction, so that readers see all or nothing.

The script runs as one job on the service's side: it ends by itself, whole or not at all, even if we die.
"""

from collections.abc import Sequence

from towpath.connectors.bigquery import checkpoints, staging
from towpath.connectors.bigquery.columns import Column
from towpath.connectors.bigquery.names import Place, quote
from towpath.sdk import Target, WriteMode


def script(place: Place, statements: Sequence[str]) -> str:
    """The transaction that publishes by the statements and remembers the checkpoint."""
    parts = [
        "BEGIN TRANSACTION",
        checkpoints.guard(place),
        *statements,
        checkpoints.write(place),
        "COMMIT TRANSACTION",
    ]
    return "".join(f"{part};\n" for part in parts)


def statements(place: Place, target: Target, columns: Sequence[Column]) -> list[str]:
    """Make the staged rows part of the target in the way of its mode."""
    table = quote(place.full(place.target))
    if target.mode is WriteMode.UPSERT:
        return [_merge(place, target, columns)]
    names = ", ".join(quote(column.name) for column in columns)
    insert = f"INSERT INTO {table} ({names}) {rows(place, columns)}"
    return [f"DELETE FROM {table} WHERE TRUE", insert] if target.mode is WriteMode.OVERWRITE else [insert]


def replacement(place: Place, columns: Sequence[Column]) -> str:
    """Make the target anew with the staged rows: one statement that is a transaction by itself."""
    declared = ", ".join(f"{quote(column.name)} {column.kind.type}" for column in columns)
    return f"CREATE OR REPLACE TABLE {quote(place.full(place.target))} ({declared}) AS {rows(place, columns)}"


def rows(place: Place, columns: Sequence[Column]) -> str:
    """The staged rows, as the target's columns have them."""
    values = ", ".join(f"{column.value} AS {quote(column.name)}" for column in columns)
    return f"SELECT {values} FROM {quote(place.full(place.staging))} WHERE {staging.CHOSEN}"


def _merge(place: Place, target: Target, columns: Sequence[Column]) -> str:
    """Of staged rows with one key the last one counts, in the order of slices and of rows within each."""
    keys = [column for column in columns if column.given in target.primary_key]
    rest = [column for column in columns if column.given not in target.primary_key]
    values = ", ".join(f"{column.value} AS v{place_}" for place_, column in enumerate(columns))
    source = {column.name: f"s.v{place_}" for place_, column in enumerate(columns)}
    last = (
        f"QUALIFY ROW_NUMBER() OVER (PARTITION BY {', '.join(quote(column.staged) for column in keys)}"
        f" ORDER BY {staging.SLICE} DESC, {staging.ROW} DESC) = 1"
    )
    same = " AND ".join(f"t.{quote(column.name)} = {source[column.name]}" for column in keys)
    changes = ", ".join(f"{quote(column.name)} = {source[column.name]}" for column in rest)
    names = ", ".join(quote(column.name) for column in columns)
    return (
        f"MERGE INTO {quote(place.full(place.target))} AS t USING (SELECT {values}"
        f" FROM {quote(place.full(place.staging))} WHERE {staging.CHOSEN} {last}) AS s ON {same}"
        + (f" WHEN MATCHED THEN UPDATE SET {changes}" if rest else "")
        + f" WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({', '.join(source.values())})"
    )
