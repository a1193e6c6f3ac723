"""Steps that may be refused without spoiling the unit of work they belong to."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, exc


@contextmanager
def savepoint(connection: Connection) -> Iterator[None]:
    """Undo only what is done inside if it raises."""
    nested = connection.begin_nested()
    try:
        yield
    except BaseException:
        # After a full disk or a lost server there is no savepoint any more: that is not the error to tell.
        with suppress(exc.DBAPIError):
            nested.rollback()
        raise
    nested.commit()
