"""What all repositories of rows with an id can do."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeAlias, TypeVar

T = TypeVar("T")

#: By column: the moments from the first on, and before the second; None where there is no bound.
Between: TypeAlias = Mapping[str, tuple[datetime | None, datetime | None]]


class Repository(Protocol[T]):
    """Rows with an id and, where the kind has one, a name that is unique in the organization."""

    def add(self, org: str, item: T) -> T:
        """Store a new row. Raises `ConflictError` (``<kind>.exists``) if its id or name is taken."""
        ...

    def get(self, org: str, id: str) -> T:
        """The row. Raises `NotFoundError` (``<kind>.not_found``)."""
        ...

    def find(self, org: str, **equals: Any) -> T | None:
        """The only row with these column values, or None; `ConflictError` if there are several."""
        ...

    def list(
        self,
        org: str,
        *,
        limit: int | None = None,
        after: str | None = None,
        newest_first: bool = False,
        between: Between | None = None,
        **equals: Any,
    ) -> Sequence[T]:
        """Rows with these column values in id order (which is time order), after the id ``after``.

        A value that is a list, tuple or set matches any of its items. A row without a moment lies between
        none.
        """
        ...

    def update(self, org: str, id: str, **changes: Any) -> T:
        """Change columns and ``updated_at``. Raises `NotFoundError`, `ConflictError`."""
        ...

    def delete(self, org: str, id: str) -> None:
        """Remove the row for good. Raises `NotFoundError`, and `ConflictError` (``<kind>.in_use``) while
        another row refers to it.
        """
        ...
