"""A mapping that is ready to run."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from towpath.dataplane.context import NOTHING, Context
from towpath.dataplane.errors import MappingError

#: (record, the object whose names are read, context)
Run = Callable[[Any, dict[str, Any], Context], Any]


@dataclass(frozen=True, slots=True)
class Mapper:
    """A compiled mapping; safe between threads."""

    looks: frozenset[str]
    """Names of the lookups that `Context.look` is asked for."""
    _run: Run

    def map(self, record: Any, context: Context = NOTHING) -> Any:
        """What becomes of the record: a new object, which may share values with ``record``.

        A record that is a list of rows is read by its first row, except where the mapping takes them all.
        Raises `MappingError`; what `Context.look` raises besides `DataError` passes through.
        """
        if type(record) is dict:
            return self._run(record, record, context)
        head = record[0] if isinstance(record, list) and record else record
        if not isinstance(head, dict) and record != []:
            raise MappingError(
                "mapping.not_a_record",
                "Only an object, or a list of them, can be mapped.",
                hint="Look at the path at which the records are read.",
                source="mapping",
                field="",
            )
        return self._run(record, head if isinstance(head, dict) else {}, context)
