"""What exports and imports say to a database."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SqlReading(_Part):
    """A query, and what is to be done with the records that were processed."""

    query: Annotated[str, Field(min_length=1)]
    """``rdbms.query``: a template, in which two braces make a literal. It needs an ORDER BY, so that a read
    that was interrupted goes on where it was."""
    once_query: str | None = None
    """``rdbms.once.query``: a template that is run for each record that was processed."""


class Action(_Part):
    """One thing that is done with records."""

    kind: Literal["per_record", "per_page", "first_page", "bulk_insert", "bulk_load"]
    """``rdbms.queryType``. ``first_page`` is done once in a run, before the others."""
    query: str | None = None
    """``rdbms.query``; a page is ``batch_of_records`` in it: ``[{"record": …}, …]``."""
    table: str | None = None
    """``rdbms.bulkInsert.tableName``, ``rdbms.bulkLoad.tableName``: ``name`` or ``schema.name``."""
    batch_size: Annotated[int, Field(ge=1, le=10_000)] = 100
    """``rdbms.bulkInsert.batchSize``: rows of one statement."""
    primary_keys: tuple[str, ...] = ()
    """``rdbms.bulkLoad.primaryKeys``: columns by which rows are found that are there already."""
    merge_query: str | None = None
    """``rdbms.bulkLoad.overrideMergeQuery``: not supported."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        bulk = self.kind.startswith("bulk_")
        if bulk and not self.table:
            raise ValueError(f"{self.kind} needs the name of a table")
        if not bulk and not self.query:
            raise ValueError(f"{self.kind} needs a query")
        if self.kind == "bulk_load" and not self.primary_keys:
            raise ValueError("bulk_load needs primary keys; bulk_insert does without")
        if self.merge_query:
            raise ValueError("a merge query of one's own is not supported: use per_record or per_page")
        return self


class SqlWriting(_Part):
    """What is done with the records, in this order; with an existing lookup or extract and two actions for
    each record, the first is for records that are there already and the second for new ones.
    """

    actions: Annotated[tuple[Action, ...], Field(min_length=1)]
    existing_lookup: str | None = None
    """``rdbms.ignoreLookupName``: the lookup that has a hit if the record is there already."""
    existing_extract: str | None = None
    """``rdbms.ignoreExtract``: the field that has a value if the record is there already."""
    lookups: tuple[Mapping[str, Any], ...] = ()
    """``rdbms.lookups``: with ``query``, a template, and ``extract``, a path into the rows."""
    ignore_existing: bool = False
    ignore_missing: bool = False

    @property
    def decides(self) -> bool:
        """Whether it has to be known if records are there already."""
        return bool(self.existing_lookup or self.existing_extract)

    @model_validator(mode="after")
    def _can_decide(self) -> Self:
        if (self.ignore_existing or self.ignore_missing) and not self.decides:
            raise ValueError(
                "to ignore existing or missing records, name the lookup or field that tells which are there"
            )
        known = [lookup.get("name") for lookup in self.lookups]
        if self.existing_lookup and self.existing_lookup not in known:
            raise ValueError(f"there is no lookup {self.existing_lookup!r}")
        return self
