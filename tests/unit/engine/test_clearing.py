"""What a clear empties: what the flow wrote last, seen from the store alone."""

from dataclasses import replace

import pyarrow as pa
import pytest

from towpath.core.errors import ConfigError
from towpath.core.flows import ExportSpec, StreamRead
from towpath.core.model import Selection, Stream, Target, WriteMode
from towpath.core.records import Run, RunStatus, RunStream, StreamStatus
from towpath.engine.clearing import check_clearable, plan_clear
from towpath.engine.context import outline
from towpath.sdk.testing.memory import connector

SCHEMA = pa.schema([("id", pa.int64())])


@pytest.fixture
def office(store, flow):
    return Office(store, flow)


class Office:
    """A flow with runs as the store remembers them."""

    def __init__(self, store, flow) -> None:
        self.store, self.flow, self.org = store, flow, flow.org

    def ran(self, *names: str, table: str = "table", saves: bool = True, **changes) -> None:
        """A run that wrote these streams."""
        run = Run(org=self.org, flow=self.flow.id)
        with self.store.begin() as work:
            work.runs.add(self.org, run)
            for name in names:
                target = Target(
                    f"{name}_{table}",
                    SCHEMA,
                    WriteMode.UPSERT,
                    run.id,
                    name,
                    f"{self.flow.id}:0",
                    namespace="n",
                    primary_key=("id",),
                    partition_by=("id",),
                )
                row = RunStream(
                    org=self.org,
                    run=run.id,
                    stream=name,
                    status=StreamStatus.COMMITTED,
                    selection=Selection(Stream(name, SCHEMA)).to_json(),
                    target=target.to_json(),
                )
                work.streams.save_plan(self.org, replace(row, **changes), ())
                if saves:
                    work.states.save(self.org, self.flow.id, name, 0, {"at": 1}, run.id)
            work.runs.finish(self.org, run.id, RunStatus.SUCCEEDED)

    def reset(self, name: str) -> None:
        with self.store.begin() as work:
            work.states.reset(self.org, self.flow.id, name)

    def reads(self, *names: str) -> None:
        with self.store.begin() as work:
            spec = ExportSpec(streams=tuple(StreamRead(name=name) for name in names))
            work.exports.update(self.org, self.flow.exports[0], spec=spec)

    def clears(self, *streams: str) -> dict[str, Target]:
        run = Run(org=self.org, flow=self.flow.id, clear=True, streams=streams or None)
        with self.store.begin() as work:
            work.runs.add(self.org, run)
            planned = plan_clear(work, outline(work, self.org, run.id))
            assert [one.stream for one in work.streams.list(self.org, run.id)] == [
                one.stream for one in planned
            ]
            work.runs.finish(self.org, run.id, RunStatus.SUCCEEDED)
        targets = {one.stream: Target.from_json(one.target) for one in planned}
        assert {target.run for target in targets.values()} <= {run.id}
        return targets


def test_a_flow_that_never_wrote_has_nothing_to_clear(office):
    assert office.clears() == {}


def test_the_target_is_overwritten_as_it_was_written_last(office):
    office.ran("a", table="old")
    office.ran("a", table="new")
    target = office.clears()["a"]
    assert (target.name, target.namespace, target.mode) == ("a_new", "n", WriteMode.OVERWRITE)
    assert (target.primary_key, target.partition_by, target.schema) == (("id",), ("id",), SCHEMA)
    assert target.lineage == f"{office.flow.id}:0"


def test_after_a_reset_the_history_tells_in_the_present_lineage(office):
    office.ran("a", table="old")
    office.ran("a", table="new")
    office.reset("a")
    office.ran("a", table="failed", saves=False, status=StreamStatus.FAILED)
    target = office.clears()["a"]
    assert (target.name, target.lineage) == ("a_new", f"{office.flow.id}:1")


def test_a_stream_that_was_followed_and_then_failed_has_written(office):
    office.ran("a", status=StreamStatus.FAILED, ordered=True, state_after={"at": 1}, saves=False)
    office.reset("a")
    assert list(office.clears()) == ["a"]


def test_a_state_that_was_set_by_hand_and_never_used_names_no_target(office):
    office.reset("a")
    assert office.clears() == {}


def test_the_streams_are_those_of_the_run_or_those_of_the_flow(office):
    office.ran("a", "b", "c")
    assert list(office.clears()) == ["a", "b", "c"]
    assert list(office.clears("b", "d")) == ["b"]
    office.reads("c", "d")
    assert list(office.clears()) == ["c"]


def test_what_cannot_overwrite_cannot_be_cleared():
    check_clearable(connector)
    with pytest.raises(ConfigError) as caught:
        check_clearable(replace(connector, write_modes=frozenset({WriteMode.APPEND})))
    assert caught.value.code == "clear.unsupported"
