"""Certificates and keys as texts and as files."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.sdk import pem

BODY = "QUJD" * 40


def block(kind: str, line_break: str = "\n") -> str:
    lines = [BODY[start : start + 64] for start in range(0, len(BODY), 64)]
    return line_break.join((f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----", ""))


@given(
    st.lists(st.sampled_from(["CERTIFICATE", "PRIVATE KEY", "EC PRIVATE KEY"])),
    st.sampled_from(["\r\n", " ", "\\n"]),
)
def test_line_breaks_that_were_lost_come_back(kinds: list[str], instead: str) -> None:
    assert pem.tidy("".join(block(kind, instead) for kind in kinds)) == "".join(map(block, kinds))


def test_what_is_no_certificate() -> None:
    assert pem.check_certificates("") == ""
    assert pem.check_certificates(block("CERTIFICATE", " ")) == block("CERTIFICATE", " ")
    for text in ("/etc/ca.pem", block("PRIVATE KEY"), "-----BEGIN CERTIFICATE-----"):
        with pytest.raises(ValueError, match="no certificate"):
            pem.check_certificates(text)


@pytest.mark.parametrize(
    "text",
    [
        "hunter2",
        block("CERTIFICATE"),
        block("ENCRYPTED PRIVATE KEY"),
        block("RSA PRIVATE KEY").replace("-\n", "-\nProc-Type: 4,ENCRYPTED\n", 1),
    ],
)
def test_what_is_no_key_is_not_told(text: str) -> None:
    pem.check_key("")
    pem.check_key(block("PRIVATE KEY", " "))
    with pytest.raises(ValueError, match="private key") as caught:
        pem.check_key(text)
    assert "hunter2" not in str(caught.value)
    assert BODY[:64] not in str(caught.value)


@pytest.mark.parametrize("in_memory", [True, False])
def test_files_are_ours_alone_and_gone_afterwards(in_memory: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not in_memory:
        monkeypatch.delattr(os, "memfd_create")
    with pem.files({"cert": block("CERTIFICATE"), "key": block("PRIVATE KEY"), "none": ""}) as paths:
        assert set(paths) == {"cert", "key"}
        assert Path(paths["key"]).read_text() == block("PRIVATE KEY")
        assert stat.S_IMODE(Path(paths["key"]).stat().st_mode) == 0o600
        assert paths["key"].startswith("/proc/") is in_memory
    assert not any(Path(path).exists() for path in paths.values())
