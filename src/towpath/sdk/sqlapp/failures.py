"""Which errors are of one record, and which of everything."""

from towpath.core.application import Failure
from towpath.core.errors import AuthError, BusyError, ResourceError, TowpathError, UnreachableError

#: What says that nothing at all can be done just now, and not that a record is wrong.
_OF_ALL = (AuthError, UnreachableError, BusyError, ResourceError)


def failure(error: TowpathError) -> Failure:
    """The failure of the one record that a statement was for. Raises the error where it concerns all."""
    if isinstance(error, _OF_ALL) or error.retryable:
        raise error
    code = error.context.get("sqlstate") or error.context.get("errno") or error.code
    return Failure(code=str(code), message=error.message)
