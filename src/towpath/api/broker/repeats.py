"""``Idempotency-Key``: a request that is sent twice is done once."""

import json
from typing import Annotated

from fastapi import Header, Request
from pydantic import BaseModel

from towpath.services.repeats import Repeat

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        description="A key of your choice: the same request with the same key within a day is answered as "
        "the first one was, and done once.",
    ),
]


def repeat(key: str | None, request: Request, body: BaseModel) -> Repeat | None:
    """What makes two requests the same: method, path and body, the order of its fields apart."""
    if key is None:
        return None
    asked = json.dumps(body.model_dump(mode="json"), sort_keys=True)
    return Repeat(key, f"{request.method} {request.url.path.rstrip('/')} {asked}")
