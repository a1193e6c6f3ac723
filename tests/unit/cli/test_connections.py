"""Connections from the command line."""

import pytest


def test_a_connection_is_added_shown_checked_and_deleted(towpath, shop):
    towpath("connections", "add", "shop", "sqlite", "--set", f"path={shop}")
    assert towpath.json("connections", "show", "shop")["config"] == {"path": str(shop)}
    assert "SQLite" in towpath("connections", "test", "shop").stderr
    towpath("connections", "delete", "shop", "--yes")
    assert towpath.json("connections", "list") == []
    towpath("connections", "show", "shop", code=6)
    # Its name is free again.
    towpath("connections", "add", "shop", "sqlite", "--set", f"path={shop}")


REMOTE = ("--set", "host=h", "--set", "database=d", "--set", "username=u")


def test_a_secret_comes_from_the_environment_or_from_standard_input(towpath):
    towpath(
        "connections", "add", "a", "postgres", *REMOTE, "--set", "password=${env:PW}", env={"PW": "canary"}
    )
    towpath("connections", "add", "b", "postgres", *REMOTE, "--ask", "password", input="canary\n")
    for name in "ab":
        shown = towpath("connections", "show", name)
        assert "canary" not in shown.stdout
        assert "********" in shown.stdout


def test_a_secret_in_an_argument_is_refused(towpath):
    printed = towpath("connections", "add", "a", "postgres", *REMOTE, "--set", "password=canary", code=3)
    assert "secret.literal" in printed.stderr
    assert "canary" not in printed.stderr


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("connections", "add", "a", "sqlite"), 3, "path"),
        (("connections", "add", "a", "sqlite", "--set", "path"), 2, "FIELD=VALUE"),
        (("connections", "add", "a", "nothing"), 3, "connector.unknown"),
        (("connections", "show", "nothing"), 6, "connection.not_found"),
        (("check", "nothing"), 6, "connection.not_found"),
        (("preview", "nothing", "t"), 6, "connection.not_found"),
    ],
)
def test_what_cannot_be_is_said(towpath, words, code, says):
    assert says in towpath(*words, code=code).stderr


def test_the_nearest_name_is_offered(applied):
    assert "Did you mean 'shop'?" in applied("discover", "shpo", code=6).stderr
    assert "Did you mean 'items'?" in applied("preview", "shop", "itmes", code=6).stderr
    assert "Did you mean 'copy'?" in applied("flows", "show", "cpy", code=6).stderr


def test_a_used_connection_is_kept_and_the_flow_is_named(applied):
    printed = applied("connections", "delete", "shop", "--yes", code=1).stderr
    assert "connection.in_use" in printed
    assert "'copy'" in printed
    applied("flows", "delete", "copy", "--yes")
    applied("connections", "delete", "shop", "--yes")


def test_deleting_asks(applied):
    applied("connections", "delete", "remote", input="n\n", code=1)
    assert len(applied.json("connections", "list")) == 3
    applied("connections", "delete", "remote", input="y\n")
    assert len(applied.json("connections", "list")) == 2


def test_a_system_that_is_not_there_is_4(applied, tmp_path):
    (tmp_path / "shop.db").unlink()
    assert "path.not_found" in applied("check", "shop", code=4).stderr


def test_preview_shows_so_many_records(applied):
    assert [record["id"] for record in applied.json("preview", "shop", "items", "--limit", "3")] == [0, 1, 2]
    assert applied("preview", "shop", "items", "--limit", "1").stdout.split() == [
        "id",
        "name",
        "0",
        "item",
        "0",
    ]


def test_discover_shows_the_streams(applied):
    streams = {stream["stream"]: stream for stream in applied.json("discover", "shop")}
    assert set(streams) == {"items", "orders"}
    assert streams["items"]["primary_key"] == ["id"]


def test_an_update_keeps_what_it_does_not_name(applied, documents):
    applied("connections", "update", "remote", "--set", "port=5433", "--max-parallel", "2")
    shown = applied.json("connections", "show", "remote")
    assert shown["config"] == {
        "host": "h",
        "database": "d",
        "username": "u",
        "password": "********",
        "port": 5433,
    }
    assert shown["max_parallel"] == 2
    # The secret is the same: the document that made it changes nothing but the rest.
    applied("connections", "update", "remote", "--set", "password=x", code=3)
    applied("connections", "update", "remote", "--set", "port=many", code=3)
    applied("connections", "update", "remote", "--ask", "password", input="other\n")
