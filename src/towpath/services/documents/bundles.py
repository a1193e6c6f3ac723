"""Failed records in bundles that one retry can carry."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from towpath.core.records import RecordError

#: A retry carries its records through a pipe, in memory.
MOST_RECORDS = 10_000
MOST_BYTES = 32 << 20


@dataclass
class Bundle:
    """Ids of errors that one run reported."""

    flow: str
    run: str
    ids: list[str] = field(default_factory=list)
    bytes: int = 0
    """Of the records, as JSON."""


def bundled(errors: Iterable[RecordError]) -> Iterator[Bundle]:
    """The errors, by the run that reported them; a bundle is full at either limit. Keeps ids only."""
    filling: dict[str, Bundle] = {}
    for error in errors:
        size = len(json.dumps(dict(error.record)))
        bundle = filling.setdefault(error.run, Bundle(error.flow, error.run))
        if bundle.ids and (len(bundle.ids) >= MOST_RECORDS or bundle.bytes + size > MOST_BYTES):
            yield filling.pop(error.run)
            bundle = filling.setdefault(error.run, Bundle(error.flow, error.run))
        bundle.ids.append(error.id)
        bundle.bytes += size
    yield from filling.values()
