"""Publishes staged rows: inside the one transaction of a commit, so that readers see all or nothing."""

from collections.abc import Sequence

from towpath.connectors.snowflake import staging
from towpath.connectors.snowflake.columns import Column
from towpath.connectors.snowflake.names import Place
from towpath.connectors.snowflake.session import Session
from towpath.sdk import Receipt, Target, WriteMode
from towpath.sdk.sql import quote


def publish(
    session: Session, place: Place, target: Target, columns: Sequence[Column], receipts: Sequence[Receipt]
) -> None:
    """Make the staged rows part of the target in the way of its mode."""
    if target.mode is WriteMode.UPSERT:
        session.run(_merge(place, target, columns, receipts))
        return
    verb = "INSERT OVERWRITE INTO" if target.mode is WriteMode.OVERWRITE else "INSERT INTO"
    names = ", ".join(quote(column.name) for column in columns)
    session.run(f"{verb} {place.table} ({names}) {_rows(place, columns, receipts)}")


def replace(session: Session, place: Place, columns: Sequence[Column], receipts: Sequence[Receipt]) -> None:
    """Make the target anew with the staged rows, in one statement that is a transaction by itself."""
    values = ", ".join(
        f"CAST({column.value} AS {column.kind.type}) AS {quote(column.name)}" for column in columns
    )
    rows = f"SELECT {values} FROM {place.staging} WHERE {staging.of_receipts(receipts)}"
    session.run(f"CREATE OR REPLACE TABLE {place.table} COPY GRANTS AS {rows}")


def _rows(place: Place, columns: Sequence[Column], receipts: Sequence[Receipt]) -> str:
    values = ", ".join(column.value for column in columns)
    return f"SELECT {values} FROM {place.staging} WHERE {staging.of_receipts(receipts)}"


def _merge(place: Place, target: Target, columns: Sequence[Column], receipts: Sequence[Receipt]) -> str:
    """Of staged rows with one key the last one counts, in the order of slices and of rows within each."""
    keys = [column for column in columns if column.name in target.primary_key]
    rest = [column for column in columns if column.name not in target.primary_key]
    values = ", ".join(f"{column.value} AS V{place_}" for place_, column in enumerate(columns))
    source = {column.name: f"S.V{place_}" for place_, column in enumerate(columns)}
    partition = ", ".join(f'"{column.staged}"' for column in keys)
    last = (
        f"QUALIFY ROW_NUMBER() OVER (PARTITION BY {partition}"
        f' ORDER BY "{staging.SLICE}" DESC, "{staging.ROW}" DESC) = 1'
    )
    same = " AND ".join(f"T.{quote(column.name)} = {source[column.name]}" for column in keys)
    changes = ", ".join(f"T.{quote(column.name)} = {source[column.name]}" for column in rest)
    names = ", ".join(quote(column.name) for column in columns)
    return (
        f"MERGE INTO {place.table} AS T USING (SELECT {values} FROM {place.staging}"
        f" WHERE {staging.of_receipts(receipts)} {last}) AS S ON {same}"
        + (f" WHEN MATCHED THEN UPDATE SET {changes}" if rest else "")
        + f" WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({', '.join(source.values())})"
    )
