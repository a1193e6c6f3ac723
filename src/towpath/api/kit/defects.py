"""What is told of an error that nobody expected: to the caller an opaque id, to the log where it was."""

import logging
import traceback
from pathlib import Path

from starlette.types import Scope

import towpath
from towpath.core.errors import InternalError

_OURS = str(Path(towpath.__file__).parent)


def defect(error: Exception, scope: Scope, log: logging.Logger) -> InternalError:
    """Log where it happened, and make the error that the caller sees."""
    request = request_id(scope)
    # The text of an unexpected error may hold anything, a secret too: only its type and place are told.
    log.error("Request %s failed: %s\n%s", request, type(error).__name__, _where(error))
    return InternalError(
        "internal.defect",
        f"Something went wrong inside Towpath; the log of the server says more about request {request}.",
        hint="Report it with what the log says.",
        request=request,
    )


def _where(error: Exception) -> str:
    """The places in our own code, and the last one wherever that is."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames[:-1] if frame.filename.startswith(_OURS)]
    return "".join(traceback.format_list([*ours, *frames[-1:]]))


def request_id(scope: Scope) -> str:
    """The id of the request; ``-`` for one that came in by another door than the server."""
    found: str = scope.get("state", {}).get("request_id", "-")
    return found
