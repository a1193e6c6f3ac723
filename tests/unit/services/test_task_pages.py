"""Whoever pages through a log sees each line once, whichever way, while it grows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.core.records import Level, LogLine, Run
from towpath.sdk.testing.store_worlds import make_world
from towpath.services.jobs.tasks import SHOWN, page
from towpath.store import open_store

LINES = st.lists(st.sampled_from(Level), max_size=12)
LIMITS = st.integers(1, 5)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = open_store(f"sqlite:///{tmp_path_factory.mktemp('pages') / 'towpath.sqlite'}")
    made.migrate()
    yield made
    made.close()


@pytest.fixture(scope="module")
def world(store):
    return make_world(store)


class Log:
    """A run's log that grows."""

    def __init__(self, store, world):
        self.store, self.shown, self.count = store, [], 0
        with store.begin() as work:
            self.run = work.runs.add(world.org, Run(org=world.org, flow=world.flows))

    def grow(self, levels):
        lines = []
        for level in levels:
            self.count += 1
            lines.append(LogLine(message=f"line {self.count}", level=level))
            if list(Level).index(level) >= list(Level).index(SHOWN):
                self.shown.append(f"line {self.count}")
        with self.store.begin() as work:
            work.log.append(self.run.org, self.run.id, lines)

    def page(self, cursor, limit, *, newer=False):
        with self.store.read() as work:
            found = page(work, self.run, cursor, limit, newer=newer)
        assert len(found.lines) <= limit
        return found, [line.message for line in found.lines]


@given(first=LINES, growth=st.lists(LINES, max_size=6), limits=st.lists(LIMITS, min_size=1, max_size=9))
def test_both_ways_visit_every_line_once(store, world, first, growth, limits):
    log, rest = Log(store, world), iter(growth)
    log.grow(first)
    known, sizes = list(log.shown), iter(limits * 200)
    found, seen = log.page(-1, next(sizes))
    assert not found.more_newer
    end = found.newer
    while found.more_older:
        log.grow(next(rest, ()))  # what comes at the end changes nothing at the begin
        found, texts = log.page(found.older, next(sizes))
        assert texts
        seen = texts + seen
    assert seen == known
    log.grow(next(rest, ()))
    found, texts = log.page(end, next(sizes), newer=True)
    seen += texts
    while found.more_newer:
        log.grow(next(rest, ()))
        found, texts = log.page(found.newer, next(sizes), newer=True)
        assert texts
        seen += texts
    assert seen == log.shown


@given(levels=LINES, cursor=st.integers(0, 20), limit=LIMITS, newer=st.booleans())
def test_every_page_says_truly_what_is_around_it(store, world, levels, cursor, limit, newer):
    log = Log(store, world)
    log.grow(levels)
    found, texts = log.page(cursor, limit, newer=newer)
    _, before = log.page(found.older, 99)
    _, after = log.page(found.newer, 99, newer=True)
    assert before + texts + after == log.shown
    assert (found.more_older, found.more_newer) == (bool(before), bool(after))
