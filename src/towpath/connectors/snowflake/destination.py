"""Writes to Snowflake: slices stage by COPY, one transaction publishes them together with the checkpoint."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from towpath.connectors.snowflake import checkpoints, publish, staging
from towpath.connectors.snowflake.columns import columns_of
from towpath.connectors.snowflake.config import SnowflakeConfig
from towpath.connectors.snowflake.errors import translated
from towpath.connectors.snowflake.names import OWN, Place, identifier, literal
from towpath.connectors.snowflake.session import Session, connect
from towpath.connectors.snowflake.table import Plan, plan_table
from towpath.connectors.snowflake.writer import SliceWriter
from towpath.sdk import Checkpoint, Receipt, Slice, Target, TowpathError, WriteMode
from towpath.sdk.sql import quote
from towpath.sdk.targets import check_key, check_unpartitioned

_log = logging.getLogger("towpath.connectors.snowflake")


class SnowflakeDestination:
    """A `Destination` with one session, which is opened when it is first needed."""

    def __init__(self, config: SnowflakeConfig) -> None:
        self._config = config
        self._open: Session | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    @contextmanager
    def _session(self) -> Iterator[Session]:
        if self._open is None:
            self._open = connect(self._config)
        try:
            with translated():
                yield self._open
        except TowpathError as error:
            if error.code == "connection.lost":  # a session that broke off is of no more use
                self.__exit__(None, None, None)
            raise

    def _place(self, target: Target) -> Place:
        return Place.of(target, self._config.database, self._config.namespace)

    # ── Destination ──────────────────────────────────────────────────────────────────────────────

    def check(self) -> str:
        with self._session() as session:
            version = session.run("SELECT CURRENT_VERSION()")[0][0]
            place = Place(identifier(self._config.database), identifier(self._config.namespace), "", "", "")
            if _schema_exists(session, place):
                probe = place.qualified(f"{OWN}CHECK")
                session.run(f"CREATE OR REPLACE TEMPORARY TABLE {probe} (X NUMBER(38,0))")
                session.run(f"DROP TABLE IF EXISTS {probe}")
        return f"Snowflake {version}"

    def prepare(self, target: Target) -> None:
        check_key(target)
        check_unpartitioned(target, "Snowflake")
        place, columns = self._place(target), columns_of(target.schema)
        with self._session() as session:
            if not _schema_exists(session, place):
                session.run(f"CREATE SCHEMA IF NOT EXISTS {place.scope}")
                session.forget_schema()
            plan_table(session, place, target, columns)
            for name in staging.tables(session, place):
                if name.startswith(f"{OWN}S_{place.line}_") and name != place.staging_name:
                    staging.drop(session, place, name)
            staging.create(session, place, columns)
            checkpoints.ensure(session, place, target)
        for column in columns:
            if column.kind.note:
                _log.warning("%s: %r is written as %s", target.stream, column.name, column.kind.note)

    def writer(self, target: Target, slice: Slice) -> SliceWriter:
        return SliceWriter(self._session, self._place(target), target, slice, columns_of(target.schema))

    def commit(self, target: Target, receipts: Sequence[Receipt], checkpoint: Checkpoint) -> None:
        place, columns = self._place(target), columns_of(target.schema)
        with self._session() as session:
            session.use(place.scope)
            checkpoints.ensure(session, place, target)
            last = checkpoints.read(session, place, target)
            if last and last.run == checkpoint.run and last.number >= checkpoint.number:
                return
            plan = Plan()
            publishes = bool(receipts) or target.mode is WriteMode.OVERWRITE
            if publishes:
                staging.create(session, place, columns)
                staging.verify(session, place, receipts)
                plan = plan_table(session, place, target, columns)
                for statement in plan.statements:
                    session.run(statement)
            if plan.replace:
                # Before the checkpoint: a crash in between only means that the same is done once more.
                publish.replace(session, place, columns, receipts)
            with session.transaction():
                if checkpoints.write(session, place, target, checkpoint) and publishes:
                    if not plan.replace:
                        publish.publish(session, place, target, columns, receipts)
                    session.run(f"DELETE FROM {place.staging} WHERE {staging.of_receipts(receipts)}")
            if plan.born:
                session.run(f"COMMENT ON TABLE {place.table} IS ''")

    def committed(self, target: Target) -> Checkpoint | None:
        place = self._place(target)
        with self._session() as session:
            if not _exists(session, place, f"{OWN}CHECKPOINTS"):
                return None
            return checkpoints.read(session, place, target)

    def discard(self, target: Target) -> None:
        place = self._place(target)
        with self._session() as session:
            if not _schema_exists(session, place):
                return
            found = staging.tables(session, place)
            if place.staging_name in found:
                staging.drop(session, place, place.staging_name)
            if found.get(place.target) == place.birthmark:
                self._unmake(session, place, target)

    def _unmake(self, session: Session, place: Place, target: Target) -> None:
        """The target was made for rows whose commit may never have come: then it goes again. # Invariant 2"""
        last = checkpoints.read(session, place, target)
        if last is not None and last.run == target.run:
            session.run(f"COMMENT ON TABLE {place.table} IS ''")
        elif session.run(f"SELECT COUNT(*) FROM {place.table}")[0][0] == 0:
            session.run(f"DROP TABLE IF EXISTS {place.table}")


def _schema_exists(session: Session, place: Place) -> bool:
    return bool(
        session.run(
            f"SELECT 1 FROM {quote(place.database)}.INFORMATION_SCHEMA.SCHEMATA"
            f" WHERE SCHEMA_NAME = {literal(place.namespace)}"
        )
    )


def _exists(session: Session, place: Place, name: str) -> bool:
    return bool(
        session.run(
            f"SELECT 1 FROM {quote(place.database)}.INFORMATION_SCHEMA.TABLES"
            f" WHERE TABLE_SCHEMA = {literal(place.namespace)} AND TABLE_NAME = {literal(name)}"
        )
    )
