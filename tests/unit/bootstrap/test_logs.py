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


def test_json_lines_are_one_object_each(log):
    line = json.loads(log("json", "two\nlines"))
    assert line["msg"] == "two\nlines"
    assert line["level"] == "warning"
    assert line["logger"] == "towpath.test"
    assert line["ts"].endswith("Z")
