"""One record on its way through an import, before it is sent."""

from dataclasses import dataclass, field
from typing import Any

from towpath.core.application import Failure, Outcome
from towpath.core.errors import AuthError, TowpathError
from towpath.engine.records.functions import failures_of

FAILED = 422
UNAUTHORIZED = 401


@dataclass
class Row:
    """The record, what became of it so far, and how it ended, if it did."""

    record: Any
    data: Any = None
    pre: Any = None
    """As it came out of the ``preMap`` hook."""
    told: list[Failure] = field(default_factory=list)
    """Errors beside which it goes on."""
    end: Outcome | None = None

    def fail(self, failures: list[Failure], status: int = FAILED) -> None:
        self.end = Outcome(status=status, errors=tuple(failures))

    def fail_by(self, error: TowpathError, source: str) -> None:
        """End it with an error of its own; with one of credentials, as the connection's."""
        status = UNAUTHORIZED if isinstance(error, AuthError) else FAILED
        told = str(getattr(error, "source", error.context.get("source", source)))
        place = getattr(error, "field", None) or error.context.get("field")
        failures = [
            Failure(
                code=one.code,
                message=one.message,
                source="connection" if status == UNAUTHORIZED else one.source,
                field=place,
                retryable=one.retryable,
            )
            for one in failures_of(error, told)
        ]
        self.fail(failures, status)

    def ignore(self) -> None:
        self.end = Outcome(ignored=True, errors=tuple(self.told))
