"""The cursor of an incremental stream: ``cursor_field``, a column or ``<column>:<its stand-in>``."""

from towpath.api.console.streams.picks import Pick
from towpath.core.errors import ConfigError

_BETWEEN = ":"


def cursors_of(pick: Pick) -> tuple[str, str | None]:
    """The column, and the one whose value counts where it is null. Names may hold colons themselves: what the
    stream has decides. Raises `ConfigError`.
    """
    text, words = pick.offer.cursor_field, pick.facts.words
    field = f"{pick.entry}.cursor_field"
    if not text:
        raise ConfigError(
            "cursor.missing",
            f"{pick.key} is read incrementally, and no cursor is chosen.",
            hint="Choose a column that grows with every change, or another sync mode.",
            field=field,
        )
    if text in words:
        return text, None
    pairs = [(text[:at], text[at + 1 :]) for at, sign in enumerate(text) if sign == _BETWEEN]
    if not words:
        return pairs[0] if len(pairs) == 1 else (text, None)
    found = [pair for pair in pairs if pair[0] in words and pair[1] in words]
    if len(found) != 1:
        raise ConfigError(
            "column.not_found",
            f"{pick.key} has no column {text!r} to be its cursor.",
            hint=f"Its columns are: {', '.join(words)}.",
            field=field,
        )
    return found[0]


def cursor_field(cursor: str | None, fallback: str | None) -> str:
    """The text that `cursors_of` makes the same of."""
    return _BETWEEN.join(name for name in (cursor, fallback) if name)
