"""Homes in a bad state: each a clear error with a code, a hint and the right exit code."""

import ctypes
import os
from pathlib import Path

import pytest

from support.command import Towpath, connection

#: Numbers of the Linux interface.
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2
REMOTE = {"host": "h", "database": "d", "username": "u", "password": "${env:PASSWORD}"}


@pytest.fixture
def used(towpath, tmp_path):
    """A home that keeps a secret."""
    towpath.environment["PASSWORD"] = "canary"
    (tmp_path / "documents.yaml").write_text(connection("c", "postgres", **REMOTE))
    towpath("apply", "-f", tmp_path / "documents.yaml")
    return towpath


def refused(done, *parts):
    for part in (*parts, "docs/reference/errors/"):
        assert part in done.stderr
    assert "Traceback" not in done.stderr
    assert "canary" not in done.stderr


def test_the_wrong_key_is_refused(used, tmp_path):
    other = Towpath(tmp_path / "other")
    other("secrets", "rotate")
    (used.home / "master.key").write_bytes((other.home / "master.key").read_bytes())
    refused(used("worker", code=1), "vault.key_wrong")
    refused(used("check", "c", code=1), "vault.key_wrong")


def test_a_missing_key_is_refused_and_no_new_one_made(used):
    (used.home / "master.key").unlink()
    refused(used("serve", "--port", "0", code=1), "vault.key_missing")
    assert not (used.home / "master.key").exists()


def test_a_key_that_others_can_read_is_refused(used):
    (used.home / "master.key").chmod(0o644)
    refused(used("check", "c", code=1), "vault.key_permissions", "chmod")


def test_a_malformed_key_in_the_environment_is_refused(used):
    used.environment["TOWPATH_MASTER_KEY"] = "canary"
    refused(used("check", "c", code=3), "vault.key_malformed")


def test_a_corrupt_store_is_refused(used):
    store = used.home / "towpath.db"
    for extra in used.home.glob("towpath.db-*"):
        extra.unlink()
    store.write_bytes(b"this is no database" * 1000)
    refused(used("flows", "list", code=1), "store.")


def test_a_home_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    refused(Towpath(tmp_path / "file" / "home")("flows", "list", code=1), "path.read_only", "--home")


def without_superpowers():
    """Root may write everywhere; a process that this runs in may not, not even as root."""
    if os.geteuid() == 0:
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            ctypes.CDLL(None, use_errno=True).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def test_a_read_only_home_is_refused(tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o555)
    done = Towpath(home)("flows", "list", code=1, preexec_fn=without_superpowers)
    refused(done, "path.read_only")


def test_an_unreachable_store_is_4(tmp_path):
    variables = {"TOWPATH_DATABASE_URL": "postgresql://u:canary@127.0.0.1:1/d"}
    done = Towpath(tmp_path / "home", **variables)("flows", "list", code=4)
    refused(done, "store.")


def test_doctor_finds_an_open_home(used):
    used.home.chmod(0o755)
    findings = {one["name"]: one for one in used.json("doctor")}
    assert findings["home"]["verdict"] == "warning"
    assert findings["store"]["verdict"] == "ok"
    assert findings["key"]["verdict"] == "ok"
    assert Path(findings["home"]["hint"].split()[-1]) == used.home
