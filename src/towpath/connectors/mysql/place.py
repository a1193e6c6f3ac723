"""The names of Towpath's own tables and locks."""

import hashlib
from dataclasses import dataclass, replace

from towpath.connectors.mysql.catalog import OWN
from towpath.connectors.mysql.query import name
from towpath.sdk import SchemaError, Target, WriteMode
from towpath.sdk.sql import literal as _literal

_DIGITS = 16
_LONGEST_NAME, _LAST_LETTER = 64, "\uffff"
#: What helps if a name does not do.
_OTHER_NAME = {
    "column": "Leave the column out with `columns:`, or read a view that renames it.",
    "table": "Write to another `target`.",
    "database": "Write to another `namespace`.",
}


def literal(value: object) -> str:
    """A SQL literal; MySQL's texts know backslashes."""
    return _literal(value, backslashes=True)


def digest(*parts: str) -> str:
    """Hex digits, the same for the same parts."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:_DIGITS]


def check_name(name: str, what: str) -> None:
    """Raise `SchemaError` for a name that MySQL does not take; ``what`` it is the name of."""
    if len(name) > _LONGEST_NAME:
        raise SchemaError(
            "name.too_long",
            f"The {what} name {name!r} has {len(name)} characters; MySQL takes {_LONGEST_NAME}.",
            hint=_OTHER_NAME[what],
        )
    if not name or name.endswith(" ") or "\0" in name or max(name) > _LAST_LETTER:
        raise SchemaError(
            "name.invalid",
            f"MySQL does not take the {what} name {name!r}: it is empty, ends in a space, or has a NUL or a "
            "character beyond U+FFFF.",
            hint=_OTHER_NAME[what],
        )


@dataclass(frozen=True)
class Place:
    """Where a run's stream is written: a database, the target in it, and our own tables beside it."""

    database: str
    target: str
    line: str
    """Hash of lineage and stream: what stagings of other runs of the same stream have in common."""
    run: str
    ordered: bool
    """Staged rows are read in their order, because the last one of a key wins."""

    @classmethod
    def of(cls, target: Target, database: str) -> "Place":
        line, run = digest(target.lineage, target.stream), digest(target.run)
        ordered = target.mode is WriteMode.UPSERT
        return cls(target.namespace or database, target.name, line, run, ordered)

    def another(self, run: str) -> "Place":
        """The same stream's place in another run, by its hash."""
        return replace(self, run=run)

    def _own(self, kind: str) -> str:
        return f"{OWN}{kind}_{self.line}_{self.run}"

    @property
    def table(self) -> str:
        return name(self.database, self.target)

    @property
    def staging(self) -> str:
        """Staged rows."""
        return name(self.database, self.staging_name)

    @property
    def staging_name(self) -> str:
        return self._own("s")

    @property
    def markers(self) -> str:
        """One row for each slice that is staged in whole."""
        return name(self.database, self._own("m"))

    @property
    def new(self) -> str:
        """The table that will take the target's place."""
        return name(self.database, self._own("n"))

    @property
    def old(self) -> str:
        """The target whose place was taken."""
        return name(self.database, self._own("o"))

    @property
    def all(self) -> tuple[str, ...]:
        return self.staging, self.markers, self.new, self.old

    @property
    def pattern(self) -> str:
        """What LIKE finds the own tables of all of the stream's runs by."""
        return f"{OWN}_\\_{self.line}\\_%".replace("_towpath_", "\\_towpath\\_")

    @property
    def lock(self) -> str:
        """Name of the lock of whoever makes, publishes or drops staging of this stream."""
        return f"towpath_{digest(self.database, self.line)}"

    def writer_lock(self, number: int) -> str:
        """Name of a lock that a session holds while it stages."""
        return f"towpath_{digest(self.database, self.line)}_{self.run}_{number}"
