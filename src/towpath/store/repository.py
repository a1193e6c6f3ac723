"""The repository that all kinds of rows with an id share."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import Any, Generic, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    and_,
    delete,
    insert,
    or_,
    select,
    update,
)

from towpath.core.errors import ConflictError, InternalError, NotFoundError
from towpath.core.records import Owned, now
from towpath.core.repositories import Between
from towpath.store import references

R = TypeVar("R", bound=Owned)


@cache
def columns_of(table: Table, record: Hashable) -> Sequence[Column[Any]]:
    """The table's columns that are fields of the record, a dataclass."""
    names = {field.name for field in fields(record)}  # type: ignore[arg-type]  # a class is no more for `cache`
    return tuple(column for column in table.c if column.name in names)


@cache
def _all_of(table: Table, record: Hashable) -> Select[Any]:
    return select(*columns_of(table, record))


def bounds(table: Table, between: Between | None) -> Iterator[ColumnElement[bool]]:
    """The conditions that `Between` means."""
    for name, (first, end) in (between or {}).items():
        yield table.c[name].is_not(None)
        if first is not None:
            yield table.c[name] >= first
        if end is not None:
            yield table.c[name] < end


class SqlRepository(Generic[R]):
    """Rows of one table, one organization at a time. # Invariant 9"""

    def __init__(self, connection: Connection, table: Table, record: type[R]) -> None:
        self._connection = connection
        self._table = table
        self._record = record
        self._fields: Any = record  # the same, for caches: mypy holds that a class has no hash
        self._kind = references.kind_of(table)

    def add(self, org: str, item: R) -> R:
        if item.org != org:
            raise InternalError(
                "store.wrong_organization",
                f"The new {self._kind} is of another organization.",
                hint="Please report this.",
            )
        values = {column.name: getattr(item, column.name) for column in self._columns}
        with references.guarded(self._connection, self._table, values):
            self._connection.execute(insert(self._table).values(values))
        return item

    def get(self, org: str, id: str) -> R:
        return self._load_one(self._connection.execute(self._select(org, id=id)).one_or_none(), id)

    def find(self, org: str, **equals: Any) -> R | None:
        rows = self._connection.execute(self._select(org, **equals).limit(2)).all()
        if len(rows) > 1:
            raise ConflictError(
                f"{self._code}.ambiguous",
                f"More than one {self._kind} fits.",
                hint=f"Use its id. {references.listing(self._table)}",
                **equals,
            )
        return self._load(rows)[0] if rows else None

    def list(
        self,
        org: str,
        *,
        limit: int | None = None,
        after: str | None = None,
        newest_first: bool = False,
        between: Between | None = None,
        **equals: Any,
    ) -> Sequence[R]:
        id = self._table.c.id
        query = self._select(org, **equals).where(*bounds(self._table, between))
        query = query.order_by(id.desc() if newest_first else id).limit(limit)
        if after is not None:
            query = query.where(id < after if newest_first else id > after)
        return self._load(self._connection.execute(query).all())

    def update(self, org: str, id: str, **changes: Any) -> R:
        self._check_names(changes)
        values = changes | {"updated_at": now()}
        change = update(self._table).where(self._is(org, id=id)).values(values)
        with references.guarded(self._connection, self._table, {"org": org, "id": id, **values}):
            row = self._connection.execute(change.returning(*self._columns)).one_or_none()
        return self._load_one(row, id)

    def delete(self, org: str, id: str) -> None:
        references.refuse_in_use(self._connection, self._table, org, id)
        with references.guarded(self._connection, self._table, {"org": org, "id": id}):
            gone = self._connection.execute(delete(self._table).where(self._is(org, id=id)))
        if not gone.rowcount:
            raise self._missing(id)

    @property
    def _code(self) -> str:
        return references.code_of(self._table)

    @property
    def _columns(self) -> Sequence[Column[Any]]:
        return columns_of(self._table, self._fields)

    def _select(self, org: str, **equals: Any) -> Select[Any]:
        return _all_of(self._table, self._fields).where(self._is(org, **equals))

    def _is(self, org: str, **equals: Any) -> ColumnElement[bool]:
        return and_(self._table.c.org == org, *(self._equals(name, value) for name, value in equals.items()))

    def _equals(self, name: str, value: Any) -> ColumnElement[bool]:
        self._check_names({name: value})
        column = self._table.c[name]
        if not isinstance(value, (list, tuple, set, frozenset)):
            return column.is_(None) if value is None else column == value
        among = column.in_([item for item in value if item is not None])
        return or_(among, column.is_(None)) if None in value else among

    def _check_names(self, names: Mapping[str, Any]) -> None:
        """Organization and id are given apart and never change."""
        unknown = [name for name in names if name not in self._table.c or name == "org"]
        if unknown:
            raise TypeError(f"a {self._kind} has no column {unknown[0]!r} to choose by or change")

    def _load(self, rows: Sequence[Row[Any]]) -> Sequence[R]:
        return [self._record(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name for it

    def _load_one(self, row: Row[Any] | None, id: str) -> R:
        if row is None:
            raise self._missing(id)
        return self._load([row])[0]

    def _missing(self, id: str) -> NotFoundError:
        return references.missing(self._table, id)
