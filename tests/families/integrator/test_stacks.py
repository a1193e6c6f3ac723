"""Stacks: kept, masked, their tokens shown and rotated; wrappers over them."""

import pytest

from support.extension import Server
from towpath.core.ids import of_object_id
from towpath.sdk.extension import Extension
from towpath.services.connections import Connections
from towpath.services.pipelines.ends import ends

SERVER = {
    "name": "Mine",
    "type": "server",
    "server": {"hostURI": "https://hooks.example.com", "ipRanges": []},
}
LAMBDA = {
    "name": "Cloud",
    "type": "lambda",
    "lambda": {"accessKeyId": "AK", "secretAccessKey": "s3cr3t-of-aws", "functionName": "f"},
}


def token_of(program, stack) -> str:
    return program.get(f"/stacks/{stack['_id']}/systemToken")["systemToken"]


def test_stacks_are_kept_and_their_secrets_are_not_shown(program):
    made = program.make("/stacks", {**SERVER, "framework": "twoDotZero"})
    assert made["server"] == {**SERVER["server"], "systemToken": "******"}
    assert made["framework"] == "twoDotZero"
    assert program.get(f"/stacks/{made['_id']}") == made
    token = token_of(program, made)
    assert len(token) > 40
    cloud = program.make("/stacks", LAMBDA)
    assert cloud["lambda"] == {**LAMBDA["lambda"], "secretAccessKey": "******"}
    listed = program.call("GET", "/stacks")
    assert [one["_id"] for one in listed.json()] == [made["_id"], cloud["_id"]]
    assert token not in listed.text
    assert "s3cr3t-of-aws" not in listed.text
    assert program.get("/shared/stacks") == []
    log = program.call("GET", f"/stacks/{made['_id']}/audit").text
    assert token not in log


def test_a_put_replaces_all_but_the_token(program):
    made = program.make("/stacks", {**SERVER, "description": "gone soon"})
    token = token_of(program, made)
    path = f"/stacks/{made['_id']}"
    body = {
        "name": "Yours",
        "type": "server",
        "server": {"hostURI": "https://b.example", "systemToken": "******"},
    }
    changed = program.good("PUT", path, body).json()
    assert changed["server"] == {"hostURI": "https://b.example", "systemToken": "******"}
    assert "description" not in changed
    assert token_of(program, made) == token
    program.good("PUT", path, {**body, "server": {**body["server"], "systemToken": "of-my-own"}})
    assert token_of(program, made) == "of-my-own"
    program.good("PUT", path, LAMBDA)
    assert program.call("GET", f"{path}/systemToken").status_code == 404
    program.good("PUT", path, SERVER)
    assert token_of(program, made) not in (token, "of-my-own")


def test_tokens_are_rotated_at_once(program):
    made = program.make("/stacks", SERVER)
    before = token_of(program, made)
    after = program.good("DELETE", f"/stacks/{made['_id']}/systemToken").json()["systemToken"]
    assert before != after == token_of(program, made)
    cloud = program.make("/stacks", LAMBDA)
    refused = program.refused(404, "DELETE", f"/stacks/{cloud['_id']}/systemToken")
    assert refused[0]["message"] == "Stack of type server not found."


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"name", "server.hostURI"}),
        ({"name": "a", "type": "robot"}, {"type"}),
        ({"name": "a", "server": {"hostURI": "ftp://a"}}, {"server.hostURI"}),
        (
            {"name": "a", "server": {"hostURI": 5, "systemToken": ""}},
            {"server.hostURI", "server.systemToken"},
        ),
        (
            {"name": "", "lambda": {"secretAccessKey": "******"}},
            {"name", "lambda.accessKeyId", "lambda.secretAccessKey", "lambda.functionName"},
        ),
    ],
)
def test_all_that_is_wrong_is_told(program, body, fields):
    assert {one["field"] for one in program.refused(422, "POST", "/stacks", body)} == fields


def test_stacks_of_others_are_not_there(program, stranger):
    made = program.make("/stacks", SERVER)
    nothing = stranger.call("GET", "/stacks/5f0000000000000000000009")
    for method, tail in (
        ("GET", ""),
        ("PUT", ""),
        ("DELETE", ""),
        ("GET", "/systemToken"),
        ("DELETE", "/systemToken"),
    ):
        found = stranger.call(method, f"/stacks/{made['_id']}{tail}", SERVER if method == "PUT" else None)
        assert (found.status_code, found.content) == (404, nothing.content)
    assert token_of(program, made)


@pytest.mark.service("extension")
def test_wrappers_reach_the_server_of_their_stack(program, extension: Server):
    """Until the stack is deleted, which it cannot be before."""
    body = {"name": "s", "server": {"hostURI": extension.url, "systemToken": extension.token}}
    made = program.make("/stacks", body)
    stack = of_object_id("con", made["_id"])
    rooms = program.api.container
    config = {"stack": stack, "ping_function": "ping", "encrypted": {"password": "open sesame"}}
    wrapper = Connections(rooms).create(program.org, "w", "wrapper", config)
    end = ends(rooms, program.org, [wrapper.id, stack])
    [checked] = Connections(rooms).check(program.org, wrapper.id)
    assert (checked.role, checked.answer, checked.error) == ("application", "ping answered 200", None)
    assert end[wrapper.id].config.server == end[stack].config.server
    with Extension(end[stack].config) as opened:
        assert opened.call("hook", "echo", {"a": 1}) == {"a": 1}

    assert program.refused(422, "DELETE", f"/stacks/{made['_id']}")[0]["code"] == "dependency_conflict"
    Connections(rooms).delete(program.org, wrapper.id)
    program.good("DELETE", f"/stacks/{made['_id']}")
    assert program.call("GET", f"/stacks/{made['_id']}").status_code == 404
    assert program.get("/stacks") == []
