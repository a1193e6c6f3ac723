"""What must hold between the parts of a connector's file."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
from pydantic import BaseModel

from towpath.sdk.rest import template, types
from towpath.sdk.rest.auth import Auth, BasicAuth, OAuth2Auth
from towpath.sdk.rest.columns import OTHER
from towpath.sdk.rest.definition import Definition, FieldDefinition
from towpath.sdk.rest.known import guess
from towpath.sdk.rest.stream import Incremental, Single, StreamDefinition

Place = tuple[str | int, ...]
Faults = Iterator[tuple[Place, str]]

#: What every connection by OAuth 2 may hold, besides the fields of the file.
OAUTH_FIELDS = ("access_token", "refresh_token", "client_id", "client_secret")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_RESERVED = {"host", "content-length", "transfer-encoding", "connection", "accept-encoding"}
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")
_FORMATS = {"integer": {"number"}, "date": {"date", "iso"}}
_TIME_FORMATS = {"iso", "date", "epoch_s", "epoch_ms"}


def faults(definition: Definition, file: Path) -> Faults:
    """Every contradiction: where it stands, and what is wrong."""
    if definition.name != file.stem:
        yield ("name",), f"the file is called {file.name}, so the name must be {file.stem!r}"
    if definition.icon:
        yield from _of_icon(file.parent / definition.icon)
    for name, field in definition.fields.items():
        yield from _of_field(("fields", name), name, field)
    yield from _of_auth(definition)
    yield from _of_templates(definition)
    yield from _of_requests(definition)
    for name, stream in definition.streams.items():
        if not name or len(name) > 200 or not name.isprintable():  # noqa: PLR2004 - a name people can read
            yield ("streams", name), "the name of a stream has 1 to 200 printable characters"
        yield from _of_stream(("streams", name), stream)


def _of_icon(file: Path) -> Faults:
    try:
        fine = file.read_text().lstrip().startswith(("<svg", "<?xml"))
    except (OSError, UnicodeDecodeError):
        yield ("icon",), f"there is no file {file.name} beside it that can be read"
        return
    if not fine:
        yield ("icon",), f"{file.name} is not an SVG document"


def _of_field(at: Place, name: str, field: FieldDefinition) -> Faults:
    if hasattr(BaseModel, name) or name.startswith("model_"):
        yield at, "this name is taken; choose another one"
    if field.type != "string" and (field.secret or field.pattern or field.choices):
        yield at, "only strings can be secret, or have a pattern or choices"
    if field.default is None:
        return
    if field.secret:
        yield (*at, "default"), "a secret has no default"
    if type(field.default) is not {"string": str, "integer": int, "boolean": bool}[field.type]:
        yield (*at, "default"), f"the default is not of type {field.type}"
    elif field.choices and field.default not in field.choices:
        yield (*at, "default"), "the default is not one of the choices"
    elif field.pattern and not re.fullmatch(field.pattern, str(field.default)):
        yield (*at, "default"), "the default does not match the pattern"


def known_fields(definition: Definition) -> set[str]:
    """Names that templates may use."""
    by_oauth = any(isinstance(auth, OAuth2Auth) for auth in definition.auth)
    return {*definition.fields, *(OAUTH_FIELDS if by_oauth else ())}


def _of_auth(definition: Definition) -> Faults:
    seen = set()
    known = known_fields(definition)
    for place, auth in enumerate(definition.auth):
        at = ("auth", place)
        if auth.type in seen:
            yield at, f"there are two of type {auth.type}"
        seen.add(auth.type)
        for name in auth.requires:
            yield from _unknown((*at, "requires"), name, known)
        if not isinstance(auth, OAuth2Auth):
            for name in auth.credentials():
                yield from _unknown(at, name, known)
        if _auth_header(auth):
            yield from _of_header((*at, "header"), _auth_header(auth))


def _auth_header(auth: Auth) -> str:
    if isinstance(auth, BasicAuth):
        return "Authorization"
    return auth.header or ""


def _of_header(at: Place, name: str) -> Faults:
    if not _TOKEN.fullmatch(name) or name.lower() in _RESERVED:
        yield at, f"{name!r} cannot be set as a header"


def _of_templates(definition: Definition) -> Faults:
    known = known_fields(definition)
    for at, text in _templates(definition):
        for name in template.names(text):
            yield from _unknown(at, name, known)
    for at, text in _addresses(definition):
        for name in template.names(text):
            field = definition.fields.get(name)
            if name in known and (field is None or field.secret):
                yield at, f"{{{name}}} is a secret, and addresses are shown in errors: send it in a header"
            elif field and not field.is_required and field.default is None:
                yield at, f"{{{name}}} must be required or have a default"


def _addresses(definition: Definition) -> Iterator[tuple[Place, str]]:
    yield ("base_url",), definition.base_url
    if definition.check:
        yield ("check", "path"), definition.check.path
    for name, stream in definition.streams.items():
        yield ("streams", name, "path"), stream.path


def _templates(definition: Definition) -> Iterator[tuple[Place, str]]:
    yield from _addresses(definition)
    groups: list[tuple[Place, dict[str, str]]] = [(("headers",), definition.headers)]
    if definition.check:
        groups.append((("check", "query"), definition.check.query))
    for place, auth in enumerate(definition.auth):
        if isinstance(auth, OAuth2Auth):
            urls = {name: getattr(auth, name) for name in ("token_url", "authorize_url", "revoke_url")}
            groups.append((("auth", place), urls | {"value": auth.value}))
    for name, stream in definition.streams.items():
        groups.append((("streams", name, "query"), stream.query))
        if stream.incremental:
            groups.append((("streams", name, "incremental", "query"), stream.incremental.query))
    for at, texts in groups:
        yield from (((*at, key), text) for key, text in texts.items())


def _of_requests(definition: Definition) -> Faults:
    taken = {_auth_header(auth).lower() for auth in definition.auth}
    for name in definition.headers:
        yield from _of_header(("headers", name), name)
        if name.lower() in taken:
            yield ("headers", name), "this header is set twice, or by `auth` already"
        taken.add(name.lower())
    for place, host in enumerate(definition.hosts):
        if not _HOST.fullmatch(host):
            yield ("hosts", place), "a host is written like `files.example.com`, in lower case"
    if not (definition.streams or definition.check):
        return
    url = definition.base_url
    if not url:
        yield ("base_url",), "is missing"
    elif not re.match(r"https?://[^/]|\{[a-z0-9_]+\}$", url):
        yield ("base_url",), "it must begin with https:// or http://, or be a {field} alone"


def _of_stream(at: Place, stream: StreamDefinition) -> Faults:
    if stream.body is not None and stream.method != "POST":
        yield (*at, "body"), "only a POST has a body"
    if OTHER in stream.columns:
        yield (*at, "schema", OTHER), "this name is taken, for what is not declared"
    for name in stream.primary_key:
        yield from _unknown((*at, "primary_key"), name, stream.columns, "column")
        if stream.columns.get(name) in ("json", "number"):
            yield (*at, "primary_key"), f"{name!r} is of type {stream.columns[name]}, which is no key"
    taken = dict.fromkeys(stream.query, "query")
    for part, name in _parameters(stream):
        if name in taken:
            yield (*at, part), f"the parameter {name!r} is set by `{taken[name]}` already"
        taken[name] = part
    if stream.incremental:
        yield from _of_incremental((*at, "incremental"), stream.incremental, stream)


def _parameters(stream: StreamDefinition) -> Iterator[tuple[str, str]]:
    if not isinstance(stream.paging, Single):
        names = (getattr(stream.paging, "parameter", ""), stream.paging.size_parameter)
        yield from (("paging", name) for name in names if name)
    if stream.incremental:
        yield "incremental", stream.incremental.parameter


def _of_incremental(at: Place, given: Incremental, stream: StreamDefinition) -> Faults:
    if given.cursor not in stream.columns:
        yield from _unknown((*at, "cursor"), given.cursor, stream.columns, "column")
        return
    name = stream.columns[given.cursor]
    allowed = _TIME_FORMATS if pa.types.is_timestamp(types.arrow(name)) else _FORMATS.get(name, set())
    if not allowed:
        yield (*at, "cursor"), f"a cursor is an integer, a date or a timestamp; {given.cursor!r} is {name}"
    elif given.format not in allowed:
        fitting = ", ".join(sorted(allowed))
        yield (*at, "format"), f"a cursor of type {name} needs one of the formats {fitting}"
    if "since" not in template.names(given.value):
        yield (*at, "value"), "it must hold {since}"
    for other in template.names(given.value):
        if other != "since":
            yield (*at, "value"), f"only {{since}} can stand here, not {{{other}}}"


def _unknown(at: Place, name: str, known: Iterable[str], what: str = "field") -> Faults:
    if name not in known:
        yield at, f"there is no {what} {name!r}{guess(name, known)}"
