from collections.abc import Iterator

import pytest

from towpath.core.flows import Every, ExportSpec, ImportSpec, Policy
from towpath.core.records import Connection, Export, Flow, Import, Organization
from towpath.core.repositories import Store
from towpath.store import open_store


@pytest.fixture
def store(tmp_path) -> Iterator[Store]:
    store = open_store(f"sqlite:///{tmp_path / 'store.sqlite'}")
    store.migrate()
    yield store
    store.close()


@pytest.fixture
def flow(store) -> Flow:
    """A flow that is due every minute, between two connections."""
    with store.begin() as work:
        org = work.organizations.add(Organization(name="test")).id
        ends = [
            work.connections.add(org, Connection(org=org, name=name, connector="memory", config={})).id
            for name in ("here", "there")
        ]
        export = work.exports.add(org, Export(org=org, name="e", connection=ends[0], spec=ExportSpec()))
        imported = work.imports.add(org, Import(org=org, name="i", connection=ends[1], spec=ImportSpec()))
        return work.flows.add(
            org,
            Flow(
                org=org,
                name="flow",
                exports=(export.id,),
                imports=(imported.id,),
                schedule=Every(every=60),
                policy=Policy(max_attempts=3, parallel=2),
            ),
        )
