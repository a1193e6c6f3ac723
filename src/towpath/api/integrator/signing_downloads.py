"""What signed URLs open."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

from fastapi import Query, Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from towpath.api.integrator import jobs_document
from towpath.api.integrator.auth import public, spend
from towpath.api.integrator.documents import answer
from towpath.api.integrator.joberrors_document import job_error
from towpath.api.integrator.signing import check
from towpath.api.kit.routing import Router
from towpath.core.ids import of_object_id
from towpath.services.context import Rooms
from towpath.services.jobs.archive import archive
from towpath.services.pipelines.failures import Failures
from towpath.services.pipelines.jobs import Jobs

router = Router(prefix="/v1", tags=["Jobs"])


@router.get(
    "/signed/{kind}/{org}/{id}",
    summary="What a signed URL opens",
    response_class=Response,
    responses={200: {"content": {"application/json": {}, "application/gzip": {}}, "description": "The file"}},
)
@public
def download(
    request: Request,
    kind: str,
    org: str,
    id: str,
    expires: Annotated[str, Query(max_length=20)] = "",
    signature: Annotated[str, Query(max_length=128)] = "",
) -> Response:
    """No token is needed: the URL is one. It ends after an hour."""
    rooms: Rooms = request.app.state.rooms
    check(rooms, org, kind, id, expires, signature)
    owner = of_object_id("org", org)
    spend(rooms, owner)
    return _KINDS[kind](rooms, owner, id)


def _diagnostics(rooms: Rooms, org: str, digits: str) -> Response:
    job = jobs_document.known(Jobs(rooms), org, digits)
    return _Passing(
        archive(rooms, org, job.run.id).path, media_type="application/gzip", filename=f"{digits}.tar.gz"
    )


def _errors(rooms: Rooms, org: str, digits: str) -> Response:
    """A JSON array of all errors of a job, however many there are."""
    job = jobs_document.known(Jobs(rooms), org, digits)
    family = Jobs(rooms).whole(org, job).family

    def parts() -> Iterator[str]:
        yield "["
        for number, failed in enumerate(Failures(rooms).every(org, job, family)):
            yield (",\n" if number else "\n") + json.dumps(job_error(failed, org))
        yield "\n]\n"

    headers = {"Content-Disposition": f'attachment; filename="{digits}-errors.json"'}
    return StreamingResponse(parts(), media_type="application/json", headers=headers)


def _data(rooms: Rooms, org: str, digits: str) -> Response:
    return answer(Failures(rooms).get(org, of_object_id("err", digits)).error.record)


_KINDS: Mapping[str, Callable[[Rooms, str, str], Response]] = {
    "diagnostics": _diagnostics,
    "errors": _errors,
    "data": _data,
}


class _Passing(FileResponse):
    """Sends a file and removes it, however that ends."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            Path(self.path).unlink(missing_ok=True)  # noqa: ASYNC240 - must be done by who is cancelled, too
