"""Stacks: servers with functions of one's own, and the tokens that they are started with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends
from starlette.responses import Response

from towpath.api.integrator.auth import Caller, reads, writes
from towpath.api.integrator.documents import MASK, Document, answer, own, times
from towpath.api.integrator.errors import Fault, Refused, invalid, required
from towpath.api.integrator.ids import ours, shown
from towpath.api.integrator.listing import Asked
from towpath.api.integrator.resources import Change, Resource, add_resource
from towpath.api.kit.routing import Router
from towpath.core.records import Connection
from towpath.services.pipelines.ends import DOCUMENT
from towpath.services.pipelines.masking import is_mask, masked
from towpath.services.pipelines.stacks import StackDraft, Stacks

router = Router(prefix="/v1", tags=["Stacks"])


@dataclass(frozen=True)
class _Kind:
    """One kind of stack."""

    config: str
    """The part of our configuration that it is."""
    names: Mapping[str, str]
    """Our settings by their published names."""
    required: tuple[str, ...]


_KINDS = {
    "server": _Kind("server", {"hostURI": "host_uri", "systemToken": "system_token"}, ("hostURI",)),
    "lambda": _Kind(
        "aws_lambda",
        {
            "accessKeyId": "access_key_id",
            "secretAccessKey": "secret_access_key",
            "awsRegion": "aws_region",
            "functionName": "function_name",
            "language": "language",
        },
        ("accessKeyId", "secretAccessKey", "functionName"),
    ),
}
_LONGEST = 2000


class StackKeeper:
    """The stacks of one organization."""

    def __init__(self, caller: Caller) -> None:
        self._org, self._stacks = caller.org, Stacks(*caller.use)

    def list(self, limit: int) -> Sequence[Document]:
        return [_shown(row) for row in self._stacks.list(self._org, limit)]

    def get(self, id: str) -> Document:
        return _shown(self._stacks.get(self._org, id))

    def create(self, document: dict[str, Any]) -> Document:
        return _shown(self._stacks.create(self._org, _draft(document, {})))

    def change(self, id: str, how: Change) -> Document:
        def revise(row: Connection) -> StackDraft:
            return _draft(how(_shown(row)), row.config)

        return _shown(self._stacks.update(self._org, id, revise))

    def delete(self, id: str) -> None:
        self._stacks.delete(self._org, id)


add_resource(router, Resource("stacks", "stack", StackKeeper))

Reading = Annotated[Caller, Depends(reads("stacks"))]
Writing = Annotated[Caller, Depends(writes("stacks"))]


@router.get("/stacks/{id}/systemToken", summary="Get system token")
def get_system_token(caller: Writing, id: str) -> Response:
    """The token that the stack's server must be started with."""
    return _token(Stacks(*caller.use).token(caller.org, ours("stacks", id)))


@router.delete("/stacks/{id}/systemToken", summary="Rotate system token")
def rotate_system_token(caller: Writing, id: str) -> Response:
    """Make a new token. The one before is not used from now on: start the server with the new one."""
    return _token(Stacks(*caller.use).rotate(caller.org, ours("stacks", id)))


@router.get("/shared/stacks", summary="List shared stacks")
def list_shared_stacks(_caller: Reading, asked: Asked) -> Response:
    """The stacks of other accounts that may be used here: there are none, accounts share nothing."""
    return asked.answer([])


def _token(token: str | None) -> Response:
    if token is None:
        raise Refused(Fault("not_found", "Stack of type server not found."), status=404)
    return answer({"systemToken": token})


def _shown(row: Connection) -> dict[str, Any]:
    document = dict(row.metadata.get(DOCUMENT, {}))
    if document["type"] == "server":
        document["server"] = {**document.get("server", {}), "systemToken": MASK}
    return {"_id": shown(row.id), **document, **times(row)}


def _draft(given: Document, before: Mapping[str, Any]) -> StackDraft:
    """``before`` is the configuration so far. Raises `Refused` with all that is wrong."""
    document = own(given)
    type = document.setdefault("type", "lambda" if document.get("lambda") else "server")
    faults = [] if _is_text(document.get("name")) else [required("name")]
    if type not in _KINDS:
        raise Refused(*faults, invalid("type", "It is server or lambda."))
    kind = _KINDS[type]
    config = _config(kind, document.get(type))
    faults += _faults(type, kind, config, before.get(kind.config) or {})
    if faults:
        raise Refused(*faults)
    kept = {name: value for name, value in document.items() if name == type or name not in _KINDS}
    return StackDraft(str(document["name"]), {kind.config: config}, masked(kept))


def _config(kind: _Kind, part: object) -> dict[str, Any]:
    """Our settings. A secret that is not said, or only as its mask, stays what it was."""
    given = part if isinstance(part, Mapping) else {}
    known = {kind.names[name]: value for name, value in given.items() if name in kind.names}
    return {name: value for name, value in known.items() if value is not None and not is_mask(value)}


def _faults(type: str, kind: _Kind, config: Mapping[str, Any], before: Mapping[str, Any]) -> list[Fault]:
    known = {*config, *before}
    faults = [required(f"{type}.{name}") for name in kind.required if kind.names[name] not in known]
    faults += [
        invalid(f"{type}.{name}", f"It is a text of 1 to {_LONGEST} characters.")
        for name, ours_ in kind.names.items()
        if ours_ in config and not _is_text(config[ours_])
    ]
    host = config.get("host_uri", "https://")
    if isinstance(host, str) and not host.startswith(("http://", "https://")):
        faults.append(invalid("server.hostURI", "It begins with http:// or https://."))
    return faults


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST
