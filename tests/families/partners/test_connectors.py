"""``/api/v2/connectors/``: made as a whole, changed as a whole, gone as a whole."""

from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace

import pytest

from support.api import running
from towpath.core.flows import Every
from towpath.core.records import RunStatus

from .conftest import FIVE, NO_OBJECT, NOT_FOUND, SQLITE, TEN, Partner, with_pms

CANARY = "canary-51fa"
REQUIRED = ["This field is required."]


def pms(partner, *destinations, name="guests", **more):
    """The body of a connector of the operator's own kind, with both of its entities."""
    (template,) = [item for item in partner.get("connector-templates/") if item["code"] == "pms"]
    entities = partner.get(f"connector-templates/{template['id']}")["entities"]
    entities.sort(key=lambda entity: entity["name"])
    wanted = [{"id": entity["id"], "entity_timer_id": FIVE, "is_active": True} for entity in entities]
    return {
        "name": name,
        "connector_category_id": template["id"],
        "credentials": {"token": CANARY},
        "targets": [{"destination_id": number, "entities": deepcopy(wanted)} for number in destinations],
    } | more


def flows(partner):
    with partner.api.container.store.read() as work:
        return work.flows.list(partner.org)


def specs(partner):
    """Per flow: what is read, how it is written."""
    with partner.api.container.store.read() as work:
        return [
            (
                work.exports.get(partner.org, flow.exports[0]).spec,
                work.imports.get(partner.org, flow.imports[0]).spec,
            )
            for flow in work.flows.list(partner.org)
        ]


def test_one_flow_for_each_destination_and_entity(acme, tmp_path):
    lakes = [acme.destination(tmp_path / f"{name}.duckdb", name) for name in ("a", "b")]
    answer = acme.post("connectors/", pms(acme, *lakes))
    assert answer == {
        "success": True,
        "data": {
            "id": 1,
            "name": "guests",
            "description": "",
            "lifecycle_status": "CREATION_STARTED",
            "is_active": True,
            "connector_cat": pms(acme)["connector_category_id"],
            "connector_cat_name": "Test PMS",
            "icon": "icons/cat_connectors/pms.svg",
        },
    }
    assert acme.get("connectors/") == [answer["data"]]
    made = flows(acme)
    assert len({flow.name for flow in made}) == 4
    assert {flow.schedule for flow in made} == {Every(every=300)}
    assert all(flow.enabled and flow.next_due <= flow.updated_at for flow in made), "due at once"
    for reads, writes in specs(acme):
        (read,), (write,) = reads.streams, writes.streams
        assert write.target == read.name
        assert (read.mode, read.cursor) == {
            "listings": ("full_refresh", None),
            "reservations": ("incremental", "updated_at"),
        }[read.name]
        # What is new is upserted by its key; what is read as a whole replaces what was there.
        assert write.mode is None


def test_an_inactive_entity_has_a_flow_that_waits(acme, tmp_path):
    body = pms(acme, acme.destination(tmp_path / "a.duckdb"))
    body["targets"][0]["entities"][0]["is_active"] = False
    number = acme.post("connectors/", body)["data"]["id"]
    assert sorted((flow.enabled, flow.next_due is None) for flow in flows(acme)) == [
        (False, True),
        (True, False),
    ]
    (target,) = acme.get(f"connectors/{number}")["targets"]
    assert [entity["is_active"] for entity in target["entities"]] == [False, True]


def test_one_can_be_looked_at(acme, tmp_path):
    lake = acme.destination(tmp_path / "a.duckdb")
    number = acme.post("connectors/", pms(acme, lake, description="Of the house"))["data"]["id"]
    found = acme.get(f"connectors/{number}")
    assert found["description"] == "Of the house"
    assert found["credentials"] == {"token": "********"}
    (target,) = found["targets"]
    assert target["destination_id"] == lake
    assert {entity["table"] for entity in target["entities"]} == {"listings", "reservations"}
    assert {entity["last_run"] for entity in target["entities"]} == {None}


def test_every_number_and_value_is_checked(acme, tmp_path):
    lake = acme.destination(tmp_path / "a.duckdb")
    before = acme.rows()
    good = pms(acme, lake)
    entity = good["targets"][0]["entities"][0]
    reservations = good["targets"][0]["entities"][1]

    def targets(*items):
        return good | {"targets": list(items)}

    def entities(*items):
        return targets({"destination_id": lake, "entities": list(items)})

    def at_entity(field, message, place=0):
        return {"targets": [{"entities": [*[{}] * place, {field: [message]}]}]}

    twice = [{}, {"destination_id": ["It is a target already."]}]
    cases = [
        (good | {"connector_category_id": 99}, {"connector_category_id": [NO_OBJECT.format(99)]}),
        (good | {"name": ""}, {"name": ["This field may not be blank."]}),
        (good | {"name": "x" * 201}, {"name": ["String should have at most 200 characters"]}),
        (good | {"credentials": {}}, {"credentials": {"token": REQUIRED}}),
        (good | {"credentials": {"token": ""}}, {"credentials": {"token": ["This field may not be blank."]}}),
        (good | {"credentials": {"token": 5}}, {"credentials": {"token": ["Not a valid string."]}}),
        (good | {"credentials": {"token": None}}, {"credentials": {"token": ["Not a valid string."]}}),
        (
            good | {"credentials": {"token": CANARY, "x": CANARY}},
            {"credentials": {"x": ["There is no such field."]}},
        ),
        (
            good | {"credentials": {"token": f"a\n{CANARY}"}},
            {"credentials": {"token": ["It must not hold control characters, such as line breaks."]}},
        ),
        (targets(), {"targets": ["This list may not be empty."]}),
        (entities(), {"targets": [{"entities": ["This list may not be empty."]}]}),
        (targets(*good["targets"], *good["targets"]), {"targets": twice}),
        (
            targets({"destination_id": 99, "entities": [entity]}),
            {"targets": [{"destination_id": [NO_OBJECT.format(99)]}]},
        ),
        (
            targets({"destination_id": 0, "entities": [entity]}),
            {"targets": [{"destination_id": [NO_OBJECT.format(0)]}]},
        ),
        (
            targets({"destination_id": 2**80, "entities": [entity]}),
            {"targets": [{"destination_id": [NO_OBJECT.format(2**80)]}]},
        ),
        (
            targets(good["targets"][0], {}),
            {"targets": [{}, {"destination_id": REQUIRED, "entities": REQUIRED}]},
        ),
        (entities(entity | {"id": 1}), at_entity("id", NO_OBJECT.format(1))),
        (entities(entity | {"entity_timer_id": 99}), at_entity("entity_timer_id", NO_OBJECT.format(99))),
        # It is there, but not for this entity.
        (
            entities(entity, reservations | {"entity_timer_id": TEN}),
            at_entity("entity_timer_id", NO_OBJECT.format(TEN), 1),
        ),
        (entities(entity, entity), at_entity("id", "It is there already.", 1)),
        (entities(entity | {"is_active": "perhaps"}), at_entity("is_active", "Must be a valid boolean.")),
        (
            entities("x"),
            {"targets": [{"entities": [{"non_field_errors": ["Invalid data. Expected a dictionary."]}]}]},
        ),
    ]
    for body, answer in cases:
        assert acme.post("connectors/", body, 400) == answer
        assert acme.rows() == before, "nothing half-created"
    acme.post("connectors/", good)


def test_of_one_name_there_is_one(acme, tmp_path):
    lake = acme.destination(tmp_path / "a.duckdb")
    acme.post("connectors/", pms(acme, lake))
    before = acme.rows()
    taken = {"name": ["connector with this name already exists."]}
    assert acme.post("connectors/", pms(acme, lake), 400) == taken
    second = acme.post("connectors/", pms(acme, lake, name="other"))["data"]["id"]
    assert acme.send("PATCH", f"connectors/{second}", {"name": "guests"}, 400) == taken
    acme.drop(f"connectors/{second}")
    assert acme.rows() == before


def test_of_many_that_make_the_same_one_does(either, shop, tmp_path):
    body = either.copy(shop, either.destination(tmp_path / "a.duckdb"))
    with ThreadPoolExecutor(20) as pool:
        statuses = list(
            pool.map(lambda _: either.ask("POST", "connectors/", json=body).status_code, range(20))
        )
    assert sorted(statuses) == [201, *[400] * 19]
    rows = either.rows()
    assert rows.pop("connections") == 2
    assert rows.pop("sealed") == 0
    assert set(rows.values()) == {1}
    assert len(either.get("connectors/")) == 1


def test_customers_that_share_a_destination_have_tables_of_their_own(acme, tmp_path):
    lake = acme.destination(tmp_path / "a.duckdb")
    tables = []
    for name in ("first", "second"):
        number = acme.post("connectors/", pms(acme, lake, name=name))["data"]["id"]
        (target,) = acme.get(f"connectors/{number}")["targets"]
        tables.append({entity["table"] for entity in target["entities"]})
    assert tables == [{"listings", "reservations"}, {"listings_2", "reservations_2"}]


def test_whole_copies_into_one_destination_do_not_meet(acme, shop, tmp_path):
    lake = acme.destination(tmp_path / "a.duckdb")
    places = []
    for name in ("first", "second"):
        number = acme.post("connectors/", acme.copy(shop, lake, name=name))["data"]["id"]
        ((entity,),) = [target["entities"] for target in acme.get(f"connectors/{number}")["targets"]]
        places.append((entity["table"], entity["namespace"]))
    assert places == [(None, None), (None, "connector_2")]


def test_names_that_look_alike_do_not_meet(acme, shop, tmp_path):
    first, second = (acme.destination(tmp_path / "x.duckdb", name) for name in ("b - c", "c"))
    acme.post("connectors/", acme.copy(shop, first, name="a"))
    acme.post("connectors/", acme.copy(shop, second, name="a - b"))
    assert len({flow.name for flow in flows(acme)}) == 2
    acme.destination(tmp_path / "y.duckdb", "d - source")
    acme.post("connectors/", acme.copy(shop, first, name="d"))


def test_parts_can_be_changed(acme, tmp_path):
    lake = acme.destination(tmp_path / "a.duckdb")
    number = acme.post("connectors/", pms(acme, lake))["data"]["id"]
    path = f"connectors/{number}"
    before = acme.get(path)
    assert acme.send("PATCH", path, {}) | {"updated_at": 0} == before | {"updated_at": 0}
    after = acme.send("PATCH", path, {"name": "new", "description": "d", "is_active": False})
    assert (after["name"], after["description"], after["is_active"]) == ("new", "d", False)
    assert (after["targets"], after["credentials"]) == (before["targets"], before["credentials"])
    kept = {flow.id for flow in flows(acme)}
    one = before["targets"][0]["entities"][1]
    target = {
        "destination_id": lake,
        "entities": [{"id": one["id"], "entity_timer_id": FIVE, "is_active": False}],
    }
    after = acme.send("PATCH", path, {"targets": [target]})
    ((entity,),) = [found["entities"] for found in after["targets"]]
    assert (entity["id"], entity["is_active"]) == (one["id"], False)
    (flow,) = flows(acme)
    assert flow.id in kept, "what stays keeps its state and history"
    acme.send("PATCH", path, {"credentials": {"token": "other"}})
    assert source_config(acme)["token"] == "other"
    acme.send("PATCH", path, {"credentials": {"token": "••••••••"}})
    assert source_config(acme)["token"] == "other"


def source_config(partner):
    with partner.api.container.store.read() as work:
        (row,) = work.integrations.list(partner.org)
    return partner.api.container.resolve(partner.org, row.connection)[1]


def test_all_can_be_replaced(acme, tmp_path):
    first, second = (acme.destination(tmp_path / f"{name}.duckdb", name) for name in "ab")
    number = acme.post("connectors/", pms(acme, first))["data"]["id"]
    path = f"connectors/{number}"
    body = pms(acme, second, name="moved", credentials={"token": "********"})
    after = acme.send("PUT", path, body)
    assert [target["destination_id"] for target in after["targets"]] == [second]
    assert source_config(acme)["token"] == CANARY
    acme.drop(f"destinations/{first}")
    assert acme.send("PUT", path, {"name": "x"}, 400) == dict.fromkeys(
        ("connector_category_id", "credentials", "targets"), REQUIRED
    )
    other = body | {"connector_category_id": SQLITE}
    assert list(acme.send("PUT", path, other, 400)) == ["connector_category_id"]
    assert list(acme.send("PUT", path, body | {"targets": []}, 400)) == ["targets"]
    assert acme.get(path) == after


def test_a_change_that_is_refused_changes_nothing(acme, tmp_path):
    number = acme.post("connectors/", pms(acme, acme.destination(tmp_path / "a.duckdb")))["data"]["id"]
    before = acme.get(f"connectors/{number}")
    body = {"name": "new", "credentials": {"token": "other"}, "targets": []}
    acme.send("PATCH", f"connectors/{number}", body, 400)
    assert acme.get(f"connectors/{number}") == before
    assert source_config(acme)["token"] == CANARY


def test_it_goes_as_a_whole(acme, tmp_path):
    lake = acme.destination(tmp_path / "a.duckdb")
    before = acme.rows()
    number = acme.post("connectors/", pms(acme, lake))["data"]["id"]
    acme.drop(f"connectors/{number}")
    assert acme.rows() == before
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        body = None if method in ("GET", "DELETE") else pms(acme, lake) if method == "PUT" else {}
        answer = acme.ask(method, f"connectors/{number}", json=body)
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    acme.post("connectors/", pms(acme, lake))


def run(partner, status=None):
    """A run of the first flow, which may be over."""
    from towpath.core.records import Run

    with partner.api.container.store.begin() as work:
        flow = work.flows.list(partner.org)[0]
        row = work.runs.add(partner.org, Run(org=partner.org, flow=flow.id))
        if status:
            error = {
                "type": "AuthError",
                "code": "a.b",
                "message": "No.",
                "hint": "",
                "retryable": False,
                "context": {},
            }
            work.runs.claim(partner.org, row.id)
            work.runs.finish(partner.org, row.id, status, error if status is RunStatus.FAILED else None)


def test_while_it_runs_it_stays(acme, shop, tmp_path):
    number = acme.post("connectors/", acme.copy(shop, acme.destination(tmp_path / "a.duckdb")))["data"]["id"]
    run(acme)
    before = acme.rows()
    answer = acme.ask("DELETE", f"connectors/{number}")
    assert answer.status_code == 409
    assert set(answer.json()) == {"detail"}
    assert acme.rows() == before


def test_its_life_is_told_by_its_latest_runs(acme, shop, tmp_path):
    number = acme.post("connectors/", acme.copy(shop, acme.destination(tmp_path / "a.duckdb")))["data"]["id"]

    def life():
        (row,) = acme.get("connectors/")
        assert acme.get(f"connectors/{number}")["lifecycle_status"] == row["lifecycle_status"]
        return row["lifecycle_status"]

    seen = [life()]
    for status in (RunStatus.CANCELLED, RunStatus.FAILED, RunStatus.SUCCEEDED):
        run(acme, status)
        seen.append(life())
    assert seen == ["CREATION_STARTED", "CREATION_STARTED", "FAILING", "ACTIVE"]
    run(acme, RunStatus.FAILED)
    ((entity,),) = [target["entities"] for target in acme.get(f"connectors/{number}")["targets"]]
    assert (entity["last_run"]["status"], entity["last_run"]["error"]) == ("failed", "No.")


def test_the_secret_is_nowhere_to_be_seen(acme, tmp_path):
    lake = acme.destination(tmp_path / "a.duckdb")
    number = acme.post("connectors/", pms(acme, lake))["data"]["id"]
    assert CANARY not in acme.ask("GET", f"connectors/{number}").text
    with acme.api.container.store.read() as work:
        rows = [
            work.connections.list(acme.org),
            work.audit.list(acme.org),
            work.integrations.list(acme.org),
        ]
        assert CANARY not in repr(rows)


def test_what_is_not_installed_any_more_leaves_its_connectors_behind(tmp_path):
    settings = with_pms(tmp_path / "home")
    with running(settings) as api:
        before = Partner.furnish(api)
        body = pms(before, before.destination(tmp_path / "a.duckdb"))
        number = before.post("connectors/", body)["data"]["id"]
    (settings.home / "connectors" / "pms.yaml").unlink()
    with running(settings) as api:
        later = replace(before, api=api)
        (row,) = later.get("connectors/")
        assert (row["connector_cat"], row["connector_cat_name"]) == (0, "pms")
        assert CANARY not in str(later.get(f"connectors/{number}"))
        later.send("PATCH", f"connectors/{number}", {"targets": body["targets"]}, 400)
        later.send("PATCH", f"connectors/{number}", {"is_active": False})
        later.drop(f"connectors/{number}")
        assert later.get("connectors/") == []


def test_a_switched_off_connector_is_not_due(acme, tmp_path):
    body = pms(acme, acme.destination(tmp_path / "a.duckdb"))
    number = acme.post("connectors/", body)["data"]["id"]

    def due():
        from towpath.core.records import now

        with acme.api.container.store.read() as work:
            return len([flow for flow in work.flows.due(now(), 10_000) if flow.org == acme.org])

    counts = [due()]
    for active in (False, True):
        acme.send("PATCH", f"connectors/{number}", {"is_active": active})
        counts.append(due())
    assert counts == [2, 0, 2]


def test_a_destination_that_only_appends_gets_what_it_can_take(acme):
    form = {"url": "https://a.invalid/"}
    hook = acme.post("destinations/", {"name": "hook", "credential_json": form, "type_adapter": 4})["id"]
    acme.post("connectors/", pms(acme, hook))
    assert {writes.streams[0].mode for _, writes in specs(acme)} == {"append"}


def test_what_the_ends_cannot_do_is_said(acme, shop):
    form = {"url": "https://a.invalid/"}
    hook = acme.post("destinations/", {"name": "hook", "credential_json": form, "type_adapter": 4})["id"]
    before = acme.rows()
    assert acme.post("connectors/", acme.copy(shop, hook), 400) == {
        "targets": [{"entities": [{"id": ["HTTP cannot write with mode overwrite."]}]}]
    }
    assert acme.rows() == before


@pytest.mark.parametrize("value", [None, 5, []])
def test_targets_are_a_list_of_objects(acme, value):
    body = {"name": "x", "connector_category_id": SQLITE, "credentials": {"path": "x"}, "targets": value}
    assert list(acme.post("connectors/", body, 400)) == ["targets"]
