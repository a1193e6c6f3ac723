import logging
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from towpath.core.errors import AuthError, ConflictError
from towpath.core.model import Rejected
from towpath.core.records import Counters, Level
from towpath.engine.channel import Channel
from towpath.engine.talk import LogToWorker, Talk, crashed, superseded

PATIENCE = 10


@dataclass
class Line:
    """Both ends of a conversation, in one process."""

    worker: Channel
    talk: Talk

    def hear(self):
        return self.worker.receive(PATIENCE)

    def answer(self, error=None) -> None:
        self.worker.send({"kind": "answer", "error": error})


@pytest.fixture
def line() -> Iterator[Line]:
    ours, theirs = socket.socketpair()
    channel = Channel(theirs)
    talk = Talk(channel)
    talk.outlive.set()  # or hanging up would end the tests
    yield Line(Channel(ours), talk)
    ours.close()
    assert talk.orphaned.wait(PATIENCE)
    channel.close()


def test_no_secret_comes_through(line):
    """# Invariant 8"""
    line.talk.secrets = frozenset({"hunter22"})
    line.talk.log(Level.INFO, "password is hunter22", "event", dsn="x:hunter22@y")
    assert "hunter22" not in repr(line.hear())
    line.talk.error(
        AuthError("connection.auth_failed", "hunter22 is wrong", hint="not hunter22", dsn="hunter22")
    )
    assert "hunter22" not in repr(line.hear())
    line.talk.error(crashed(ValueError("postgres://x:hunter22@y")))
    assert "hunter22" not in repr(line.hear())


def test_what_connectors_log_comes_through(line):
    logger = logging.getLogger("towpath.connectors.test")
    handler = LogToWorker(line.talk)
    logger.addHandler(handler)
    try:
        logger.warning("%s is cast to text", "column")
    finally:
        logger.removeHandler(handler)
    message = line.hear()
    assert (message["level"], message["message"]) == ("warning", "column is cast to text")


def test_rejected_records_have_keys_that_a_second_attempt_repeats(line):
    twins = [Rejected({"id": None, "v": 1}, "key.null", "no key")] * 2
    keys = []
    for slice in ("s1", "s1", "s2"):
        line.talk._seen.clear()  # as a fresh process has it
        asking = threading.Thread(target=line.talk.rejected, args=(slice, twins))
        asking.start()
        keys.append([one["key"] for one in line.hear()["records"]])
        line.answer()
        asking.join(PATIENCE)
    assert keys[0] == keys[1] != keys[2]
    assert len(set(keys[0])) == 2


def test_the_worker_s_answer_is_waited_for_and_its_errors_are_raised(line):
    caught: list[ConflictError] = []

    def ask() -> None:
        try:
            line.talk.committing()
        except ConflictError as error:
            caught.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    assert line.hear()["kind"] == "committing"
    assert asking.is_alive()
    line.answer(superseded().to_json())
    asking.join(PATIENCE)
    assert [error.code for error in caught] == ["attempt.superseded"]


def test_progress_is_told_now_and_then(line):
    for number in range(1000):
        line.talk.progress(Counters(read=number, written=number))
    line.talk.result({})
    kinds = []
    while not kinds or kinds[-1] != "result":
        kinds.append(line.hear()["kind"])
    assert len(kinds) < 10


def test_a_keeper_is_told_when_it_may_end(line):
    assert not line.talk.released.is_set()
    line.worker.send({"kind": "release"})
    assert line.talk.released.wait(PATIENCE)


def test_large_messages_survive(line):
    value = {"text": "x" * 3_000_000}
    telling = threading.Thread(target=line.talk.result, args=(value,))
    telling.start()
    assert line.hear() == {"kind": "result", "value": value}
    telling.join(PATIENCE)
