"""What destinations verify in prepare."""

from towpath.core.errors import ConfigError, SchemaError
from towpath.core.model import Target, WriteMode


def check_key(target: Target) -> None:
    """Raise `SchemaError` ``upsert.no_key`` for an upsert without a primary key, and ``column.not_found``
    for a key column that is not written.
    """
    if target.mode is WriteMode.UPSERT and not target.primary_key:
        raise SchemaError(
            "upsert.no_key",
            f"The stream {target.stream!r} has no primary key, and an upsert needs one.",
            hint="Name the key columns in primary_key, or write in append or overwrite mode.",
            stream=target.stream,
        )
    missing = [name for name in target.primary_key if name not in target.schema.names]
    if missing:
        raise SchemaError(
            "column.not_found",
            f"The key column {missing[0]!r} is not among the columns of {target.stream!r}.",
            hint="Select the key columns too.",
            stream=target.stream,
            column=missing[0],
        )


def check_unpartitioned(target: Target, system: str) -> None:
    """Raise `ConfigError` ``partition.unsupported`` for partitions: of a destination that makes none."""
    if target.partition_by:
        raise ConfigError(
            "partition.unsupported",
            f"{system} makes no partitions; {target.stream!r} asks for {', '.join(target.partition_by)}.",
            hint="Remove 'partition_by', or write to files.",
            field="partition_by",
        )


def check_names(target: Target, system: str) -> None:
    """Raise `SchemaError` ``column.duplicate`` if two columns differ in upper and lower case only."""
    seen: dict[str, str] = {}
    for name in target.schema.names:
        other = seen.setdefault(name.lower(), name)
        if other is not name:
            raise SchemaError(
                "column.duplicate",
                f"The columns {other!r} and {name!r} of {target.stream!r} are one and the same to {system}.",
                hint="Select one of them, or rename one in the source.",
                stream=target.stream,
            )
