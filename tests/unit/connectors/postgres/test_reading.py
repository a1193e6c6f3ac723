"""Which reader is used where."""

import sys
from collections.abc import Iterator

import psycopg
import pytest

from towpath.connectors.postgres import reading
from towpath.connectors.postgres.fallback import AdbcReader
from towpath.connectors.postgres.reading import CompiledReader, best


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    reading._libpq.cache_clear()
    yield
    reading._libpq.cache_clear()


@pytest.mark.parametrize("missing", ["_link", "_decode"])
def test_without_the_compiled_modules(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    assert best() is CompiledReader
    monkeypatch.setitem(sys.modules, "towpath.connectors.postgres._link", None)
    monkeypatch.setitem(sys.modules, f"towpath.connectors.postgres.{missing}", None)
    assert best() is AdbcReader


def test_without_psycopgs_own_libpq(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psycopg.pq, "version", lambda: 1)
    assert best() is AdbcReader


def test_psycopg_in_plain_python_has_a_libpq_too(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = pytest.importorskip("psycopg.pq.pq_ctypes", exc_type=ImportError)  # needs libpq of the system
    monkeypatch.setattr(psycopg.pq, "PGconn", plain.PGconn)
    monkeypatch.setattr(psycopg.pq, "version", plain.version)
    assert best() is CompiledReader
