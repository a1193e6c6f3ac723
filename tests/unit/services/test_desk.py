"""The desk: whatever happens, everybody is answered once."""

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from support.api import settings_of
from towpath.bootstrap.container import Container
from towpath.core.errors import BusyError
from towpath.services.lending import desk
from towpath.services.lending.answers import Ask, Outcome
from towpath.services.lending.desk import Desk

PATIENCE = 30
STRANGER = Ask("0" * 64, None, "gmail")


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Container]:
    with closing(Container(settings_of(tmp_path / "home"))) as made:
        _ = made.vault, made.organization
        yield made


class Answers:
    """Waits for answers; each of them is counted."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self._grown = threading.Condition()

    def __call__(self, answer) -> None:
        with self._grown:
            self.outcomes.append(answer.outcome)
            self._grown.notify_all()

    def wait(self, count: int) -> list[Outcome]:
        with self._grown:
            assert self._grown.wait_for(lambda: len(self.outcomes) >= count, PATIENCE)
        return self.outcomes


def fetches(container: Container) -> int:
    with container.store.read() as work:
        rows = work.audit.list(container.organization.id, limit=100_000)
    return sum(1 for row in rows if row.action == "credential.fetch")


def test_who_waits_together_shares_a_unit_of_work(container):
    answers, sizes = Answers(), []

    class Watched(Desk):
        def _decide(self, asks):
            sizes.append(len(asks))
            return super()._decide(asks)

    with closing(Watched(container, lambda _row, _at: False)) as made:
        with container.store.begin():  # the desk has to wait for this one
            for _ in range(desk.BATCH + 10):
                made.ask(STRANGER, answers)
        assert set(answers.wait(desk.BATCH + 10)) == {Outcome.UNAUTHENTICATED}
    assert sum(sizes) == desk.BATCH + 10
    assert max(sizes) <= desk.BATCH
    # The first may have gone alone; all others came while it waited for the store.
    assert len(sizes) <= 3
    assert fetches(container) == desk.BATCH + 10


def crowd(made: Desk, answers: Answers) -> None:
    for _ in range(desk.WAITING + desk.BATCH + 1):
        made.ask(STRANGER, answers)


def test_more_than_can_be_served_are_turned_away_at_once(container):
    answers = Answers()
    with closing(Desk(container, lambda _row, _at: False)) as made:
        with container.store.begin():
            with pytest.raises(BusyError) as caught:
                crowd(made, answers)
            assert caught.value.code == "desk.full"
        answers.wait(desk.WAITING)


def test_a_closed_desk_has_answered_all_and_takes_no_more(container):
    answers = Answers()
    made = Desk(container, lambda _row, _at: False)
    for _ in range(500):
        made.ask(STRANGER, answers)
    made.close()
    made.close()
    assert len(answers.outcomes) == 500
    with pytest.raises(BusyError):
        made.ask(STRANGER, answers)


def test_a_defect_answers_its_batch_and_the_desk_lives_on(container, caplog):
    answers = Answers()
    wrong = Ask("0" * 64, None, "gmail", address=b"not a text")  # type: ignore[arg-type]
    with closing(Desk(container, lambda _row, _at: False)) as made:
        made.ask(wrong, answers)
        assert answers.wait(1) == [Outcome.FAILED]
        made.ask(STRANGER, answers)
        assert answers.wait(2) == [Outcome.FAILED, Outcome.UNAUTHENTICATED]
    assert "not a text" not in caplog.text


def test_a_store_that_is_away_lends_nothing_and_is_told_of_once(container, caplog):
    answers = Answers()
    with closing(Desk(container, lambda _row, _at: False)) as made:
        made.ask(STRANGER, answers)
        answers.wait(1)
        with container.store.begin() as work:
            work.organizations._connection.exec_driver_sql("alter table audit rename to elsewhere")
        made.ask(STRANGER, answers)
        assert answers.wait(2)[1:] == [Outcome.UNAVAILABLE]
        with container.store.begin() as work:
            work.organizations._connection.exec_driver_sql("alter table elsewhere rename to audit")
        made.ask(STRANGER, answers)
        assert answers.wait(3)[2:] == [Outcome.UNAUTHENTICATED]
    assert "1 credential fetches were refused" in caplog.text
