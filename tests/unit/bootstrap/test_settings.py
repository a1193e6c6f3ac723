from pathlib import Path

import pytest

from towpath.bootstrap import settings
from towpath.core.errors import ConfigError

ROOT = Path(__file__).parents[3]


def test_defaults_live_in_the_home_folder(tmp_path):
    loaded = settings.load({"home": tmp_path}, {})
    assert loaded.database_url == f"sqlite:///{tmp_path}/towpath.db"
    assert loaded.master_key_file == tmp_path / "master.key"
    assert loaded.embedded
    assert (loaded.host, loaded.port) == ("127.0.0.1", 8080)


def test_a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default(tmp_path):
    (tmp_path / "towpath.yaml").write_text("port: 1\nhost: a\nlog_format: json\n")
    environment = {"TOWPATH_HOME": str(tmp_path), "TOWPATH_PORT": "2", "TOWPATH_HOST": "b"}
    loaded = settings.load({"port": 3, "host": None}, environment)
    assert (loaded.port, loaded.host, loaded.log_format, loaded.log_level) == (3, "b", "json", "info")


def test_an_empty_variable_counts_as_unset(tmp_path):
    assert settings.load({"home": tmp_path}, {"TOWPATH_PORT": ""}).port == 8080


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TOWPATH_PORT", "http"),
        ("TOWPATH_PORT", "70000"),
        ("TOWPATH_SLOTS", "0"),
        ("TOWPATH_LOG_LEVEL", "loud"),
        ("TOWPATH_LOG_FORMAT", "xml"),
        ("TOWPATH_MINIMUM_INTERVAL", "-1"),
    ],
)
def test_a_wrong_value_is_named_by_its_variable(tmp_path, variable, value):
    with pytest.raises(ConfigError) as caught:
        settings.load({"home": tmp_path}, {variable: value})
    assert caught.value.code == "settings.invalid"
    assert variable in caught.value.hint


def test_an_unknown_name_in_the_file_is_refused(tmp_path):
    (tmp_path / "towpath.yaml").write_text("prot: 1\n")
    with pytest.raises(ConfigError) as caught:
        settings.load({"home": tmp_path}, {})
    assert (caught.value.code, caught.value.context["field"]) == ("settings.unknown", "prot")


@pytest.mark.parametrize("content", ["- 1", "port: [", "\x00"])
def test_a_file_that_holds_no_settings_is_refused(tmp_path, content):
    (tmp_path / "towpath.yaml").write_text(content)
    with pytest.raises(ConfigError):
        settings.load({"home": tmp_path}, {})


def test_secrets_are_not_in_the_representation(tmp_path):
    environment = {"TOWPATH_DATABASE_URL": "postgresql://u:canary@h/d", "TOWPATH_MASTER_KEY": "canary"}
    loaded = settings.load({"home": tmp_path}, environment)
    assert "canary" not in repr(loaded)
    assert not loaded.embedded


def test_secrets_are_taken_out_of_the_environment(monkeypatch):
    monkeypatch.setenv("TOWPATH_MASTER_KEY", "canary")
    monkeypatch.setenv("TOWPATH_PORT", "1")
    settings.forget_secrets()
    assert settings.variable("TOWPATH_MASTER_KEY") is None
    assert settings.variable("TOWPATH_PORT") == "1"


def test_children_get_the_settings_but_no_secrets(monkeypatch, tmp_path):
    monkeypatch.setenv("TOWPATH_MASTER_KEY", "canary")
    monkeypatch.setenv("PATH", "/bin")
    (tmp_path / "towpath.yaml").write_text("allowed_hosts: [a.example, b.example]")
    environment = settings.for_children(settings.load({"home": tmp_path}))
    assert "canary" not in str(environment)
    assert environment["PATH"] == "/bin"
    child = settings.load({}, environment)
    assert (child.home, child.allowed_hosts) == (tmp_path, ("a.example", "b.example"))


def test_allowed_hosts_are_a_list():
    loaded = settings.load({}, {"TOWPATH_ALLOWED_HOSTS": "a.example, 10.0.0.0/8,"})
    assert loaded.allowed_hosts == ("a.example", "10.0.0.0/8")


def test_every_setting_has_a_place_in_the_dataclass():
    names = set(settings.Settings.__dataclass_fields__)
    assert {row.name for row in settings.TABLE} == names


def test_the_page_of_settings_is_up_to_date():
    assert (ROOT / "docs/reference/settings.md").read_text() == settings.settings_page()
