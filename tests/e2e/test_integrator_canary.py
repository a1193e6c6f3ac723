"""An integrator's whole day, every secret of it marked, with systems that repeat all that they are told; then
all that was said, written or started is searched. # Invariant 8
"""

import gzip
import io
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from support.command import Towpath
from support.http import Answer, Asked, Endpoint, endpoint

from .test_api_canary import DISGUISED, MARK, Answers, Spy, echo, eventually

pytestmark = pytest.mark.slow

LATER = "2999-01-01T00:00:00.000Z"
SECRET = f"{MARK}good-token"


def answer(asked: Asked) -> Answer:
    """A system that repeats what it is told, and wants tokens renewed."""
    status, headers, body = echo(asked)
    return 401 if f"{MARK}old" in str(asked.headers) else status, headers, body


class Desk:
    """Calls the API with a token, and keeps all that it is told."""

    def __init__(self, url: str, token: str) -> None:
        self.ask = Answers(url)
        self.ask.client.headers["Authorization"] = f"Bearer {token}"

    def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        content = {} if body is None else {"json": body}
        answer = self.ask(method, f"/v1{path}", **content, **options)
        assert answer.status_code < 500, (method, path, answer.text)
        return answer.json() if "json" in answer.headers.get("content-type", "") else answer.text

    def make(self, path: str, body: Any) -> str:
        return str(self("POST", path, body)["_id"])

    def run(self, flow: str) -> str:
        job = str(self("POST", f"/flows/{flow}/run", {})["_jobId"])
        eventually(
            lambda: self("GET", f"/jobs/{job}")["status"] in ("completed", "failed"), "the end of a job"
        )
        return job


@pytest.fixture
def house(towpath: Towpath, tmp_path: Path) -> Iterator[tuple[Desk, Endpoint, Spy, Path, str]]:
    temporary, log = tmp_path / "temporary", tmp_path / "server.log"
    temporary.mkdir()
    towpath.environment |= {
        "TOWPATH_ALLOWED_HOSTS": "127.0.0.1",
        "TOWPATH_LOG_LEVEL": "debug",
        "TOWPATH_RATE_LIMIT": "none",
        "TOWPATH_INTEGRATOR_BUCKET_SIZE": "0",
        "TMPDIR": str(temporary),
    }
    token = towpath.json("keys", "create", "program", "--kind", "integrator")["key"]
    with ExitStack() as stack:
        site = stack.enter_context(endpoint())
        site.answer = answer
        output = stack.enter_context(log.open("w"))
        process = stack.enter_context(towpath.started("serve", "--port", "0", stdout=output, stderr=output))
        eventually(lambda: "Ctrl-C" in log.read_text(), "the start of the server")
        spy = stack.enter_context(Spy(process.pid))
        desk = Desk("http://" + log.read_text().split("http://")[1].split()[0], token)
        stack.enter_context(desk.ask.client)
        yield desk, site, spy, log, token


def connections(url: str) -> dict[str, Any]:
    """Of every kind that keeps a secret, most of them to a system that repeats it."""
    rest = {"baseURI": url, "mediaType": "json", "pingRelativeURI": "/ping"}
    encrypted = {"encrypted": {"apiKey": f"{MARK}encrypted"}}
    login = {"uri": "/login", "method": "POST", "body": '{"password": "' + MARK + 'cookie"}'}
    pair = {"username": "ann", "password": f"{MARK}pair"}
    http = {"baseURI": url, "mediaType": "json", "auth": {"type": "basic", "basic": pair}}
    files = {"hostURI": "127.0.0.1", "port": 1, "username": "ann", "password": f"{MARK}ftp"}
    bucket = {"region": "eu-west-1", "accessKeyId": "a", "secretAccessKey_crypt": f"{MARK}s3"}
    database = {"type": "postgresql", "host": "127.0.0.1", "port": 1, "database": "d", "user": "u"}
    refresh = '{"refresh": "{{{connection.rest.refreshToken}}}"}'
    renewed = {"bearerToken": f"{MARK}old", "refreshToken": f"{MARK}renewal"}
    renewed |= {"refreshTokenURI": f"{url}/token", "refreshTokenBody": refresh, "refreshTokenPath": "token"}
    return {
        "header": {"rest": rest | encrypted | {"authType": "token", "bearerToken": SECRET}},
        "url": {
            "rest": rest
            | {"authType": "token", "bearerToken": SECRET, "tokenLocation": "url", "tokenParam": "key"}
        },
        "cookie": {"rest": rest | {"authType": "cookie", "cookieAuth": login}},
        "renewed": {"rest": rest | {"authType": "token", **renewed}},
        "basic": {"http": http},
        "files": {"ftp": files | {"type": "ftp"}},
        "bucket": {"s3": bucket},
        "database": {"rdbms": database | {"password": f"{MARK}database"}},
        "stored": {
            "netsuite": {"account": "a", "environment": "beta", "email": "e", "password": f"{MARK}ns"}
        },
    }


def test_no_secret_of_an_integrator_is_found_anywhere(
    house: tuple[Desk, Endpoint, Spy, Path, str], towpath: Towpath, tmp_path: Path
) -> None:
    desk, site, spy, log, token = house
    made = keep(desk, site)
    job, step = move(desk, made)
    opened = mend(desk, job, step)
    fail(desk, made)
    look_around(desk, made)
    said = [towpath(*words).stdout for words in (["export"], ["audit", "export"], ["runs", "list"])]

    secrets = [MARK, token, *(text.decode() for text in DISGUISED)]
    assert not [(what, whole[:3000]) for what, whole in desk.ask.plain for one in secrets if one in whole]
    assert not [text[:300] for text in said for one in secrets if one in text]
    assert not [one for one in secrets if one.encode() in opened]
    files = [log, *(path for top in (towpath.home, tmp_path / "temporary") for path in top.rglob("*"))]
    for path in filter(Path.is_file, files):
        content = path.read_bytes()
        assert not [one for one in secrets if one.encode() in content], path
    assert not [1 for seen in spy.seen for one in secrets if one.encode() in seen]
    # All of it was really there.
    told = "".join(str((asked.path, asked.headers, asked.body)) for asked in site.asked)
    wanted = ("good-token", "encrypted", "cookie", "renewal", "stack", "wrapper")
    assert [name for name in wanted if f"{MARK}{name}" not in told] == []
    assert "Bearer ******" in "".join(whole for _, whole in desk.ask.plain)
    assert "DEBUG" in log.read_text().upper()
    assert len(spy.processes) > 1


def keep(desk: Desk, site: Endpoint) -> dict[str, str]:
    """Connections, a stack, a client and listeners; each is tried, shown, changed and asked through."""
    made = {}
    later = [{"op": "add", "path": "/debugDate", "value": LATER}]
    for name, body in connections(site.url).items():
        (kind,) = body
        whole = {"type": kind, "name": name, **body}
        made[name] = id = desk.make("/connections", whole)
        desk("PATCH", f"/connections/{id}", later)
        desk("POST", "/connections/ping", whole)
        desk("GET", f"/connections/{id}/ping")
        shown = desk("GET", f"/connections/{id}")
        desk("PUT", f"/connections/{id}", {**shown, "name": f"{name} two"})
        desk("PUT", f"/connections/{id}", {**shown, kind: [f"{MARK}wrong"]})
        if kind in ("rest", "http"):
            virtual(desk, id)
    server = {"hostURI": site.url, "systemToken": f"{MARK}stack"}
    made["stack"] = stack = desk.make("/stacks", {"name": "s", "type": "server", "server": server})
    wrapper = {"_stackId": stack, "pingFunction": "ping", "encrypted": {"password": f"{MARK}wrapper"}}
    made["wrapper"] = desk.make("/connections", {"type": "wrapper", "name": "w", "wrapper": wrapper})
    desk("PATCH", f"/connections/{made['wrapper']}", later)
    desk("GET", f"/connections/{made['wrapper']}/ping")
    client = {"clientId": "c", "clientSecret": f"{MARK}client"}
    desk.make("/iclients", {"provider": "google", "oauth2": client})
    for hook in (
        {"verify": "hmac", "key": f"{MARK}hmac", "header": "X-S"},
        {"verify": "secret_url", "token": f"{MARK}listener"},
        {"verify": "basic", "username": "ann", "password": f"{MARK}listener"},
    ):
        listener = desk.make("/exports", {"name": "l", "type": "webhook", "webhook": hook})
        desk("POST", f"/exports/{listener}/{MARK}wrong/data", {})
        desk("POST", f"/exports/{listener}/{MARK}listener/data", {"a": 1})
    return made


def virtual(desk: Desk, connection: str) -> None:
    path = f"/connections/{connection}"
    for uri in ("/items", "/nowhere"):
        export = {"rest": {"relativeURI": uri, "method": "GET", "resourcePath": "items"}}
        desk("POST", f"{path}/export/pages", {"export": export})
    body = '{"key": "{{{connection.rest.encrypted.apiKey}}}"}'
    rest = {"relativeURI": "/in", "method": "POST", "body": body}
    desk("POST", f"{path}/import", {"import": {"rest": rest}, "data": [{"a": 1}]})
    desk("POST", f"{path}/proxy", {"body": {"a": 1}}, headers={"Integrator-Relative-URI": "/in"})


def move(desk: Desk, made: dict[str, str]) -> tuple[str, str]:
    """A flow whose records are all refused, by answers that repeat the request; the job, and its import."""
    export = {"rest": {"relativeURI": "/items", "method": "GET", "resourcePath": "items"}}
    source = desk.make("/exports", {"name": "e", "_connectionId": made["url"], **export})
    body = '{"id": {{id}}, "key": "{{{connection.rest.encrypted.apiKey}}}"}'
    rest = {"relativeURI": "/in", "method": "POST", "body": body}
    target = desk.make("/imports", {"name": "i", "_connectionId": made["header"], "rest": rest})
    flow = desk.make("/flows", {"name": "f", "disabled": False, "_exportId": source, "_importId": target})
    job = desk.run(flow)
    assert desk("GET", f"/jobs/{job}")["numError"] == 2
    return job, f"/flows/{flow}/{target}"


def mend(desk: Desk, job: str, step: str) -> bytes:
    """Look at what failed in every way there is, and send it again; what signed URLs open."""
    (_, part) = desk("GET", f"/jobs/{job}/family")["children"]
    for one in desk("GET", f"/jobs/{part['_id']}/joberrors"):
        desk("GET", f"/retries/{one['_retryId']}/data")
    for one in desk("GET", f"{step}/errors")["errors"]:
        desk("GET", f"{step}/{one['retryDataKey']}/data")
        desk("GET", f"{step}/requests/{one.get('reqAndResKey', one['errorId'])}")
    again = desk("POST", f"{step}/retry", {})["_jobId"]
    eventually(lambda: desk("GET", f"/jobs/{again}")["status"] == "completed", "the end of a retry")
    opened = b""
    for tail in ("errorFile/signedURL", "diagnostics"):
        url = desk("GET", f"/jobs/{job}/{tail}")["signedURL"]
        content = desk.ask.client.get(url).content
        opened += unpacked(content) if tail == "diagnostics" else content
    assert b"http.status" in opened or b"422" in opened
    return opened


def fail(desk: Desk, made: dict[str, str]) -> None:
    """A flow that fails as a whole, by credentials that are refused."""
    rest = {"relativeURI": "/nowhere", "method": "GET"}
    source = desk.make("/exports", {"name": "x", "_connectionId": made["url"], "rest": rest})
    target = {"name": "y", "_connectionId": made["header"], "rest": {**rest, "method": "POST"}}
    steps = {"_exportId": source, "_importId": desk.make("/imports", target)}
    job = desk.run(desk.make("/flows", {"name": "g", "disabled": False, **steps}))
    assert desk("GET", f"/jobs/{job}/family")["status"] == "failed"
    desk("GET", f"/jobs/{job}/joberrors")


def unpacked(content: bytes) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(content))) as archive:
        found = [archive.extractfile(member) for member in archive.getmembers()]
        return b"".join(file.read() for file in found if file)


def look_around(desk: Desk, made: dict[str, str]) -> None:
    for kind in (
        "connections",
        "stacks",
        "iclients",
        "exports",
        "imports",
        "flows",
        "accesstokens",
        "retries",
    ):
        for one in desk("GET", f"/{kind}"):
            desk("GET", f"/{kind}/{one['_id']}/audit")
    for name, id in made.items():
        if name != "stack":
            desk("GET", f"/connections/{id}/debug")
            desk("GET", f"/connections/{id}/dependencies")
