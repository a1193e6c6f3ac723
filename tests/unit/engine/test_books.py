import threading
from contextlib import contextmanager

import pytest

from towpath.core.errors import BusyError, SchemaError, UnreachableError
from towpath.engine.books import Books, StoppedError


class Shaky:
    """A store that fails with these errors first."""

    def __init__(self, store, *errors):
        self._store = store
        self._errors = list(errors)

    @contextmanager
    def begin(self):
        if self._errors:
            raise self._errors.pop(0)
        with self._store.begin() as work:
            yield work

    read = begin


def test_a_store_that_is_away_is_waited_for(store):
    away = UnreachableError("connection.refused", "away")
    busy = BusyError("store.busy", "busy")
    books = Books(Shaky(store, away, busy, away), threading.Event())
    assert books.read(lambda work: list(work.organizations.list())) == []


def test_other_errors_are_raised(store):
    broken = SchemaError("x.y", "broken")
    with pytest.raises(SchemaError):
        Books(Shaky(store, broken), threading.Event()).read(lambda work: work)


def test_a_busy_flow_is_no_trouble_of_the_store(store):
    def claim(_):
        raise BusyError("flow.busy", "another run")

    with pytest.raises(BusyError):
        Books(store, threading.Event()).write(claim)


def test_waiting_ends_when_the_engine_stops(store):
    stopping = threading.Event()
    stopping.set()
    away = UnreachableError("connection.refused", "away")
    with pytest.raises(StoppedError):
        Books(Shaky(store, *[away] * 100), stopping).read(lambda work: work)
