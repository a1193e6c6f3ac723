"""What ``partition_by`` names: columns, or the year, month, day or hour of a column."""

import re
from collections.abc import Container
from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """A stretch of time whose records go into one folder."""

    YEAR = "year"
    MONTH = "month"
    DAY = "day"
    HOUR = "hour"


_TRANSFORM = re.compile(rf"({'|'.join(Unit)})\((.+)\)", re.DOTALL)


@dataclass(frozen=True)
class Partition:
    """One entry of ``partition_by``."""

    column: str
    unit: Unit | None = None
    """None: the column's values themselves, which then are in the folders' names only."""

    @property
    def name(self) -> str:
        """What stands before the ``=`` in the folders' names.

        >>> Partition("at").name, Partition("at", Unit.MONTH).name
        ('at', 'at_month')
        """
        return f"{self.column}_{self.unit}" if self.unit else self.column

    def __str__(self) -> str:
        return f"{self.unit}({self.column})" if self.unit else self.column


def parse(entry: str, columns: Container[str]) -> Partition:
    """The partition that an entry means, ``str`` of which is the entry again.

    ``columns`` are the names that exist: one that is literally the entry wins. Whether the column of the
    result exists is for the caller to check.

    >>> parse("month(at)", ["at"]), parse("month(at)", ["month(at)"])
    (Partition(column='at', unit=<Unit.MONTH: 'month'>), Partition(column='month(at)', unit=None))
    """
    found = None if entry in columns else _TRANSFORM.fullmatch(entry)
    return Partition(found[2], Unit(found[1])) if found else Partition(entry)
