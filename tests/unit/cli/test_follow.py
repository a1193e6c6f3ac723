"""What a run looks like, and how it ends."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from towpath.cli import ending, follow
from towpath.cli.progress import Bars, Lines
from towpath.core.errors import AuthError, SchemaError
from towpath.core.records import Counters, LogLine, Run, RunStatus, RunStream, StreamStatus
from towpath.services.runs import RunDetail

START = datetime(2024, 1, 1, tzinfo=UTC)
MOVING = RunStream(
    org="o",
    run="r",
    stream="orders",
    status=StreamStatus.RUNNING,
    selection={},
    target={},
    rows_expected=1000,
    counters=Counters(read=500, bytes=2048),
    rows_per_second=250.0,
    started_at=START,
)
DONE = replace(
    MOVING,
    status=StreamStatus.COMMITTED,
    counters=Counters(read=1200, written=1199, rejected=1),
    ended_at=START + timedelta(seconds=4),
)


def detail(*streams, status=RunStatus.RUNNING, error=None):
    return RunDetail(Run(org="o", flow="f", status=status, error=error), "copy", streams)


def test_without_a_terminal_there_is_a_line_every_ten_seconds():
    said, now = [], [0.0]
    with Lines(said.append, lambda: now[0]) as lines:
        for second in range(25):
            now[0] = float(second)
            lines.show(detail(MOVING))
    assert said == ["orders: 500 of about 1,000 rows, 250 rows/s"] * 2


def test_a_waiting_run_says_so():
    said = []
    Lines(said.append, iter([0.0, 11.0, 11.0]).__next__).show(detail(status=RunStatus.QUEUED))
    assert said == ["copy: queued"]


def test_on_a_terminal_there_is_a_bar_for_each_stream(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    with Bars() as bars:
        bars.show(detail(MOVING, replace(MOVING, stream="items", rows_expected=None)))
        bars.show(detail(DONE, replace(DONE, stream="items")))
        bars.log(LogLine(message="a [bold]word[/bold]"))
    printed = capsys.readouterr().err
    for part in ("orders", "items", "1,200 rows", "300 rows/s", "a [bold]word[/bold]"):
        assert part in printed


@pytest.mark.parametrize(
    ("given", "interrupted", "code", "says"),
    [
        (detail(status=RunStatus.SUCCEEDED), False, 0, "succeeded"),
        (detail(DONE, status=RunStatus.SUCCEEDED), False, 5, "Rejected records: 1"),
        (detail(status=RunStatus.CANCELLED), False, 1, "cancelled"),
        (detail(status=RunStatus.CANCELLED), True, 130, "cancelled"),
        (detail(status=RunStatus.FAILED), False, 1, ""),
        (detail(status=RunStatus.FAILED, error=AuthError("a.b", "No.").to_json()), False, 4, "a.b"),
        (detail(status=RunStatus.FAILED, error=SchemaError("a.c", "No.").to_json()), False, 1, "a.c"),
    ],
)
def test_how_a_run_ends_is_the_exit_code(capsys, given, interrupted, code, says):
    assert follow.outcome(given, interrupted=interrupted) == code
    printed = capsys.readouterr()
    assert says in printed.err
    assert printed.out == ""


FAILED = replace(
    MOVING, stream="items", status=StreamStatus.FAILED, error=SchemaError("a.d", "Gone.").to_json()
)
PARTLY = replace(FAILED, stream="events", ordered=True, state_after={"at": 7})


@pytest.mark.parametrize("status", [RunStatus.FAILED, RunStatus.CANCELLED])
@pytest.mark.parametrize(
    ("streams", "says", "never"),
    [
        ((FAILED,), ["the target is as it was"], ["items: "]),
        ((DONE, FAILED), ["orders: copied.", "items: its target is as it was."], ["; the target"]),
        ((PARTLY,), ["events: copied up to its last commit"], ["as it was"]),
        ((replace(PARTLY, state_before={"at": 7}),), ["the target is as it was"], ["up to its last commit"]),
    ],
)
def test_what_became_of_each_target_is_said(capsys, status, streams, says, never):
    follow.outcome(detail(*streams, status=status))
    printed = capsys.readouterr().err
    assert [words for words in says if words not in printed] == []
    assert [words for words in never if words in printed] == []


def test_errors_are_shown_with_hint_and_code(capsys):
    error = SchemaError("a.d", "Gone.", hint="Bring it back.").to_json()
    ending.problems(detail(replace(FAILED, error=error), status=RunStatus.FAILED, error=error))
    printed = capsys.readouterr().err
    assert printed.split("\n")[:3] == ["items:", "✗ Gone.", "  Bring it back."]
    assert printed.count("a.d (") == 1
    assert "{" not in printed


def test_the_summary_is_data_and_has_the_average_speed(capsys):
    follow.summary(detail(DONE))
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split() == [
        *("stream", "status", "read", "written", "filtered", "rejected", "rows/s", "seconds")
    ]
    assert row.split() == ["orders", "committed", "1,200", "1,199", "0", "1", "300", "4.0"]
