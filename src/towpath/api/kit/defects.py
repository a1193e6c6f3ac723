"""What is told of an error that nobody expected: to the caller an opaque id, to the log where it was."""

import logging
import traceback

from starlette.types import Scope

from towpath.core.errors import InternalError


def defect(error: Exception, scope: Scope, log: logging.Logger) -> InternalError:
    """Log where it happened, and make the error that the caller sees."""
    request = request_id(scope)
    # The text of an unexpected error may hold anything, a secret too: only its type and place are told.
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("Request %s failed: %s\n%s", request, type(error).__name__, where)
    return InternalError(
        "internal.defect",
        f"Something went wrong inside Towpath; the log of the server says more about request {request}.",
        hint="Report it with what the log says.",
        request=request,
    )


def request_id(scope: Scope) -> str:
    """The id of the request; ``-`` for one that came in by another door than the server."""
    found: str = scope.get("state", {}).get("request_id", "-")
    return found
