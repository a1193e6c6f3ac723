import json
import logging

import pytest

from towpath.bootstrap import logs


@pytest.fixture
def log(capsys):
    def write(form, *arguments, **more):
        logs.configure("info", form)
        logging.getLogger("towpath.test").warning(*arguments, **more)
        return capsys.readouterr().err

    before = logging.getLogger().handlers[:]
    yield write
    logging.getLogger().handlers[:] = before


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    "secret",
    [
        "postgresql://user:canary@host/db",
        "Authorization: Bearer canary.canary.canary",
        "password=canary",
        "api_key: canary",
        "tp_broker_canarycanary",
    ],
)
def test_what_looks_like_a_secret_is_blotted_out(log, form, secret):
    assert "canary" not in log(form, "it says %s here", secret)


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_known_secret_is_blotted_out_of_messages_and_tracebacks(log, form):
    secret = 'can"ary\\1'
    logs.remember(secret)
    try:
        raise ValueError(secret)
    except ValueError:
        printed = log(form, "a %s sings", secret, exc_info=True)
    assert "can" not in printed
    assert "sings" in printed


def test_tokens_that_come_and_go_do_not_pile_up(monkeypatch):
    monkeypatch.setattr(logs, "_known", {})
    monkeypatch.setattr(logs, "_MOST_KNOWN", 3)
    for secret in ("first", "second", "third", "first", "fourth"):
        logs.remember(secret)
    assert logs.redact("first second third fourth") == "*** second *** ***"


def test_the_word_that_a_secret_is_known_by_stays():
    logs.remember("Bearer")
    assert "canary" not in logs.redact("Authorization: Bearer canary.canary.canary")


def test_links_that_sign_people_in_are_blotted_out():
    token = "W10xOTM4NDc1LCJhdHpfMDEiXQ.k8Jm3v0Qd1p-x_7"
    assert logs.redact(f"GET /connect/{token} 200") == "GET /connect/*** 200"
    assert logs.redact("GET /connect/callback 200") == "GET /connect/callback 200"


def test_json_lines_are_one_object_each(log):
    line = json.loads(log("json", "two\nlines"))
    assert line["msg"] == "two\nlines"
    assert line["level"] == "warning"
    assert line["logger"] == "towpath.test"
    assert line["ts"].endswith("Z")
