"""What users call flows and connections that projects hold."""

import itertools
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from towpath.bootstrap.container import Container
from towpath.bootstrap.settings import load
from towpath.core.errors import ConflictError, NotFoundError
from towpath.core.records import Organization
from towpath.services import connections, flows
from towpath.services.connections import Connections
from towpath.services.documents.models import FlowSpec
from towpath.services.flows import Flows
from towpath.services.projects import Projects
from towpath.services.runs import Runs

NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def rooms(tmp_path_factory):
    with closing(Container(load({"home": tmp_path_factory.mktemp("naming")}))) as container:
        _ = container.vault
        yield container


@pytest.fixture
def house(rooms):
    return House(rooms)


class House:
    """An organization of its own, with flows and connections in projects."""

    def __init__(self, rooms):
        self.rooms = rooms
        with rooms.store.begin() as work:
            self.org = work.organizations.add(Organization(name=f"house {next(NUMBERS)}")).id

    def project(self, name):
        return None if name is None else Projects(self.rooms).open(self.org, name).id

    def connection(self, name, project=None, role=None):
        place = {"project": self.project(project), "role": role}
        return Connections(self.rooms).create(self.org, name, "sqlite", {"path": "x"}, **place)

    def flow(self, name, project=None, source="shop"):
        sides = {"source": {"connection": source}, "destination": {"connection": source}}
        spec, home = FlowSpec.model_validate(sides), self.project(project)
        with self.rooms.store.begin() as work:
            return Flows(self.rooms).create_in(work, self.org, name, spec, project=home)

    def find(self, name, project=None, role=None):
        home = self.project(project)
        with self.rooms.store.read() as work:
            return connections.find(work, self.org, name, home, role)

    def handle(self, row, project, role):
        with self.rooms.store.read() as work:
            return connections.handle(work, row, project, role)


def test_a_name_means_its_only_bearer(house):
    shop = house.connection("shop", "bakery", "source")
    assert house.find("shop") == house.find("bakery/shop") == house.find(shop.id) == shop


def test_no_project_takes_a_name_away_from_the_organization(house):
    own = house.connection("shop")
    theirs = house.connection("shop", "bakery", "source")
    assert house.find("shop") == house.find("/shop") == own
    assert house.find("bakery/shop") == theirs
    # In the project, its own is meant.
    assert house.find("shop", "bakery") == theirs
    assert house.find("/shop", "bakery") == own


def test_an_ambiguous_name_is_told_with_what_to_say_instead(house):
    house.connection("shop")
    made = [house.flow("nightly", project) for project in ("bakery", "mill")]
    cases = Flows(house.rooms)
    with pytest.raises(ConflictError) as caught:
        cases.get(house.org, "nightly")
    assert caught.value.code == "flow.ambiguous"
    assert caught.value.hint == "Say which one you mean: bakery/nightly, mill/nightly."
    assert [cases.get(house.org, name) for name in ("bakery/nightly", "mill/nightly")] == made
    many = [house.flow("hourly", f"p{number}") for number in range(7)]
    with pytest.raises(ConflictError) as caught:
        cases.get(house.org, "hourly")
    assert caught.value.hint.endswith("p3/hourly, p4/hourly, ….")
    assert cases.get(house.org, many[6].id) == many[6]


def test_a_source_and_a_destination_of_one_name_are_told_apart_by_what_they_are_for(house):
    source, destination = (house.connection("shop", "bakery", role) for role in ("source", "destination"))
    assert house.find("bakery/shop", role="source") == source
    assert house.find("shop", "bakery", "destination") == destination
    with pytest.raises(ConflictError) as caught:
        house.find("bakery/shop")
    assert caught.value.hint == (
        f"Say which one you mean: {source.id} (source), {destination.id} (destination)."
    )
    # What is for either comes before what is for the other.
    lake = house.connection("lake")
    house.connection("lake", "bakery", "destination")
    assert house.find("lake", "bakery", "source") == lake


def test_what_is_not_there_is_told_with_what_may_be_meant(house):
    house.connection("warehouse", "a-project-of-a-long-name", "source")
    for text in ("warehuose", "warehouse"):
        # A project's own flows do not reach into others' by accident.
        with pytest.raises(NotFoundError) as caught:
            house.find(text, "bakery")
        assert "'a-project-of-a-long-name/warehouse'" in caught.value.hint
    with pytest.raises(NotFoundError):
        house.find("nowhere/warehouse")


def test_a_run_is_found_by_its_flow_in_any_way(house):
    house.connection("shop")
    flow = house.flow("nightly", "bakery")
    house.flow("nightly", "mill")
    runs = Runs(house.rooms)
    run = runs.start(house.org, "bakery/nightly")
    for name in ("bakery/nightly", flow.id, run.id):
        found = runs.show(house.org, name)
        assert (found.run.id, found.flow, found.project) == (run.id, "nightly", "bakery")
    with pytest.raises(NotFoundError, match="has not run yet"):
        runs.show(house.org, "mill/nightly")
    with pytest.raises(ConflictError, match="More than one flow"):
        runs.show(house.org, "nightly")
    assert [one.run.id for one in runs.list(house.org, flow="bakery/nightly")] == [run.id]


PROJECTS = st.sampled_from([None, "a", "b", "a.b"])
NAMES = st.sampled_from(["x", "a", "a/x", "/x", "b/x", "a/b/x", "//x", "/", "a/"])
ROLES = st.sampled_from(["source", "destination"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    places=st.lists(st.tuples(NAMES, PROJECTS, ROLES), max_size=10),
    project=PROJECTS,
    role=ROLES,
)
def test_documents_call_everything_so_that_it_is_found(rooms, places, project, role):
    house = House(rooms)
    # Without a project one name is there once, whatever its role.
    unique = {(name, home, home and use): (name, home, use) for name, home, use in places}
    rows = [house.connection(*place) for place in unique.values()]
    for row in rows:
        called = house.handle(row, house.project(project), role)
        assert house.find(called, project, role) == row
        if row.role == role and "/" not in row.name:
            assert called != row.id


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=st.sets(st.tuples(NAMES, PROJECTS), max_size=8))
def test_what_is_called_by_its_project_is_found(rooms, places):
    house = House(rooms)
    shop = house.connection("shop")
    made = {place: house.flow(*place, source=shop.id) for place in places}
    with rooms.store.read() as work:
        for (name, project), flow in made.items():
            assert flows.find(work, house.org, f"{project or ''}/{name}") == flow
            assert flows.find(work, house.org, flow.id) == flow
