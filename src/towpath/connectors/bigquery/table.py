"""The target table: what it looks like, and how it is brought into the shape that it needs."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from google.api_core.exceptions import NotFound
from google.cloud import bigquery

from towpath.connectors.bigquery.client import run
from towpath.connectors.bigquery.columns import BIGNUMERIC, NUMERIC, Column
from towpath.connectors.bigquery.names import Place, quote
from towpath.sdk import SchemaError, Target, WriteMode

_STANDARD = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}
#: Which types hold every value of a type, the narrowest first.
_WIDER = {"INT64": ("NUMERIC", "BIGNUMERIC"), "NUMERIC": ("BIGNUMERIC",)}
_DIGITS = {"INT64": (19, 0), "NUMERIC": NUMERIC, "BIGNUMERIC": BIGNUMERIC}


@dataclass(frozen=True)
class Plan:
    """What a commit has to do before it publishes rows."""

    add: tuple[Column, ...] = ()
    widen: tuple[Column, ...] = ()
    replace: bool = False
    """The table is made anew together with its rows."""
    create: bool = False
    names: dict[str, str] = field(default_factory=dict)
    """BigQuery's own spelling of column names; they are the same in small letters and capitals."""


def plan_table(client: bigquery.Client, place: Place, target: Target, columns: Sequence[Column]) -> Plan:
    """How to bring the target into the shape that it needs.

    Raises `SchemaError` ``schema.incompatible`` or ``target.not_a_table``.
    """
    found = _read(client, place, target)
    if target.mode is WriteMode.OVERWRITE:
        have = [(one.name, _type(one)) for one in found or ()]
        return Plan(replace=have != [(column.name, column.kind.type) for column in columns])
    if found is None:
        return Plan(create=True)
    spelled = {one.name.lower(): one for one in found}
    new = tuple(column for column in columns if column.name.lower() not in spelled)
    wide = tuple(
        column
        for column in columns
        if column not in new and _widens(place, target, column, spelled[column.name.lower()])
    )
    return Plan(new, wide, names={low: one.name for low, one in spelled.items()})


def _read(client: bigquery.Client, place: Place, target: Target) -> list[bigquery.SchemaField] | None:
    try:
        table = client.get_table(place.full(place.target))
    except NotFound:
        return None
    if table.table_type != "TABLE":
        raise SchemaError(
            "target.not_a_table",
            f"{place.full(place.target)} is a {table.table_type.lower()}; records need a table.",
            hint="Give the stream another target name.",
            stream=target.stream,
        )
    return list(table.schema)


def _type(found: bigquery.SchemaField) -> str:
    type = _STANDARD.get(found.field_type, found.field_type)
    return f"{found.mode} {type}" if found.mode != "NULLABLE" else f"{type}{_limits(found)}"


def _limits(found: bigquery.SchemaField) -> str:
    given = [found.precision, found.scale, found.max_length]
    return f"({','.join(str(one) for one in given if one)})" if any(given) else ""


def _widens(place: Place, target: Target, column: Column, found: bigquery.SchemaField) -> bool:
    """Whether the column must get a wider type. Raises `SchemaError` if that would not do. # Invariant 10"""
    type, wanted = _STANDARD.get(found.field_type, found.field_type), column.kind.type
    if found.mode == "REPEATED":
        raise _incompatible(place, target, column, f"ARRAY<{type}>")
    if type == wanted and not (found.precision or found.scale):
        return False
    if type in _WIDER.get(wanted, ()) and not found.precision:
        return False
    if wanted in _WIDER.get(type, ()) or (type == wanted and wanted in _DIGITS):
        return True
    raise _incompatible(place, target, column, f"{type}{_limits(found)}")


def _incompatible(place: Place, target: Target, column: Column, type: str) -> SchemaError:
    return SchemaError(
        "schema.incompatible",
        f"The column {column.given!r} of {place.full(place.target)} has the type {type} "
        f"and cannot hold {column.kind.type} without loss.",
        hint="Alter the column, give the stream another target, or write it in overwrite mode.",
        stream=target.stream,
        column=column.given,
    )


def field_of(column: Column) -> bigquery.SchemaField:
    """The column as the API declares it."""
    return bigquery.SchemaField(column.name, column.kind.type)


def apply(client: bigquery.Client, place: Place, plan: Plan, columns: Sequence[Column]) -> None:
    """Make or change the target, before the transaction: within one BigQuery takes no such statements."""
    full = place.full(place.target)
    if plan.create:
        table = bigquery.Table(full, schema=[field_of(column) for column in columns])
        table.description = place.birthmark
        client.create_table(table, exists_ok=True)
    if plan.add:
        table = client.get_table(full)
        table.schema = [*table.schema, *(field_of(column) for column in plan.add)]
        client.update_table(table, ["schema"])
    for column in plan.widen:
        name = quote(plan.names.get(column.name.lower(), column.name))
        run(client, f"ALTER TABLE {quote(full)} ALTER COLUMN {name} SET DATA TYPE {column.kind.type}")


def born(client: bigquery.Client, place: Place) -> bool:
    """Whether the target has this run's birthmark: made, and perhaps never filled."""
    try:
        return bool(client.get_table(place.full(place.target)).description == place.birthmark)
    except NotFound:
        return False


def christen(client: bigquery.Client, place: Place) -> None:
    """Take the birthmark away."""
    table = client.get_table(place.full(place.target))
    table.description = None
    client.update_table(table, ["description"])
