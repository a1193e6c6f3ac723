"""Python functions as hooks come in by their entry points."""

import sys
from pathlib import Path

import pytest

from towpath.core.errors import InternalError, NotFoundError
from towpath.sdk.plugins_hooks import find_hook, hook_names

_POINTS = """\
[towpath.hooks]
tidy = tidy_hooks:tidy
untidy = tidy_hooks:missing
absent = nowhere_at_all:tidy
number = tidy_hooks:NUMBER
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package with one good function and three that are none."""
    (tmp_path / "tidy_hooks.py").write_text("NUMBER = 1\ndef tidy(options):\n    return options['data']\n")
    info = tmp_path / "tidy_hooks-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tidy-hooks\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(_POINTS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "tidy_hooks", raising=False)


@pytest.mark.usefixtures("package")
def test_functions_are_found_by_their_names():
    assert set(hook_names()) >= {"tidy", "untidy", "absent", "number"}
    assert find_hook("tidy")({"data": [1]}) == [1]


@pytest.mark.usefixtures("package")
def test_the_nearest_name_is_offered():
    with pytest.raises(NotFoundError) as caught:
        find_hook("tidi")
    assert caught.value.code == "hook.not_found"
    assert "'tidy'" in caught.value.hint


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize("name", ["untidy", "absent", "number"])
def test_packages_that_are_broken(name):
    with pytest.raises(InternalError) as caught:
        find_hook(name)
    assert caught.value.code == "hook.broken"
    assert name in caught.value.message
