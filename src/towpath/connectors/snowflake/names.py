"""Names of databases, schemas, tables and columns as Snowflake reads them."""

import hashlib
import re
from dataclasses import dataclass

from towpath.sdk import Target
from towpath.sdk.sql import literal as _literal
from towpath.sdk.sql import quote

#: Prefix of the names of Towpath's own tables. All of it in capitals, so that it needs no quotes.
OWN = "_TOWPATH_"

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
_DIGITS = 16


def identifier(name: str) -> str:
    """A name that a person gave, as Snowflake takes it: without quotes it is in capitals.

    >>> print(identifier("sales"), identifier("My sales"))
    SALES My sales
    """
    return name.upper() if _PLAIN.fullmatch(name) else name


def literal(value: object) -> str:
    """A SQL literal; Snowflake's texts know backslashes."""
    return _literal(value, backslashes=True)


def digest(*parts: str) -> str:
    """Hex digits in capitals, the same for the same parts."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:_DIGITS].upper()


@dataclass(frozen=True)
class Place:
    """Where a run's stream is written: a schema, the target in it, and our own tables beside it."""

    database: str
    namespace: str
    line: str
    """Hash of lineage and stream: what stagings of other runs of the same stream have in common."""
    run: str
    target: str

    @classmethod
    def of(cls, target: Target, database: str, namespace: str) -> "Place":
        return cls(
            identifier(database),
            identifier(target.namespace or namespace),
            digest(target.lineage, target.stream),
            digest(target.run),
            target.name,
        )

    def qualified(self, name: str) -> str:
        return f"{self.scope}.{quote(name)}"

    @property
    def scope(self) -> str:
        return f"{quote(self.database)}.{quote(self.namespace)}"

    @property
    def table(self) -> str:
        return self.qualified(self.target)

    @property
    def staging_name(self) -> str:
        return f"{OWN}S_{self.line}_{self.run}"

    @property
    def staging(self) -> str:
        return self.qualified(self.staging_name)

    @property
    def checkpoints(self) -> str:
        return self.qualified(f"{OWN}CHECKPOINTS")

    @property
    def birthmark(self) -> str:
        """The comment of a target that this run has made and not yet filled."""
        return f"towpath: being made by {self.line}_{self.run}"
