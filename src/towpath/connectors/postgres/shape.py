"""What a target table looks like now, and what its owner has made of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psycopg

from towpath.sdk import ConfigError, SchemaError
from towpath.sdk.sql import quote


@dataclass(frozen=True)
class Found:
    """A column of the target."""

    type: str
    base: str
    """The type under a domain; ``type`` itself for all others."""
    not_null: bool
    default: bool
    """It has a value of its own making: a default, an identity."""
    generated: bool
    """It is computed, and cannot be written."""


@dataclass(frozen=True)
class Shape:
    """A target that exists."""

    oid: int
    table: str
    """Quoted, with its schema."""
    owned: bool
    """We may alter it."""
    columns: Mapping[str, Found]
    keys: tuple[frozenset[str], ...]
    """The column sets of its unique indexes that an upsert may lean on."""


_TABLE = """
SELECT c.oid::bigint, c.relkind::text, pg_has_role(c.relowner, 'USAGE')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = %s
"""
_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod),
       format_type(CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END,
                   CASE t.typtype WHEN 'd' THEN t.typtypmod ELSE a.atttypmod END),
       a.attnotnull, a.atthasdef OR a.attidentity <> '', a.attgenerated <> ''
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
_KEYS = """
SELECT array_agg(a.attname::text)
FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0
WHERE i.indrelid = %s AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL
  AND k.place <= i.indnkeyatts
GROUP BY i.indexrelid HAVING bool_and(a.attname IS NOT NULL)
"""
_KINDS = {
    "v": "a view",
    "m": "a materialized view",
    "f": "a foreign table",
    "S": "a sequence",
    "i": "an index",
}


def read(connection: psycopg.Connection, namespace: str, name: str) -> Shape | None:
    """The target's shape; None if there is no such table. Raises `ConfigError` if it is no table."""
    row = connection.execute(_TABLE, [namespace, name]).fetchone()
    if row is None:
        return None
    oid, kind, owned = row
    if kind not in ("r", "p"):
        raise ConfigError(
            "target.not_a_table",
            f"{namespace}.{name} is {_KINDS.get(kind, 'no table')}.",
            hint="Choose another name for the target, or drop what has it.",
        )
    columns = {item[0]: Found(*item[1:]) for item in connection.execute(_COLUMNS, [oid])}
    keys = tuple(frozenset(item[0]) for item in connection.execute(_KEYS, [oid]))
    return Shape(oid, f"{quote(namespace)}.{quote(name)}", owned, columns, keys)


# ── what a swap would lose ───────────────────────────────────────────────────────────────────────

#: Each finds one thing that belongs to the table with the oid %(oid)s and that a new table in its place would
#: not have. %(key)s: the primary key that the new table gets.
_ATTACHED = {
    "its kind or its place": """
        SELECT FROM pg_class WHERE oid = %(oid)s
        AND (relkind <> 'r' OR relispartition OR relpersistence <> 'p'
        OR reltablespace <> 0 OR reloptions IS NOT NULL OR relreplident <> 'd' OR reloftype <> 0
        OR relrowsecurity OR relforcerowsecurity)""",
    "inheritance": "SELECT FROM pg_inherits WHERE inhrelid = %(oid)s OR inhparent = %(oid)s",
    "an index": """
        SELECT FROM pg_index WHERE indrelid = %(oid)s AND NOT (indisprimary AND %(key)s::text[] = (
        SELECT array_agg(a.attname::text ORDER BY k.place)
        FROM unnest(indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
        JOIN pg_attribute a ON a.attrelid = indrelid AND a.attnum = k.attnum))""",
    "a constraint": """
        SELECT FROM pg_constraint WHERE contype <> 'p' AND (confrelid = %(oid)s OR conrelid = %(oid)s
        AND NOT (contype = 'n' AND (SELECT attname::text FROM pg_attribute WHERE attrelid = %(oid)s
        AND attnum = conkey[1]) = ANY(%(key)s::text[])))""",
    "a trigger": "SELECT FROM pg_trigger WHERE tgrelid = %(oid)s AND NOT tgisinternal",
    "a policy": "SELECT FROM pg_policy WHERE polrelid = %(oid)s",
    "a rule": "SELECT FROM pg_rewrite WHERE ev_class = %(oid)s",
    "a view or function": """
        SELECT FROM pg_depend WHERE refclassid = 'pg_class'::regclass AND refobjid = %(oid)s
        AND classid IN ('pg_rewrite'::regclass, 'pg_proc'::regclass)""",
    "statistics": "SELECT FROM pg_statistic_ext WHERE stxrelid = %(oid)s",
    "a publication": "SELECT FROM pg_publication_rel WHERE prrelid = %(oid)s",
    "a security label": """
        SELECT FROM pg_seclabel WHERE objoid = %(oid)s AND classoid = 'pg_class'::regclass""",
    "a column's settings": """
        SELECT FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
        WHERE a.attrelid = %(oid)s AND a.attnum > 0 AND NOT a.attisdropped AND (a.atthasdef
        OR a.attidentity <> '' OR a.attacl IS NOT NULL OR a.attoptions IS NOT NULL
        OR a.attcollation <> t.typcollation OR coalesce(a.attstattarget, -1) >= 0
        OR a.attstorage <> t.typstorage OR a.attnotnull AND NOT a.attname::text = ANY(%(key)s::text[]))""",
    "a grant by another role": """
        SELECT FROM pg_class c, aclexplode(c.relacl) g WHERE c.oid = %(oid)s AND g.grantor <> c.relowner""",
}


def attached(connection: psycopg.Connection, shape: Shape, key: Sequence[str]) -> str | None:
    """What its owner has attached to the table and a swap would lose; None if nothing."""
    parts = (f"SELECT {_name(name)} WHERE EXISTS ({query})" for name, query in _ATTACHED.items())
    query = " UNION ALL ".join(parts) + " LIMIT 1"
    row = connection.execute(query, {"oid": shape.oid, "key": list(key)}).fetchone()
    return None if row is None else row[0]


def _name(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"


def carry_over(connection: psycopg.Connection, shape: Shape, table: str) -> None:
    """Give ``table`` the owner, grants and comments of the target that it will replace."""
    owner, ours = connection.execute(
        "SELECT quote_ident(pg_get_userbyid(relowner)), pg_get_userbyid(relowner) = current_user"
        " FROM pg_class WHERE oid = %s",
        [shape.oid],
    ).fetchall()[0]
    for statement in [*_grants(connection, shape, table), *_comments(connection, shape, table)]:
        connection.execute(statement)
    if not ours:
        connection.execute(f"ALTER TABLE {table} OWNER TO {owner}")


_GRANTS = """
SELECT g.privilege_type, CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
       g.is_grantable
FROM pg_class c, aclexplode(c.relacl) g WHERE c.oid = %s AND g.grantee <> c.relowner
"""


def _grants(connection: psycopg.Connection, shape: Shape, table: str) -> list[str]:
    rows = connection.execute(_GRANTS, [shape.oid]).fetchall()
    made = connection.execute(_GRANTS.replace("%s", "%s::regclass"), [table]).fetchall()
    return [
        *(f"REVOKE ALL ON {table} FROM {grantee}" for _, grantee, _ in made),
        *(
            f"GRANT {privilege} ON {table} TO {grantee}{' WITH GRANT OPTION' if again else ''}"
            for privilege, grantee, again in rows
        ),
    ]


def _comments(connection: psycopg.Connection, shape: Shape, table: str) -> list[str]:
    """Of the table, and of the columns that the new table has too."""
    rows = connection.execute(
        "SELECT quote_ident(o.attname), quote_literal(d.description) FROM pg_description d"
        " LEFT JOIN pg_attribute o ON o.attrelid = d.objoid AND o.attnum = d.objsubid AND d.objsubid > 0"
        " WHERE d.objoid = %s AND d.classoid = 'pg_class'::regclass AND (d.objsubid = 0 OR EXISTS"
        " (SELECT FROM pg_attribute n WHERE n.attrelid = %s::regclass AND n.attname = o.attname))",
        [shape.oid, table],
    ).fetchall()
    return [
        f"COMMENT ON COLUMN {table}.{column} IS {text}" if column else f"COMMENT ON TABLE {table} IS {text}"
        for column, text in rows
    ]


def unknown_needs(shape: Shape, given: Sequence[str]) -> list[str]:
    """Columns that must have a value and that nobody gives one."""
    return [
        name
        for name, found in shape.columns.items()
        if found.not_null and not found.default and not found.generated and name not in given
    ]


def incompatible(name: str, have: str, want: str, table: str) -> SchemaError:
    return SchemaError(
        "schema.incompatible",
        f"Column {name!r} of {table} is {have}, which cannot hold {want}.",
        hint="Write to another `target`, leave the column out with `columns:`, or change the table.",
        column=name,
    )
