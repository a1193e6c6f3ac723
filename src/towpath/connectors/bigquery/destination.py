"""Writes to BigQuery: slices stage by load jobs, one script publishes them together with the checkpoint."""

import logging
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from google.api_core.exceptions import GoogleAPICallError, NotFound
from google.cloud import bigquery

from towpath.connectors.bigquery import checkpoints, publish, staging
from towpath.connectors.bigquery import table as tables
from towpath.connectors.bigquery.client import connect, run
from towpath.connectors.bigquery.columns import Column, columns_of
from towpath.connectors.bigquery.config import BigqueryConfig
from towpath.connectors.bigquery.errors import message, translated
from towpath.connectors.bigquery.names import Place
from towpath.connectors.bigquery.writer import SliceWriter
from towpath.sdk import Checkpoint, IntegrityError, Receipt, SchemaError, Slice, Target, WriteMode
from towpath.sdk.targets import check_key, check_unpartitioned

_log = logging.getLogger("towpath.connectors.bigquery")
_CHECK_SECONDS = 3


class BigqueryDestination:
    """A `Destination`; its client is made when it is first needed."""

    def __init__(self, config: BigqueryConfig) -> None:
        self._config = config
        self._open: bigquery.Client | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._open is not None:
            self._open.close()  # type: ignore[no-untyped-call]  # the vendor's method has no hints
            self._open = None

    @property
    def _client(self) -> bigquery.Client:
        if self._open is None:
            self._open = connect(self._config)
        return self._open

    def _place(self, target: Target) -> Place:
        return Place.of(target, self._config.destination_project_id, self._config.bq_dataset)

    # ── Destination ──────────────────────────────────────────────────────────────────────────────

    def check(self) -> str:
        project, dataset = self._config.destination_project_id, self._config.bq_dataset
        with translated():
            try:
                found = self._client.get_dataset(f"{project}.{dataset}", timeout=_CHECK_SECONDS)
            except NotFound:
                next(iter(self._client.list_datasets(max_results=1, timeout=_CHECK_SECONDS)), None)
                return f"BigQuery, project {project}"
            config = bigquery.QueryJobConfig(dry_run=True)
            self._client.query("SELECT 1", job_config=config, timeout=_CHECK_SECONDS)
        return f"BigQuery, dataset {project}.{dataset} in {found.location}"

    def prepare(self, target: Target) -> None:
        check_key(target)
        check_unpartitioned(target, "BigQuery")
        place, columns = self._place(target), columns_of(target.schema)
        _check_names(target, columns)
        with translated(stream=target.stream):
            dataset = bigquery.Dataset(f"{place.project}.{place.dataset}")
            dataset.location = self._config.location or None
            self._client.create_dataset(dataset, exists_ok=True)
            tables.plan_table(self._client, place, target, columns)
            for name in staging.others(self._client, place):
                self._client.delete_table(place.full(name), not_found_ok=True)
            staging.create(self._client, place, columns)
            checkpoints.ensure(self._client, place)
        _tell(target, place, columns)

    def writer(self, target: Target, slice: Slice) -> SliceWriter:
        with translated():
            return SliceWriter(self._client, self._place(target), target, slice, columns_of(target.schema))

    def commit(self, target: Target, receipts: Sequence[Receipt], checkpoint: Checkpoint) -> None:
        place, columns = self._place(target), columns_of(target.schema)
        with translated(stream=target.stream):
            last = checkpoints.read(self._client, place, target)
            if last and last.run == checkpoint.run and last.number >= checkpoint.number:
                return
            checkpoints.ensure(self._client, place)
            given = checkpoints.parameters(target, checkpoint)
            if not receipts and target.mode is not WriteMode.OVERWRITE:
                self._run(publish.script(place, []), given)
                return
            staging.create(self._client, place, columns)
            plan = tables.plan_table(self._client, place, target, columns)
            tables.apply(self._client, place, plan, columns)
            given["attempts"] = [str(receipt.detail["attempt"]) for receipt in receipts]
            given["rows"] = sum(receipt.rows for receipt in receipts)
            self._publish(target, place, columns, plan, given)
            if plan.create:
                tables.christen(self._client, place)

    def committed(self, target: Target) -> Checkpoint | None:
        with translated(stream=target.stream):
            return checkpoints.read(self._client, self._place(target), target)

    def discard(self, target: Target) -> None:
        place = self._place(target)
        with translated(stream=target.stream):
            self._client.delete_table(place.full(place.staging), not_found_ok=True)
            checkpoints.sweep(self._client, place, target)
            if tables.born(self._client, place):
                self._unmake(place, target)

    # ── steps ────────────────────────────────────────────────────────────────────────────────────

    def _publish(
        self,
        target: Target,
        place: Place,
        columns: Sequence[Column],
        plan: tables.Plan,
        given: dict[str, Any],
    ) -> None:
        guard, clear = staging.guard(place), staging.clear(place)
        if not plan.replace:
            published = publish.statements(place, target, columns)
            self._run(publish.script(place, [guard, *published, clear]), given)
            return
        # The checkpoint follows: a crash in between only means that the same is done once more.
        self._run(f"{guard};\n{publish.replacement(place, columns)};\n", given)
        self._run(publish.script(place, [clear]), given)

    def _run(self, sql: str, given: dict[str, Any]) -> None:
        """Run a script whose guards may stop it."""
        used = {name: value for name, value in given.items() if f"@{name}" in sql}
        try:
            run(self._client, sql, used)
        except GoogleAPICallError as error:
            text = message(error)
            if staging.LOST in text:
                raise IntegrityError(
                    "staging.lost",
                    "The staging table does not hold the records to publish.",
                    hint="Something removed or changed the staging table. Run the flow again.",
                ) from error
            if checkpoints.DONE not in text:
                raise

    def _unmake(self, place: Place, target: Target) -> None:
        """The target was made for rows whose commit may never have come: then it goes again. # Invariant 2"""
        last = checkpoints.read(self._client, place, target)
        if last is not None and last.run == target.run:
            tables.christen(self._client, place)
        elif not self._client.get_table(place.full(place.target)).num_rows:
            self._client.delete_table(place.full(place.target), not_found_ok=True)


def _check_names(target: Target, columns: Sequence[Column]) -> None:
    seen: dict[str, str] = {}
    for column in columns:
        other = seen.setdefault(column.name.lower(), column.given)
        if other is not column.given:
            raise SchemaError(
                "column.duplicate",
                f"The columns {other!r} and {column.given!r} of {target.stream!r} would be one in BigQuery.",
                hint="Select one of them, or rename one in the source.",
                stream=target.stream,
            )


def _tell(target: Target, place: Place, columns: Sequence[Column]) -> None:
    """Log what BigQuery has under another name or in another form."""
    if place.target != target.name:
        _log.warning("%s: the table is named %r", target.stream, place.target)
    for column in columns:
        if column.name != column.given:
            _log.warning("%s: the column %r is named %r", target.stream, column.given, column.name)
        if column.kind.note:
            _log.warning("%s: %r is written as %s", target.stream, column.given, column.kind.note)
