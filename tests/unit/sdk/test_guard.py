"""What the guard lets through, and what not."""

import doctest
import socket
from ipaddress import ip_address

import pytest

from towpath.sdk import ConfigError, UnreachableError, backoff, guard, http_errors, jsontext, widening
from towpath.sdk.guard import AllowedHosts, checked_addresses, is_public

NONE = AllowedHosts()


@pytest.mark.parametrize("module", [guard, backoff, http_errors, jsontext, widening])
def test_examples_in_docstrings(module):
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.9.1", "0.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "100.100.100.200", "192.0.0.192", "192.0.2.1", "198.18.0.1", "203.0.113.1",
        "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
        "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "2002:7f00:1::", "2002:a00:1::",
        "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    ],
)  # fmt: skip
def test_not_public(address):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public(address):
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "host",
    ["2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "127.0.0.1.", "017700000001", "134744072"],
)
def test_odd_spellings_are_refused_before_they_are_resolved(host):
    with pytest.raises(ConfigError) as caught:
        checked_addresses(host, 80, NONE, lambda *_: pytest.fail("it was resolved"))
    assert caught.value.code == "http.blocked_host"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "0.0.0.0"])  # noqa: S104 - to be refused
def test_this_machine_is_refused_by_the_real_resolver(host):
    with pytest.raises(ConfigError) as caught:
        checked_addresses(host, 80, NONE)
    assert caught.value.code == "http.blocked_host"
    assert "TOWPATH_ALLOWED_HOSTS" in caught.value.hint


def test_one_bad_answer_among_good_ones_is_enough():
    with pytest.raises(ConfigError):
        checked_addresses("rebind.example", 80, NONE, lambda *_: ["8.8.8.8", "127.0.0.1"])
    assert checked_addresses("ok.example", 80, NONE, lambda *_: ["8.8.8.8", "1.1.1.1"]) == [
        "8.8.8.8",
        "1.1.1.1",
    ]


def test_scoped_addresses_are_refused():
    with pytest.raises(ConfigError):
        checked_addresses("scoped.example", 80, NONE, lambda *_: ["fe80::1%eth0"])


def test_unknown_hosts():
    def unknown(*_):
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(UnreachableError) as caught:
        checked_addresses("nope.invalid", 80, NONE, unknown)
    assert caught.value.code == "connection.unresolved"
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("entry", "host", "port", "answer", "passes"),
    [
        ("hooks.local", "hooks.local", 80, "10.0.0.1", True),
        ("hooks.local", "HOOKS.local.", 81, "10.0.0.1", True),
        ("hooks.local:81", "hooks.local", 80, "10.0.0.1", False),
        ("hooks.local:81", "hooks.local", 81, "10.0.0.1", True),
        ("hooks.local", "evil.hooks.local", 80, "10.0.0.1", False),
        ("hooks.local", "xhooks.local", 80, "10.0.0.1", False),
        ("10.0.0.0/8", "any.example", 80, "10.200.0.1", True),
        ("10.0.0.0/8", "any.example", 80, "11.0.0.1", True),
        ("10.0.0.0/24", "any.example", 80, "10.0.1.1", False),
        ("127.0.0.1", "127.0.0.1", 80, "127.0.0.1", True),
        ("127.0.0.1:81", "127.0.0.1", 80, "127.0.0.1", False),
        ("[::1]:81", "::1", 81, "::1", True),
        ("::1", "::1", 5, "::1", True),
        (" a.local , 127.0.0.1 ", "127.0.0.1", 80, "127.0.0.1", True),
        ("", "127.0.0.1", 80, "127.0.0.1", False),
    ],
)
def test_what_the_operator_allows(entry, host, port, answer, passes):
    allowed = AllowedHosts.parse(entry)
    if passes:
        assert checked_addresses(host, port, allowed, lambda *_: [answer]) == [answer]
    else:
        with pytest.raises(ConfigError):
            checked_addresses(host, port, allowed, lambda *_: [answer])


@pytest.mark.parametrize("entry", ["http://a", "a/b", "*.local", "a:x", "a:99999", "user@host", ":80"])
def test_entries_that_mean_nothing_are_refused(entry):
    with pytest.raises(ConfigError) as caught:
        AllowedHosts.parse(entry)
    assert caught.value.code == "config.invalid"
    assert entry in caught.value.message
