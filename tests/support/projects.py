"""Somebody at work in a project, by the API of consoles.

::

    def test_a_source_is_listed(api_sqlite):
        ann = InProject(api_sqlite)
        ann.data("POST", "/sources", {"name": "shop", "type": "sqlite", "config": {"path": "shop.db"}})
        assert [row["name"] for row in ann.data("GET", "/sources")] == ["shop"]
"""

import json

from towpath.core.flows import ExportSpec, ImportSpec
from towpath.core.records import Export, Flow, Import, Run
from towpath.services.numbering import Numbering
from towpath.services.projects import Projects


class InProject:
    """A person who has signed in, and a project of the organization."""

    def __init__(self, api, project="bakery", org=None, name=""):
        self.api, self.name = api, project
        self.org = org or api.container.organization.id
        self.token = api.session(self.org, name)

    def ask(self, method, path, body=None, **options):
        content = {} if body is None else {"json": body}
        path = f"/api/v1/project/{self.name}{path}"
        return self.api.call(method, path, self.token, **content, **options)

    def data(self, method, path, body=None):
        """The data of a call that succeeds."""
        answer = self.ask(method, path, body)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert set(body) == {"success", "message", "data"}
        assert body["success"] is True
        return body["data"]

    def refused(self, status, method, path, body=None):
        """What is said of a call that fails."""
        answer = self.ask(method, path, body)
        assert answer.status_code == status, answer.text
        body = answer.json()
        assert body["success"] is False
        assert "data" not in body
        return body

    def config(self, path):
        """The configuration of a source or destination, as it is shown."""
        return json.loads(self.data("GET", path)["config"])

    @property
    def project(self):
        return Projects(self.api.container).open(self.org, self.name)

    def connection(self, number):
        """The row behind the number."""
        id = Numbering(self.api.container).id(self.org, "connection", number)
        with self.api.container.store.read() as work:
            return work.connections.get(self.org, id)

    def job(self, name, source, destination, *, project="own"):
        """A job from one connection, given by its row, to another; returns its flow."""
        project = self.project.id if project == "own" else project
        common = {"org": self.org, "name": name, "project": project}
        reads = Export(**common, connection=source.id, spec=ExportSpec())
        writes = Import(**common, connection=destination.id, spec=ImportSpec())
        with self.api.container.store.begin() as work:
            work.exports.add(self.org, reads)
            work.imports.add(self.org, writes)
            return work.flows.add(self.org, Flow(**common, exports=(reads.id,), imports=(writes.id,)))

    def run(self, flow):
        """A run of the flow that is under way."""
        with self.api.container.store.begin() as work:
            run = work.runs.add(self.org, Run(org=self.org, flow=flow.id))
            return work.runs.claim(self.org, run.id)
