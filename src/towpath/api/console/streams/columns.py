"""Which columns a stream is read with, in both directions."""

from collections.abc import Collection, Sequence

from towpath.api.console.streams.document import Json, SelectedColumns
from towpath.core.errors import ConfigError
from towpath.core.flows import FlowStream

Chosen = tuple[tuple[str, ...] | None, tuple[str, ...]]


def chosen(
    selected: SelectedColumns, known: Collection[str], foreign: Collection[str], stream: str, field: str
) -> Chosen:
    """``columns`` and ``exclude`` of a read.

    ``known`` are the source's own columns in their order, none if nothing is known; ``foreign`` those that
    the catalogue marks as no columns of the source. A selected one that is foreign, or unknown and begins
    with an underscore, is another program's own, and passed over. Raises `ConfigError`.
    """
    if selected.columns is None:
        return None, selected.excluded
    wanted = dict.fromkeys(name for name in selected.columns if not _is_foreign(name, known, foreign))
    _check_known(wanted, known, stream, field)
    if not selected.sync_new_columns:
        _check_any(wanted, stream, field)
        return tuple(wanted), ()
    unread = dict.fromkeys([*selected.excluded, *known])
    exclude = tuple(name for name in unread if name not in wanted)
    if not exclude:
        return None, ()
    if known and not selected.excluded:
        _check_any(wanted, stream, field)
    return None, exclude


def _is_foreign(name: str, known: Collection[str], foreign: Collection[str]) -> bool:
    return name in foreign or (bool(known) and name not in known and name.startswith("_"))


def _check_known(wanted: Collection[str], known: Collection[str], stream: str, field: str) -> None:
    for name in wanted:
        if known and name not in known:
            raise ConfigError(
                "column.not_found",
                f"{stream} has no column {name!r}.",
                hint=f"Its columns are: {', '.join(known)}.",
                field=f"{field}.columns",
            )


def _check_any(wanted: Collection[str], stream: str, field: str) -> None:
    if not wanted:
        raise ConfigError(
            "column.none",
            f"No column of {stream} is selected.",
            hint="Select at least one of its columns, or leave the stream out.",
            field=f"{field}.columns",
        )


def said(stream: FlowStream, known: Sequence[str]) -> Json:
    """The ``selected_columns`` that `chosen` makes the same of."""
    if stream.columns is not None:
        return {"columns": list(stream.columns), "sync_new_columns": False}
    wanted = [name for name in known if name not in stream.exclude]
    told: Json = {"columns": wanted, "sync_new_columns": True}
    return told | {"excluded": list(stream.exclude)} if stream.exclude else told
