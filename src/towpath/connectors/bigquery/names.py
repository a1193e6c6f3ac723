"""Names of tables and columns as BigQuery takes them, and of Towpath's own tables."""

import hashlib
import re
import unicodedata
from dataclasses import dataclass

from towpath.sdk import Target

OWN = "_towpath_"
_DIGITS = 16
_LONGEST_TABLE, _LONGEST_COLUMN = 1024, 300
_LETTERS = ("L", "M", "N", "Pc", "Pd")
_IN_COLUMNS = frozenset("&%=+:'<>#| ")
#: Beginnings of column names that BigQuery keeps for itself.
_RESERVED = re.compile(r"_TABLE_|_FILE_|_PARTITION|_ROW_TIMESTAMP|__ROOT__|_COLIDENTIFIER", re.IGNORECASE)


def table_id(name: str) -> str:
    """The name; one with characters that tables cannot have gets others in their place, and an ending of
    its own, so that no two names become one.

    >>> table_id("orders 2024"), table_id("a.b")
    ('orders 2024', 'a_b_2e7336dc')
    """
    plain = "".join(char if _is_letter(char) or char == " " else "_" for char in name)
    if plain == name and len(name.encode()) <= _LONGEST_TABLE:
        return name
    ending = f"_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return plain.encode()[: _LONGEST_TABLE - len(ending)].decode(errors="ignore") + ending


def column_id(name: str) -> str:
    """The name, with an underscore for every character that columns cannot have.

    >>> column_id("total (EUR)"), column_id("50 %")
    ('total _EUR_', '50 %')
    """
    plain = "".join(char if _is_letter(char) or char in _IN_COLUMNS else "_" for char in name)
    plain = f"c{plain}" if _RESERVED.match(plain) else plain
    return plain[:_LONGEST_COLUMN] or "_"


def _is_letter(char: str) -> bool:
    return unicodedata.category(char).startswith(_LETTERS)


def digest(*parts: str) -> str:
    """Hex digits, the same for the same parts."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:_DIGITS]


def quote(name: str) -> str:
    """The identifier in SQL. Names of ours hold no backticks and no backslashes."""
    return f"`{name}`"


@dataclass(frozen=True)
class Place:
    """Where a run's stream is written: a dataset, the target in it, and our own tables beside it."""

    project: str
    dataset: str
    line: str
    """Hash of lineage and stream: what stagings of other runs of the same stream have in common."""
    run: str
    target: str
    """Id of the target table."""

    @classmethod
    def of(cls, target: Target, project: str, dataset: str) -> "Place":
        return cls(
            project,
            target.namespace or dataset,
            digest(target.lineage, target.stream),
            digest(target.run),
            table_id(target.name),
        )

    def full(self, table: str) -> str:
        """``project.dataset.table``, as the client takes it."""
        return f"{self.project}.{self.dataset}.{table}"

    @property
    def staging(self) -> str:
        return f"{OWN}s_{self.line}_{self.run}"

    @property
    def checkpoints(self) -> str:
        return f"{OWN}checkpoints"

    @property
    def birthmark(self) -> str:
        """The description of a target that this run has made and not yet filled."""
        return f"towpath: being made by {self.line}_{self.run}"
