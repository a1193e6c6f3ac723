"""Another organization's ids, one by one, in every place of every operation: in paths, bodies and queries.

Each answer is, byte by byte, the one for an id that nothing ever had. # Invariant 9
"""

import json
import re

import pytest

from support.api import cases_of
from support.orders import order_shop
from support.steps import rest_connection
from support.working import Chain
from towpath.api.integrator.ids import PREFIXES
from towpath.core.ids import as_object_id, new_id
from towpath.core.records import User

from .conftest import Program
from .test_tenants import REST, furnished

#: Whose ids stand at ``{id}``, by the second word of the path.
KINDS = {
    **{kind: kind.removesuffix("s") for kind in PREFIXES},
    "retries": "error",
}
#: The same of other places, in the order of the paths that they are tried with.
PLACES = {
    "connection": "connection",
    "error": "error",
    "license": "license",
    "resource": "export",
    "retry_id": "error",
    "step": "import",
    "identifier": "identifier",
}
#: Words of the caller's own: keys of values, names of functions.
WORDS = {"function": "f", "token": "a-token", "key": "k"}

EXPORT = {"name": "e", "_connectionId": "$connection", "rest": {"relativeURI": "/o", "method": "GET"}}
EXPORT |= {"hooks": {"preSavePage": {"function": "f", "_stackId": "$stack"}}}
IMPORT = {"name": "m", "_connectionId": "$connection", "rest": {"relativeURI": "/o", "method": "POST"}}
IMPORT |= {"_integrationId": "$integration", "hooks": {"preMap": {"function": "f", "_stackId": "$stack"}}}
LOOKUP = {"type": "export", "_exportId": "$export"}
FLOW = {
    "name": "f",
    "_integrationId": "$integration",
    "_runNextFlowIds": ["$flow"],
    "pageGenerators": [{"_exportId": "$export"}],
    "pageProcessors": [LOOKUP, {"type": "import", "_importId": "$import"}],
}
ROUTED = {
    "name": "f",
    "_exportId": "$export",
    "routers": [{"branches": [{"pageProcessors": [{"type": "import", "_importId": "$import"}]}]}],
}
OAUTH = {"authType": "oauth", "authURI": "https://x.example/a", "oauthTokenURI": "https://x.example/t"}
CONNECTION = {
    "type": "rest",
    "name": "c",
    "rest": REST | OAUTH | {"_iClientId": "$iclient"},
    "_borrowConcurrencyFromConnectionId": "$connection",
}
WRAPPER = {"type": "wrapper", "name": "w", "wrapper": {"pingFunction": "p", "_stackId": "$stack"}}
UNBOUND = {name: value for name, value in EXPORT.items() if name != "_connectionId"}
WRITING = {"import": {k: v for k, v in IMPORT.items() if k != "_connectionId"}, "data": [{"a": 1}]}
MAP = {"connectionMap": {"$connection": "$connection"}}
TOKEN = {"_connectionIds": ["$connection"], "_exportIds": ["$export"], "_importIds": ["$import"]}
CHOSEN = {"errors": ["$error"]}
#: Bodies that name something: ``$flow`` is the id of a flow. Several of one operation are tried one by one.
BODIES = {
    "POST /exports": [EXPORT],
    "PUT /exports/{id}": [EXPORT],
    "POST /exports/preview": [EXPORT],
    "POST /imports": [IMPORT],
    "PUT /imports/{id}": [IMPORT],
    "POST /imports/preview": [{"import": IMPORT, "data": [{}]}],
    "POST /flows": [FLOW, ROUTED],
    "PUT /flows/{id}": [FLOW, ROUTED],
    "PATCH /flows/{id}": [[{"op": "add", "path": "/_integrationId", "value": "$integration"}]],
    "POST /connections": [CONNECTION, WRAPPER],
    "PUT /connections/{id}": [CONNECTION],
    "POST /connections/ping": [CONNECTION, WRAPPER],
    "POST /connections/{id}/export": [UNBOUND],
    "POST /connections/{id}/export/pages": [{"export": UNBOUND}],
    "POST /connections/{id}/import": [WRITING],
    "POST /connections/{id}/import/map": [WRITING],
    "POST /accesstokens": [TOKEN],
    "PUT /accesstokens/{id}": [TOKEN],
    "POST /connectors": [{"name": "a", "_stackId": "$stack"}],
    "PUT /connectors/{id}": [{"name": "a", "_stackId": "$stack"}],
    "PUT /connectors/{id}/update": [{"_integrationIds": ["$integration"]}],
    "PUT /integrations/{id}/connections/register": [["$connection"]],
    "PUT /exports/{id}/replaceConnection": [{"_newConnectionId": "$connection"}],
    "PUT /imports/{id}/replaceConnection": [{"_newConnectionId": "$connection"}],
    "PUT /flows/{id}/replaceConnection": [{"_connectionId": "$used", "_newConnectionId": "$connection"}],
    "POST /exports/{id}/clone": [MAP],
    "POST /imports/{id}/clone": [MAP],
    "POST /flows/{id}/clone": [MAP],
    "POST /integrations/{id}/clone": [MAP],
    "POST /flows/{id}/run": [{"_exportIds": ["$export"]}],
    "POST /jobs": [{"_flowId": "$flow"}],
    "POST /jobs/current": [{"_flowIds": ["$flow"]}, {"_integrationIds": ["$integration"]}],
    "POST /retries": [{"_jobId": "$part", "data": {"a": 1}}],
    "PUT /jobs/{id}/retries/retry": [{"_retryIds": ["$error"]}],
    "PUT /flows/{id}/{step}/resolved": [CHOSEN],
    "DELETE /flows/{id}/{step}/resolved": [CHOSEN],
    "POST /flows/{id}/{step}/retry": [{"errorIds": ["$error"]}, {"retryDataKeys": ["$error"]}],
    "PUT /flows/{id}/{step}/errors/assign": [{"email": "a@b.example", "errorIds": ["$error"]}],
    "PUT /flows/{id}/{step}/errors/unassign": [{"errorIds": ["$error"]}],
    "PUT /flows/{id}/{step}/tags": [{"errors": [{"id": "$error"}], "tagIds": ["a"]}],
    "PUT /flows/{id}/{step}/{key}/data": [{"data": {"a": 1}}],
}
#: Queries that name something.
QUERIES = [
    *(f"/jobs?{field}=${name}" for field, name in {
        "_flowId": "flow", "_flowId_in": "flow", "_exportId": "export", "_importId": "import",
        "_integrationId": "integration", "_flowJobId": "job", "_parentJobId": "job",
    }.items()),
    *(f"/jobs?type=import,export&{field}=${name}" for field, name in {
        "_flowId": "flow", "_importId": "import", "_flowJobId": "job"}.items()),
    "/retries?_jobId=$job",
]  # fmt: skip
#: What names nothing but what is in its path, if anything.
PLAIN = {
    *(f"POST /{kind}" for kind in ("asynchelpers", "filedefinitions", "iclients", "integrations", "stacks")),
    *(f"POST /{kind}" for kind in ("lookupcaches", "scripts", "templates")),
    *(f"PUT /{kind}/{{id}}" for kind in ("asynchelpers", "filedefinitions", "iclients", "integrations")),
    *(f"PUT /{kind}/{{id}}" for kind in ("lookupcaches", "scripts", "stacks", "templates", "jobs")),
    *(f"PATCH /{kind}/{{id}}" for kind in ("accesstokens", "connections", "exports", "imports")),
    *(f"PUT /{kind}/{{id}}/state/{{key}}" for kind in ("connections", "exports", "flows", "imports")),
    "PATCH /integrations/{id}", "PUT /integrations/{id}/state/{key}", "PUT /state/{key}",
    "PUT /exports/{id}/distributed", "PUT /imports/{id}/distributed", "POST /{identifier}",
    "POST /exports/{id}/invoke", "POST /imports/{id}/invoke", "POST /connections/{id}/proxy",
    "POST /exports/{id}/data", "POST /exports/{id}/{token}/data",
    "POST /connectors/{id}/licenses", "PUT /connectors/{id}/licenses/{license}",
    "POST /integrations/{id}/install", "PUT /integrations/{id}/installer/{function}",
    "PUT /integrations/{id}/settings/{function}", "PUT /integrations/{id}/uninstaller/{function}",
    "DELETE /lookupcaches/{id}/data", "POST /lookupcaches/{id}/data", "POST /lookupcaches/{id}/getData",
    "POST /flows/{id}/jobs/cancel", "PUT /jobs/{id}/cancel", "POST /jobs/{id}/retry",
    "POST /jobs/{id}/retries/{retry_id}/retry", "PUT /jobs/{id}/joberrors/resolve",
    "PUT /jobs/{id}/joberrors/{error}/resolve", "POST /jobs/{id}/files/signedURL",
    "PUT /retries/{id}/data",
}  # fmt: skip


def ids_of(program, shop):
    """One of everything, and a job that has ended with failed records."""
    chain = Chain(program, shop)
    job = chain.run()
    (part,) = [one for one in chain.children(job["_id"]) if one["type"] == "import"]
    assert part["numOpenError"] == 1
    (error,) = program.get(f"/jobs/{part['_id']}/joberrors")
    made = {KINDS[kind]: document["_id"] for kind, document in furnished(program).items()}
    # Its other job moves nothing any more.
    program.call("PUT", f"/jobs/{made['job']}/cancel")
    chain.ended(made["job"])
    app = made["connector"]
    with program.api.container.store.begin() as work:
        work.users.add(program.org, User(org=program.org, name="ann", email="ann@b.example"))
    license = {"email": "ann@b.example", "expires": "2099-01-01T00:00:00Z"}
    server = {"hostURI": shop.url, "systemToken": "a-system-token"}
    return {
        **made,
        "connection": program.make("/connections", rest_connection(shop.url))["_id"],
        "stack": program.make("/stacks", {"name": "near", "type": "server", "server": server})["_id"],
        "license": program.make(f"/connectors/{app}/licenses", license)["_id"],
        "used": chain.connection,
        "export": chain.export,
        "import": chain.imported,
        "flow": chain.id,
        "job": job["_id"],
        "part": part["_id"],
        "error": error["_retryId"],
        "identifier": program.get(f"/exports/{chain.export}")["apiIdentifier"],
    }


@pytest.fixture(scope="module")
def shop():
    with order_shop(2) as found:
        found.orders[1]["name"] = "refuse me"
        yield found


@pytest.fixture(scope="module")
def worlds(server, shop):
    """Two programs, each with the ids of all that is its own."""
    server.container.work()
    programs = Program(server), Program(server)
    return [(program, ids_of(program, shop)) for program in programs]


NEVER = {
    **{KINDS[kind]: as_object_id(new_id(prefix)) for kind, prefix in PREFIXES.items()},
    "part": as_object_id(new_id("stp")),
    "error": as_object_id(new_id("err")),
    "used": as_object_id(new_id("con")),
    "identifier": "e0123456789",
}


@pytest.fixture(scope="module")
def cases(server):
    """(method, path with ``$flow`` where the id of a flow belongs, body) of all that the document has."""
    found = cases_of(server.client.get("/openapi/integrator.json").json())
    paths = [(method, path.removeprefix("/v1")) for method, path in found]
    return [
        *((method, marked(path), body) for method, path in paths for body in bodies(method, path)),
        *(("GET", query, None) for query in QUERIES),
    ]


def bodies(method, path):
    if path.startswith("/signed/"):
        # Who holds such an address needs no token, and what it is of is in its signature.
        return []
    return BODIES.get(f"{method} {path}", [{} if method in ("POST", "PUT") else None])


def marked(path):
    words = path.split("/")
    places = {**WORDS, **{place: f"${name}" for place, name in PLACES.items()}}
    places["id"] = f"${KINDS.get(words[1])}"
    if "{step}" in path:
        places["key"] = "$error"
    return re.sub(r"\{(\w+)\}", lambda part: places[part[1]], path)


def with_ids(value, ids):
    return re.sub(r"\$(\w+)", lambda part: ids[part[1]], value)


def call(program, case, ids):
    method, path, body = case
    content = None if body is None else json.loads(with_ids(json.dumps(body), ids))
    return program.call(method, with_ids(path, ids), content)


def test_every_operation_has_its_line_here(server):
    known = {*BODIES, *PLAIN}
    assert not set(BODIES) & PLAIN
    found = cases_of(server.client.get("/openapi/integrator.json").json())
    named = [f"{method} {path.removeprefix('/v1')}" for method, path in found]
    assert {name for name in named if name.startswith("P") or name in known} == known


def snapshot(program):
    """All that a program can see."""
    kinds = [kind for kind in PREFIXES if kind != "licenses"]
    return [program.call("GET", f"/{kind}").content for kind in (*kinds, "retries", "state")]


#: What is not refused: where an id chooses from lists, what is another's chooses nothing.
CHOOSING = (
    "GET /jobs?",
    "POST /jobs/current",
    "DELETE /integrations/$integration/connections/",
    "GET /connections/$connection/debug/",
)
NOTHING = ("", "[]", '{"jobs":[]}', '{"errors":[]}')
#: What is to be replaced may be anything: where nothing uses it, nothing is replaced.
MAPPED = re.compile(r"POST /\w+/\$\w+/clone")


def test_what_is_anothers_reads_as_what_never_was(worlds, cases):
    (program, own), (owner, foreign) = worlds
    before = snapshot(owner)
    tried = 0
    for case in cases:
        method, path, body = case
        places = sorted(set(re.findall(r"\$(\w+)", f"{path} {json.dumps(body)}")))
        name = f"{method} {path}"
        for place in places:
            if place == "used" or (MAPPED.match(name) and f"${place}" not in path):
                continue
            theirs = call(program, case, {**own, place: foreign[place]})
            never = call(program, case, {**own, place: NEVER[place]})
            told = theirs.text.replace(foreign[place], NEVER[place])
            assert (theirs.status_code, told) == (never.status_code, never.text), (name, place)
            refused = 400 <= theirs.status_code < 500
            assert refused or name.startswith(CHOOSING), (name, place, theirs.text)
            assert refused or theirs.text in NOTHING, (name, place, theirs.text)
            tried += 1
    assert tried > 200
    assert snapshot(owner) == before


#: There is no such thing to find: an app that is installed, a listener, captured requests.
UNFURNISHED = re.compile(r"install|settings/f|\$export/(a-token/)?data|requests")


def test_the_owner_reaches_it(worlds, cases):
    """Else the test above would find nothing wrong with an operation that never finds anything."""
    _, (owner, ids) = worlds
    order = ("PUT", "PATCH", "POST", "GET", "DELETE")
    for case in sorted(cases, key=lambda case: (order.index(case[0]), -case[1].count("/"))):
        found = call(owner, case, ids)
        told = found.text if found.status_code >= 400 else ""
        assert "invalid_ref" not in told, (case[:2], told)
        assert found.status_code != 404 or UNFURNISHED.search(case[1]), (case[:2], told)
