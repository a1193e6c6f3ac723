"""What a target table looks like now, and what its owner has made of it."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from towpath.connectors.mysql.connection import Connection, execute
from towpath.connectors.mysql.dialect import Dialect
from towpath.connectors.mysql.place import Place, literal
from towpath.connectors.mysql.spelling import canonical
from towpath.connectors.mysql.types import arrow_type
from towpath.sdk import ConfigError

_TRANSACTIONAL = frozenset({"innodb", "rocksdb", "tokudb", "ndbcluster"})
_TABLES = """
SELECT TABLE_NAME, TABLE_TYPE, ENGINE, CREATE_OPTIONS, TABLE_COMMENT FROM information_schema.TABLES
WHERE TABLE_SCHEMA = {0} AND TABLE_NAME = {1}"""
_COLUMNS = """
SELECT COLUMN_NAME, CAST(COLUMN_TYPE AS CHAR), IS_NULLABLE, COLUMN_DEFAULT, EXTRA, COLUMN_COMMENT,
  CHARACTER_SET_NAME, COLLATION_NAME FROM information_schema.COLUMNS
WHERE TABLE_SCHEMA = {0} AND TABLE_NAME = {1} ORDER BY ORDINAL_POSITION"""
_INDEXES = """
SELECT INDEX_NAME, NON_UNIQUE, COLUMN_NAME, SUB_PART FROM information_schema.STATISTICS
WHERE TABLE_SCHEMA = {0} AND TABLE_NAME = {1} ORDER BY INDEX_NAME, SEQ_IN_INDEX"""
_CHECKS = """
SELECT CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS
WHERE CONSTRAINT_SCHEMA = {0} AND TABLE_NAME = {1}"""
#: What hangs on a table besides its columns and indexes.
_ATTACHED = {
    "a trigger": """
SELECT 1 FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = {0} AND EVENT_OBJECT_TABLE = {1}""",
    "a foreign key": """
SELECT 1 FROM information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA = {0} AND TABLE_NAME = {1}
AND REFERENCED_TABLE_NAME IS NOT NULL""",
    "a foreign key of another table": """
SELECT 1 FROM information_schema.KEY_COLUMN_USAGE
WHERE REFERENCED_TABLE_SCHEMA = {0} AND REFERENCED_TABLE_NAME = {1}""",
}


@dataclass(frozen=True)
class Found:
    """A column of the target."""

    name: str
    type: str
    """In the canonical spelling; ``json`` for MariaDB's checked text."""
    nullable: bool
    default: str
    """Empty for none."""
    extra: str
    comment: str
    charset: str
    collation: str

    @property
    def generated(self) -> bool:
        """It is computed, and cannot be written."""
        return "GENERATED" in self.extra.upper() and "DEFAULT_GENERATED" not in self.extra.upper()

    @property
    def plain(self) -> bool:
        """Nothing would be lost if it were declared anew."""
        return not (self.default or self.extra or self.comment)

    @property
    def arrow(self) -> pa.DataType:
        return arrow_type(self.type)


@dataclass(frozen=True)
class Index:
    """An index of the target."""

    name: str
    unique: bool
    columns: tuple[str, ...]
    """In lower case, in order; with a length where it covers a prefix only."""


@dataclass(frozen=True)
class Table:
    """A target that exists."""

    columns: Mapping[str, Found]
    """By their names in lower case, in order."""
    indexes: tuple[Index, ...]
    attached: str
    """What a new table in its place would not have; empty if nothing but indexes."""

    def is_indexed(self, name: str) -> bool:
        return any(name.lower() in index.columns for index in self.indexes)


def read(connection: Connection, place: Place, dialect: Dialect) -> Table | None:
    """The target; None if there is none. Raises `ConfigError` ``target.not_a_table`` if it is none."""
    where = (literal(place.database), literal(place.target))
    tables = execute(connection, _TABLES.format(*where))
    found = next((row for row in tables if dialect.folds or row[0] == place.target), None)
    if found is None:
        return None
    _, kind, engine, options, comment = found
    if kind != "BASE TABLE" or engine is None or engine.lower() not in _TRANSACTIONAL:
        raise ConfigError(
            "target.not_a_table",
            f"{place.table} is {f'a table of {engine}' if kind == 'BASE TABLE' else f'a {kind.lower()}'}; "
            "records can only be written to a table with transactions.",
            hint="Give the stream another target name, or convert the table: ALTER TABLE … ENGINE=InnoDB.",
        )
    columns = _columns(connection, where, dialect)
    indexes = _indexes(connection, where)
    attached = _attached(connection, where, str(options), str(comment or ""), columns)
    return Table(columns, indexes, attached)


def _columns(connection: Connection, where: tuple[str, str], dialect: Dialect) -> dict[str, Found]:
    checks = execute(connection, _CHECKS.format(*where)) if dialect.mariadb else ()
    json = {clause for (clause,) in checks}
    found = dict[str, Found]()
    for name, type, nullable, default, extra, comment, charset, collation in execute(
        connection, _COLUMNS.format(*where)
    ):
        spelled = "json" if f"json_valid(`{name}`)" in json else canonical(type)
        given = "" if default in (None, "NULL") else f"={default}"
        found[name.lower()] = Found(
            name,
            spelled,
            nullable == "YES",
            given,
            extra or "",
            comment or "",
            charset or "",
            collation or "",
        )
    return found


def _indexes(connection: Connection, where: tuple[str, str]) -> tuple[Index, ...]:
    columns, unique = dict[str, list[str]](), dict[str, bool]()
    for name, repeats, column, part in execute(connection, _INDEXES.format(*where)):
        covered = (column or "()").lower() + (f"({part})" if part else "")
        columns.setdefault(name, []).append(covered)
        unique[name] = not int(repeats)
    return tuple(Index(name, unique[name], tuple(columns[name])) for name in columns)


def _attached(
    connection: Connection, where: tuple[str, str], options: str, comment: str, columns: Mapping[str, Found]
) -> str:
    if "partitioned" in options:
        return "partitions"
    if comment and not comment.startswith("towpath:"):
        return "a comment"
    own = next((found.name for found in columns.values() if not found.plain), None)
    if own is not None:
        return f"settings of the column {own!r}"
    return next((thing for thing, sql in _ATTACHED.items() if execute(connection, sql.format(*where))), "")
