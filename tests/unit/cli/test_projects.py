"""Projects in documents and on the command line."""

import json
from contextlib import closing

import pytest

from towpath.bootstrap.container import Container
from towpath.bootstrap.settings import load
from towpath.core.records import Run
from towpath.services import flows

from .conftest import make_shop

DOCUMENT = """\
---
apiVersion: towpath/v1
kind: {kind}
metadata: {metadata}
spec: {spec}
"""


def document(kind, spec, **metadata):
    return DOCUMENT.format(kind=kind, spec=json.dumps(spec), metadata=json.dumps(metadata))


def flow(name, source="shop", destination="lake", streams=("items",), **metadata):
    ends = {"source": {"connection": source}, "destination": {"connection": destination}}
    return document("Flow", ends | {"streams": [{"name": one} for one in streams]}, name=name, **metadata)


@pytest.fixture
def paths(tmp_path):
    make_shop(tmp_path / "shop.db")
    return lambda name, project, role: document(
        "Connection",
        {"connector": "sqlite", "config": {"path": str(tmp_path / f"{name}.db")}},
        name=name,
        **({"project": project, "role": role} if project else {}),
    )


@pytest.fixture
def apply(towpath, tmp_path):
    def apply(*documents, **more):
        file = tmp_path / "documents.yaml"
        file.write_text("".join(documents))
        return towpath("apply", "-f", file, **more)

    return apply


@pytest.fixture
def two(towpath, apply, paths):
    """Two projects, each with a flow of one name."""
    for project in ("bakery", "mill"):
        apply(paths("shop", project, "source"), paths("lake", project, "destination"))
        apply(flow("nightly", project=project))
    return towpath


def queue(towpath, flow):
    """A run of the flow that nobody works on."""
    with closing(Container(load({"home": towpath.home}))) as container, container.store.begin() as work:
        org = container.organization.id
        work.runs.add(org, Run(org=org, flow=flows.find(work, org, flow).id))


def test_a_document_says_which_project_it_is_of(apply, paths):
    documents = (paths("shop", "bakery", "source"), paths("lake", None, None), flow("f", project="bakery"))
    assert apply(*documents).stdout.splitlines() == [
        "Connection bakery/shop: created",
        "Connection lake: created",
        "Flow bakery/f: created",
    ]
    assert apply(*documents).stdout.count("unchanged") == 3


@pytest.mark.parametrize("called", ["bakery/shop", "shop", None])
def test_whatever_way_a_flow_names_its_connections_it_stays_the_same(apply, paths, towpath, called):
    apply(paths("shop", "bakery", "source"), paths("lake", None, None))
    called = called or towpath.json("connections", "show", "bakery/shop")["id"]
    one = flow("f", called, "/lake", project="bakery")
    assert apply(one).stdout == "Flow bakery/f: created\n"
    assert apply(one).stdout == "Flow bakery/f: unchanged\n"
    assert towpath.json("flows", "show", "f")["spec"]["source"] == {"connection": "shop"}


def test_a_dry_run_makes_no_project(apply, paths, towpath):
    apply(paths("shop", "bakery", "source"), "", code=0)
    before = towpath.json("audit", "list")
    file = towpath.home.parent / "documents.yaml"
    file.write_text(paths("shop", "mill", "source"))
    assert towpath("apply", "-f", file, "--dry-run").stdout == "Connection mill/shop: created\n"
    assert towpath.json("audit", "list") == before


def test_a_flow_does_not_reach_into_another_project_by_accident(apply, paths):
    made = (paths("shop", "mill", "source"), paths("lake", None, None))
    said = apply(*made, flow("f", project="bakery"), code=3).stderr
    assert "document 3, spec.source.connection: There is no connection 'shop'." in said
    assert "Did you mean 'mill/shop'?" in said
    apply(*made, flow("f", "mill/shop", project="bakery"))


def test_documents_of_one_name_are_two_in_two_projects_and_roles(apply, paths):
    apply(*(paths("x", project, role) for project in ("a", "b") for role in ("source", "destination")))
    said = apply(*[paths("x", "a", "source")] * 2, code=3).stderr
    assert "document 2, metadata.name: The Connection 'x' stands in" in said


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ({"name": "x", "project": "bakery"}, "needs a `role`"),
        ({"name": "x", "project": "bakery/oven", "role": "source"}, "metadata.project"),
        ({"name": "x", "project": "", "role": "source"}, "metadata.project"),
        ({"name": "x", "role": "alerts"}, "metadata.role"),
        ({"name": "x", "console": {}}, "metadata.console.type"),
        ({"name": "x", "console": {"type": "sqlite", "secret": "s"}}, "metadata.console.secret"),
        ({"name": "x " * 128}, "metadata.name"),
        ({"name": "x\0"}, "metadata.name"),
    ],
)
def test_what_a_connection_cannot_be_called(apply, metadata, says):
    spec = {"connector": "sqlite", "config": {"path": "x"}}
    said = apply(document("Connection", spec, **metadata), code=3).stderr
    assert says in said
    assert "document.invalid" in said


@pytest.mark.parametrize("name", ["Täglich / Müller & Söhne", "-x", "一", "a: b # c", "x" * 255, "a\nb"])
def test_documents_call_things_whatever_consoles_do(apply, towpath, tmp_path, name):
    spec = {"connector": "sqlite", "config": {"path": "x"}}
    apply(document("Connection", spec, name=name, project="p", role="source"))
    (tmp_path / "again.yaml").write_text(towpath("export").stdout)
    (one,) = towpath.json("apply", "-f", tmp_path / "again.yaml")
    assert one == {"kind": "Connection", "name": name, "project": "p", "action": "unchanged"}


def test_a_role_of_what_has_no_project_is_changed_by_its_document(apply, towpath):
    spec = {"connector": "sqlite", "config": {"path": "x"}}
    apply(document("Connection", spec, name="x"))
    assert "updated" in apply(document("Connection", spec, name="x", role="source")).stdout
    assert towpath.json("connections", "show", "x")["role"] == "source"
    assert "role: source" in towpath("export").stdout
    assert "updated" in apply(document("Connection", spec, name="x")).stdout


# ── the command line ─────────────────────────────────────────────────────────────────────────────


def test_a_name_of_several_is_told_with_what_to_say_instead(two):
    for words in (("run",), ("flows", "show"), ("flows", "disable"), ("state", "get"), ("logs",)):
        said = two(*words, "nightly", code=1).stderr
        assert "More than one flow is called 'nightly'." in said
        assert "Say which one you mean: bakery/nightly, mill/nightly." in said
        assert "flow.ambiguous" in said
    assert "bakery/shop, mill/shop" in two("check", "shop", code=1).stderr
    assert "bakery/shop" in two("flows", "create", "x", "--from", "shop", "--to", "mill/lake", code=1).stderr


def test_everything_takes_project_and_name(two):
    queue(two, "bakery/nightly")
    assert two.json("runs", "show", "bakery/nightly")["project"] == "bakery"
    id = two.json("flows", "show", "bakery/nightly")["id"]
    assert two.json("runs", "show", id)["flow"] == "nightly"
    assert two("logs", "bakery/nightly").stdout == ""
    assert "has not run yet" in two("logs", "mill/nightly", code=6).stderr
    assert [run["project"] for run in two.json("runs", "list", "--flow", "bakery/nightly")] == ["bakery"]
    assert two.json("runs", "list", "--flow", "mill/nightly") == []
    assert [one["stream"] for one in two.json("discover", "bakery/shop")] == ["items", "orders"]
    assert len(two.json("preview", "bakery/shop", "items", "-n", "2")) == 2
    two("check", "bakery/lake")
    two("state", "reset", "bakery/nightly", "--yes")
    assert two.json("errors", "list", "--flow", "bakery/nightly") == []
    two("flows", "disable", "mill/nightly")
    said = two("connections", "delete", "mill/shop", "--yes", code=1).stderr
    assert "towpath flows delete mill/nightly" in said
    assert [row["enabled"] for row in two.json("flows", "list")] == [True, False]
    two("flows", "delete", "mill/nightly", "--yes")
    two("connections", "delete", "mill/shop", "--yes")
    # Now the name says enough.
    assert two.json("flows", "show", "nightly")["project"] == "bakery"
    assert two.json("connections", "show", "shop")["project"] == "bakery"


def test_the_organizations_own_keep_their_names(two, apply, paths):
    apply(paths("shop", None, None), paths("lake", None, None), flow("nightly"))
    for name in ("nightly", "/nightly"):
        assert two.json("flows", "show", name)["project"] is None
    assert two.json("connections", "show", "shop")["project"] is None


def test_lists_show_projects_where_there_are_any(two):
    assert two("flows", "list").stdout.split()[:6] == ["name", "project", "from", "to", "enabled", "next"]
    lines = two("connections", "list").stdout.splitlines()
    assert lines[0].split() == ["name", "project", "role", "connector", "id"]
    assert lines[1].split()[:4] == ["shop", "bakery", "source", "sqlite"]
    assert "project" in two("flows", "show", "bakery/nightly").stdout
    queue(two, "mill/nightly")
    assert two("runs", "list").stdout.split()[:3] == ["id", "flow", "project"]


def test_lists_show_no_projects_where_there_are_none(applied):
    for words in (("flows", "list"), ("connections", "list"), ("runs", "list"), ("flows", "show", "copy")):
        assert "project" not in applied(*words).stdout
