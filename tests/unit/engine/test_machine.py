import psutil
import pytest

from towpath.core.errors import UnreachableError
from towpath.engine import Engine, EngineSettings


def test_an_engine_without_its_database_does_not_start_and_leaves_nothing(store, tmp_path):
    url = f"sqlite:///{tmp_path / 'nowhere' / 'engine.sqlite'}"
    engine = Engine(store, lambda *_: ("", {}), EngineSettings(url=url))
    before = set(psutil.Process().children(recursive=True))
    with pytest.raises(UnreachableError) as caught:
        engine.start()
    assert caught.value.code == "engine.unavailable"
    assert "nowhere" not in str(caught.value)
    engine.stop()
    assert set(psutil.Process().children(recursive=True)) <= before


def test_an_engine_that_is_not_started_stops_at_once(store):
    Engine(store, lambda *_: ("", {}), EngineSettings(url="")).stop()
