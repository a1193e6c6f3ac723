"""Staging: one table per run and stream; each row knows the attempt that loaded it.

A slice may be loaded twice, by twins or after a crash. The receipts name the attempts that count, and a
commit takes only their rows: nothing has to be taken back. # Invariant 3
"""

from collections.abc import Sequence

from towpath.connectors.snowflake.columns import Column
from towpath.connectors.snowflake.names import OWN, Place, literal
from towpath.connectors.snowflake.session import Session
from towpath.sdk import IntegrityError, Receipt
from towpath.sdk.sql import quote

ATTEMPT, SLICE, ROW = f"{OWN}ATTEMPT", f"{OWN}SLICE", f"{OWN}ROW"


def create(session: Session, place: Place, columns: Sequence[Column]) -> None:
    """Make the staging table unless it is there."""
    parts = [f'"{column.staged}" {column.kind.load}' for column in columns]
    parts += [f'"{ATTEMPT}" VARCHAR', f'"{SLICE}" VARCHAR', f'"{ROW}" NUMBER(38,0)']
    session.run(f"CREATE TRANSIENT TABLE IF NOT EXISTS {place.staging} ({', '.join(parts)})")


def tables(session: Session, place: Place) -> dict[str, str]:
    """Names of the stream's staging tables and of the target, where they exist, with their comments."""
    rows = session.run(
        f"SELECT TABLE_NAME, COMMENT FROM {quote(place.database)}.INFORMATION_SCHEMA.TABLES"
        f" WHERE TABLE_SCHEMA = {literal(place.namespace)} AND (TABLE_NAME = {literal(place.target)}"
        f" OR STARTSWITH(TABLE_NAME, {literal(f'{OWN}S_{place.line}_')}))"
    )
    return {name: comment or "" for name, comment in rows}


def drop(session: Session, place: Place, name: str) -> None:
    """Drop a staging table, and its stage with the files that are still there."""
    session.run(f"DROP TABLE IF EXISTS {place.qualified(name)}")


def of_receipts(receipts: Sequence[Receipt]) -> str:
    """The condition on staged rows that one of the receipts names them."""
    attempts = [literal(receipt.detail["attempt"]) for receipt in receipts if receipt.rows]
    return f'"{ATTEMPT}" IN ({", ".join(attempts)})' if attempts else "1 = 0"


def verify(session: Session, place: Place, receipts: Sequence[Receipt]) -> None:
    """Raise `IntegrityError` ``staging.lost`` unless all rows of the receipts are there."""
    rows = session.run(f"SELECT COUNT(*) FROM {place.staging} WHERE {of_receipts(receipts)}")[0][0]
    wanted = sum(receipt.rows for receipt in receipts)
    if rows != wanted:
        raise IntegrityError(
            "staging.lost",
            f"The staging table {place.staging} holds {rows} of the {wanted} records to publish.",
            hint="Something removed or changed the staging table. Run the flow again.",
        )
