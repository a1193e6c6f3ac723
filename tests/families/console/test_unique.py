"""Names: unique in their project and role, whoever is faster."""

import threading

import pytest

from support.projects import InProject

TOGETHER = 6


def source(name="shop", path="a.db"):
    return {"name": name, "type": "sqlite", "version": "", "config": {"path": path}}


@pytest.fixture
def ann(api):
    return InProject(api)


def together(calls):
    """The status codes of calls that are made at once."""
    barrier, codes = threading.Barrier(len(calls)), []

    def make(call):
        barrier.wait(30)
        codes.append(call().status_code)

    threads = [threading.Thread(target=make, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return sorted(codes)


def test_one_of_many_gets_the_name(ann):
    people = [InProject(ann.api) for _ in range(TOGETHER)]
    calls = [lambda person=person: person.ask("POST", "/sources", source()) for person in people]
    assert together(calls) == [200] + [409] * (TOGETHER - 1)
    assert len(ann.data("GET", "/sources")) == 1


def test_one_of_many_is_renamed(ann):
    ids = [ann.data("POST", "/sources", source(f"source {number}"))["id"] for number in range(TOGETHER)]
    calls = [lambda number=number: ann.ask("PUT", f"/sources/{number}", source("shop")) for number in ids]
    assert together(calls) == [200] + [409] * (TOGETHER - 1)


def test_a_name_is_unique_in_its_project_and_role(ann):
    ann.data("POST", "/sources", source())
    ann.data("POST", "/destinations", source())
    InProject(ann.api, "mill").data("POST", "/sources", source())
    refused = ann.refused(409, "POST", "/sources", source(" shop "))
    assert refused["message"].startswith("There is a source 'shop' already.")
    second = ann.data("POST", "/sources", source("second"))["id"]
    refused = ann.refused(409, "PUT", f"/sources/{second}", source())
    assert refused["message"].startswith("There is a source 'shop' already.")
    ann.data("PUT", f"/sources/{second}", source("second", "b.db"))


def test_asking_whether_a_name_is_free(ann):
    shop = ann.connection(ann.data("POST", "/sources", source())["id"])
    lake = ann.connection(ann.data("POST", "/destinations", source("lake"))["id"])
    ann.job("nightly", shop, lake)
    taken = {("source", "shop"), ("destination", "lake"), ("job", "nightly")}
    mill = InProject(ann.api, "mill")
    for kind in ("source", "destination", "job"):
        for name in ("shop", "lake", "nightly", "new"):
            asked = {"name": f" {name} ", "entity_type": kind}
            assert mill.data("POST", "/check-unique", asked) == {"unique": True}
            if (kind, name) in taken:
                assert f"'{name}'" in ann.refused(409, "POST", "/check-unique", asked)["message"]
            else:
                assert ann.data("POST", "/check-unique", asked) == {"unique": True}
    for wrong in ({"name": "x"}, {"name": " ", "entity_type": "job"}, {"name": "x", "entity_type": "y"}):
        ann.refused(400, "POST", "/check-unique", wrong)


def test_what_was_deleted_frees_its_name(ann):
    id = ann.data("POST", "/sources", source())["id"]
    ann.data("DELETE", f"/sources/{id}")
    assert ann.data("POST", "/check-unique", {"name": "shop", "entity_type": "source"}) == {"unique": True}
    assert ann.data("POST", "/sources", source())["id"] != id
