"""Changes of flows, and what they do to where the flows go on."""

from contextlib import closing

import pytest

from towpath.bootstrap.container import Container
from towpath.bootstrap.settings import load
from towpath.services.connections import Connections
from towpath.services.documents.models import FlowSpec
from towpath.services.flows import Flows

SPEC = {
    "source": {"connection": "shop"},
    "destination": {"connection": "lake"},
    "streams": [
        {"name": "main.orders", "mode": "incremental", "cursor": "id"},
        {"name": "main.guests", "mode": "incremental", "cursor": "id"},
    ],
}


@pytest.fixture
def flows(tmp_path):
    """A flow that has read both of its streams once."""
    with closing(Container(load({"home": tmp_path / "home"}, {}))) as container:
        org = container.organization.id
        for name in ("shop", "twin", "lake", "pond"):
            Connections(container).create(org, name, "sqlite", {"path": str(tmp_path / name)})
        found = Flows(container)
        flow = found.create(org, "nightly", FlowSpec.model_validate(SPEC))
        with container.store.begin() as work:
            for stream in SPEC["streams"]:
                work.states.save(org, flow.id, stream["name"], 0, {"cursor": 7}, "run_1")
        yield found


def streams(**changes):
    """The streams, the first of them changed."""
    return [SPEC["streams"][0] | changes, SPEC["streams"][1]]


def anew(flows, **changes):
    """Update the flow; the streams that will be read from the beginning."""
    org = flows.rooms.organization.id
    flow = flows.update(org, "nightly", FlowSpec.model_validate(SPEC | changes))
    with flows.rooms.store.read() as work:
        saved = work.states.list(org, flow.id)
    assert {one.state is None for one in saved if one.generation} <= {True}
    return sorted(one.stream.removeprefix("main.") for one in saved if one.state is None)


def test_a_flow_that_goes_elsewhere_begins_anew(flows):
    assert anew(flows, destination={"connection": "pond"}) == ["guests", "orders"]


def test_a_flow_that_comes_from_elsewhere_begins_anew(flows):
    assert anew(flows, source={"connection": "twin"}) == ["guests", "orders"]


def test_a_stream_with_another_target_begins_anew_alone(flows):
    assert anew(flows, streams=streams(target="bookings")) == ["orders"]


def test_a_target_that_is_said_is_no_other(flows):
    assert anew(flows, streams=streams(target="orders")) == []


def test_other_changes_leave_it_where_it_is(flows):
    assert anew(flows, streams=streams(columns=["id"]), schedule={"cron": "0 3 * * *"}, enabled=False) == []
