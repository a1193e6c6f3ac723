"""Settings of the server: what is nearly right is refused with words that help."""

import pytest

from towpath.bootstrap import settings
from towpath.core.errors import ConfigError


def chosen(tmp_path, **variables):
    named = {f"TOWPATH_{name.upper()}": value for name, value in variables.items()}
    return settings.load({"home": tmp_path}, named)


def test_what_a_server_does_without_being_told(tmp_path):
    plain = chosen(tmp_path)
    assert (plain.public_url, plain.require_https, plain.trusted_proxies) == (None, False, ())
    assert plain.cors_origins == ("http://localhost:8000",)
    assert (plain.max_body, plain.rate_limit, plain.failure_limit) == (1048576, "100/second", "30/minute")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("public_url", "https://towpath.example.com/", "https://towpath.example.com"),
        ("public_url", "http://[::1]:8080", "http://[::1]:8080"),
        ("trusted_proxies", "127.0.0.1, 10.0.0.0/8,::1", ("127.0.0.1/32", "10.0.0.0/8", "::1/128")),
        ("cors_origins", "https://a.test, https://b.test", ("https://a.test", "https://b.test")),
        ("rate_limit", "none", None),
        ("rate_limit", "600/minute", "600/minute"),
        ("failure_limit", "NONE", None),
        ("max_body", "1", 1),
        ("require_https", "no", False),
    ],
)
def test_settings_become_values(tmp_path, name, text, value):
    assert getattr(chosen(tmp_path, **{name: text}), name) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("public_url", "towpath.example.com"),
        ("public_url", "ftp://towpath.example.com"),
        ("public_url", "https://user:word@towpath.example.com"),
        ("public_url", "https://towpath.example.com/path"),
        ("public_url", "https://towpath.example.com?query"),
        ("public_url", "https://towpath.example.com:99999"),
        ("public_url", "https://"),
        ("trusted_proxies", "everybody"),
        ("trusted_proxies", "10.0.0.1/8"),
        ("rate_limit", "fast"),
        ("rate_limit", "0/second"),
        ("failure_limit", "10/fortnight"),
        ("max_body", "0"),
        ("max_body", "1MB"),
        ("require_https", "perhaps"),
    ],
)
def test_what_is_nearly_right_is_refused(tmp_path, name, text):
    with pytest.raises(ConfigError) as caught:
        chosen(tmp_path, **{name: text})
    assert caught.value.code == "settings.invalid"
    assert name in caught.value.message


@pytest.mark.parametrize("url", [{}, {"public_url": "http://towpath.example.com"}])
def test_https_needs_an_address_to_send_to(tmp_path, url):
    with pytest.raises(ConfigError, match="public_url"):
        chosen(tmp_path, require_https="yes", **url)
    assert chosen(tmp_path, require_https="yes", public_url="https://towpath.example.com").require_https


def test_yaml_says_yes_in_its_own_way(tmp_path):
    (tmp_path / "towpath.yaml").write_text("require_https: yes\npublic_url: https://towpath.example.com\n")
    assert chosen(tmp_path).require_https is True
