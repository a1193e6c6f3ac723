"""Attempts that are cancelled before they have a child."""

import threading
from types import SimpleNamespace

import pytest

from towpath.core.records import Attempt, Run
from towpath.engine.board import Board
from towpath.engine.books import Books
from towpath.engine.children import Nursery
from towpath.engine.conduct import make_work
from towpath.engine.context import Context
from towpath.engine.diary import Diary
from towpath.engine.settings import EngineSettings
from towpath.engine.supervise import CancelledError, Supervision


@pytest.fixture
def provider():
    """Where tokens are renewed; it does not answer before it is told to."""
    provider = SimpleNamespace(asked=threading.Event(), answers=threading.Event(), answered=threading.Event())
    yield provider
    provider.answers.set()
    assert provider.answered.wait(10)


@pytest.fixture
def context(store, provider) -> Context:
    def resolve(org, connection):
        provider.asked.set()
        provider.answers.wait(30)
        provider.answered.set()
        raise KeyError("nobody hears this")

    stopping = threading.Event()
    books = Books(store, stopping)
    return Context(
        worker="worker",
        books=books,
        resolve=resolve,
        settings=EngineSettings(url=""),
        nursery=Nursery(),
        stopping=stopping,
        diary=Diary(books),
        board=Board(books),
        slots=threading.BoundedSemaphore(2),
    )


def test_a_cancel_does_not_wait_for_the_renewal_of_tokens(store, flow, context, provider):
    run = Run(org=flow.org, flow=flow.id)
    with store.begin() as work:
        work.runs.add(flow.org, run)
        work.runs.claim(flow.org, run.id)
        work.runs.request_cancel(flow.org, run.id)
    plan = make_work(context, flow.org, run.id, {"kind": "plan", "arguments": [0, None]})
    with pytest.raises(CancelledError):
        Supervision(plan, Attempt(org=flow.org, run=run.id, task="plan/0", worker="worker")).run()
    assert provider.asked.is_set()
    assert not provider.answered.is_set()
