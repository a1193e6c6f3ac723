"""Which part of a document says how its system is read or written, and what it means to the connector."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from towpath.api.integrator.step_types.words import Reading, Word


@dataclass(frozen=True)
class System:
    """One part of that kind."""

    root: str
    """Its name: ``rest``."""
    connectors: frozenset[str]
    """Names of the connectors that it is for; empty for any."""
    reads: Sequence[Word] = ()
    writes: Sequence[Word] = ()
    more_reads: Callable[[Reading], Mapping[str, Any]] = field(default=lambda _reading: {})
    """Settings that are no matter of single fields."""
    more_writes: Callable[[Reading], Mapping[str, Any]] = field(default=lambda _reading: {})

    def reading(self, reading: Reading) -> dict[str, Any]:
        """What an export asks of the connector."""
        return {**reading.settings(self.reads), **self.more_reads(reading)}

    def writing(self, reading: Reading) -> dict[str, Any]:
        """What an import asks of it."""
        return {**reading.settings(self.writes), **self.more_writes(reading)}


def _kept(root: str) -> System:
    """A kind of system for which there is no connector yet: what is said of it is kept whole."""
    whole = (Word(root, root),)
    return System(root, frozenset({root}), whole, whole)


#: Systems that are only stored.
KEPT = {
    name: _kept(name)
    for name in (
        "netsuite",
        "netsuite_da",
        "salesforce",
        "as2",
        "jdbc",
        "mongodb",
        "dynamodb",
        "van",
        "filesystem",
        "magento",
        "distributed",
    )
}
