"""``/api/v2/connectors/``: made as a whole, changed as a whole, gone as a whole."""

from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

import pytest

from support.api import running, settings_of
from towpath.core.flows import Every
from towpath.core.records import RunStatus

from .conftest import FIVE, NO_OBJECT, NOT_FOUND, SQLITE, TEN, Partner

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


def test_one_flow_for_each_destination_and_entity(hotel, tmp_path):
    lakes = [hotel.destination(tmp_path / f"{name}.duckdb", name) for name in ("a", "b")]
    answer = hotel.post("connectors/", pms(hotel, *lakes))
    assert answer == {
        "success": True,
        "data": {
            "id": 1,
            "name": "guests",
            "description": "",
            "lifecycle_status": "CREATION_STARTED",
            "is_active": True,
            "connector_cat": pms(hotel)["connector_category_id"],
            "connector_cat_name": "Test PMS",
            "icon": "icons/cat_connectors/pms.svg",
        },
    }
    assert hotel.get("connectors/") == [answer["data"]]
    made = flows(hotel)
    assert len({flow.name for flow in made}) == 4
    assert {flow.schedule for flow in made} == {Every(every=300)}
    assert all(flow.enabled and flow.next_due <= flow.updated_at for flow in made), "due at once"
    for reads, writes in specs(hotel):
        (read,), (write,) = reads.streams, writes.streams
        assert write.target == read.name
        assert (read.mode, read.cursor) == {
            "listings": ("full_refresh", None),
            "reservations": ("incremental", "updated_at"),
        }[read.name]
        # What is new is upserted by its key; what is read as a whole replaces what was there.
        assert write.mode is None


def test_an_inactive_entity_has_a_flow_that_waits(hotel, tmp_path):
    body = pms(hotel, hotel.destination(tmp_path / "a.duckdb"))
    body["targets"][0]["entities"][0]["is_active"] = False
    number = hotel.post("connectors/", body)["data"]["id"]
    assert sorted((flow.enabled, flow.next_due is None) for flow in flows(hotel)) == [
        (False, True),
        (True, False),
    ]
    (target,) = hotel.get(f"connectors/{number}")["targets"]
    assert [entity["is_active"] for entity in target["entities"]] == [False, True]


def test_one_can_be_looked_at(hotel, tmp_path):
    lake = hotel.destination(tmp_path / "a.duckdb")
    number = hotel.post("connectors/", pms(hotel, lake, description="Of the house"))["data"]["id"]
    found = hotel.get(f"connectors/{number}")
    assert found["description"] == "Of the house"
    assert found["credentials"] == {"token": "********"}
    (target,) = found["targets"]
    assert target["destination_id"] == lake
    assert {entity["table"] for entity in target["entities"]} == {"listings", "reservations"}
    assert {entity["last_run"] for entity in target["entities"]} == {None}


def test_every_number_and_value_is_checked(hotel, tmp_path):
    lake = hotel.destination(tmp_path / "a.duckdb")
    before = hotel.rows()
    good = pms(hotel, lake)
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
        assert hotel.post("connectors/", body, 400) == answer
        assert hotel.rows() == before, "nothing half-created"
    hotel.post("connectors/", good)


def test_of_one_name_there_is_one(hotel, tmp_path):
    lake = hotel.destination(tmp_path / "a.duckdb")
    hotel.post("connectors/", pms(hotel, lake))
    before = hotel.rows()
    taken = {"name": ["connector with this name already exists."]}
    assert hotel.post("connectors/", pms(hotel, lake), 400) == taken
    second = hotel.post("connectors/", pms(hotel, lake, name="other"))["data"]["id"]
    assert hotel.send("PATCH", f"connectors/{second}", {"name": "guests"}, 400) == taken
    hotel.drop(f"connectors/{second}")
    assert hotel.rows() == before


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


def test_customers_that_share_a_destination_have_tables_of_their_own(hotel, tmp_path):
    lake = hotel.destination(tmp_path / "a.duckdb")
    tables = []
    for name in ("first", "second"):
        number = hotel.post("connectors/", pms(hotel, lake, name=name))["data"]["id"]
        (target,) = hotel.get(f"connectors/{number}")["targets"]
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


def test_parts_can_be_changed(hotel, tmp_path):
    lake = hotel.destination(tmp_path / "a.duckdb")
    number = hotel.post("connectors/", pms(hotel, lake))["data"]["id"]
    path = f"connectors/{number}"
    before = hotel.get(path)
    assert hotel.send("PATCH", path, {}) | {"updated_at": 0} == before | {"updated_at": 0}
    after = hotel.send("PATCH", path, {"name": "new", "description": "d", "is_active": False})
    assert (after["name"], after["description"], after["is_active"]) == ("new", "d", False)
    assert (after["targets"], after["credentials"]) == (before["targets"], before["credentials"])
    kept = {flow.id for flow in flows(hotel)}
    one = before["targets"][0]["entities"][1]
    target = {
        "destination_id": lake,
        "entities": [{"id": one["id"], "entity_timer_id": FIVE, "is_active": False}],
    }
    after = hotel.send("PATCH", path, {"targets": [target]})
    ((entity,),) = [found["entities"] for found in after["targets"]]
    assert (entity["id"], entity["is_active"]) == (one["id"], False)
    (flow,) = flows(hotel)
    assert flow.id in kept, "what stays keeps its state and history"
    hotel.send("PATCH", path, {"credentials": {"token": "other"}})
    assert source_config(hotel)["token"] == "other"
    hotel.send("PATCH", path, {"credentials": {"token": "••••••••"}})
    assert source_config(hotel)["token"] == "other"


def source_config(partner):
    with partner.api.container.store.read() as work:
        (row,) = work.integrations.list(partner.org)
    return partner.api.container.resolve(partner.org, row.connection)[1]


def test_all_can_be_replaced(hotel, tmp_path):
    first, second = (hotel.destination(tmp_path / f"{name}.duckdb", name) for name in "ab")
    number = hotel.post("connectors/", pms(hotel, first))["data"]["id"]
    path = f"connectors/{number}"
    body = pms(hotel, second, name="moved", credentials={"token": "********"})
    after = hotel.send("PUT", path, body)
    assert [target["destination_id"] for target in after["targets"]] == [second]
    assert source_config(hotel)["token"] == CANARY
    hotel.drop(f"destinations/{first}")
    assert hotel.send("PUT", path, {"name": "x"}, 400) == dict.fromkeys(
        ("connector_category_id", "credentials", "targets"), REQUIRED
    )
    other = body | {"connector_category_id": SQLITE}
    assert list(hotel.send("PUT", path, other, 400)) == ["connector_category_id"]
    assert list(hotel.send("PUT", path, body | {"targets": []}, 400)) == ["targets"]
    assert hotel.get(path) == after


def test_a_change_that_is_refused_changes_nothing(hotel, tmp_path):
    number = hotel.post("connectors/", pms(hotel, hotel.destination(tmp_path / "a.duckdb")))["data"]["id"]
    before = hotel.get(f"connectors/{number}")
    body = {"name": "new", "credentials": {"token": "other"}, "targets": []}
    hotel.send("PATCH", f"connectors/{number}", body, 400)
    assert hotel.get(f"connectors/{number}") == before
    assert source_config(hotel)["token"] == CANARY


def test_it_goes_as_a_whole(hotel, tmp_path):
    lake = hotel.destination(tmp_path / "a.duckdb")
    before = hotel.rows()
    number = hotel.post("connectors/", pms(hotel, lake))["data"]["id"]
    hotel.drop(f"connectors/{number}")
    assert hotel.rows() == before
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        body = None if method in ("GET", "DELETE") else pms(hotel, lake) if method == "PUT" else {}
        answer = hotel.ask(method, f"connectors/{number}", json=body)
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    hotel.post("connectors/", pms(hotel, lake))


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


def test_the_secret_is_nowhere_to_be_seen(hotel, tmp_path):
    lake = hotel.destination(tmp_path / "a.duckdb")
    number = hotel.post("connectors/", pms(hotel, lake))["data"]["id"]
    assert CANARY not in hotel.ask("GET", f"connectors/{number}").text
    with hotel.api.container.store.read() as work:
        rows = [
            work.connections.list(hotel.org),
            work.audit.list(hotel.org),
            work.integrations.list(hotel.org),
        ]
        assert CANARY not in repr(rows)


def test_what_is_not_installed_any_more_leaves_its_connectors_behind(hotel, tmp_path):
    body = pms(hotel, hotel.destination(tmp_path / "a.duckdb"))
    number = hotel.post("connectors/", body)["data"]["id"]
    home = hotel.api.container.settings.home
    (home / "connectors" / "pms.yaml").unlink()
    with running(settings_of(home)) as api:
        later = Partner(api, hotel.org, hotel.key, hotel.secret, hotel.token)
        (row,) = later.get("connectors/")
        assert (row["connector_cat"], row["connector_cat_name"]) == (0, "pms")
        assert CANARY not in str(later.get(f"connectors/{number}"))
        later.send("PATCH", f"connectors/{number}", {"targets": body["targets"]}, 400)
        later.send("PATCH", f"connectors/{number}", {"is_active": False})
        later.drop(f"connectors/{number}")
        assert later.get("connectors/") == []


def test_a_switched_off_connector_is_not_due(hotel, tmp_path):
    body = pms(hotel, hotel.destination(tmp_path / "a.duckdb"))
    number = hotel.post("connectors/", body)["data"]["id"]

    def due():
        from towpath.core.records import now

        with hotel.api.container.store.read() as work:
            return len(work.flows.due(now()))

    counts = [due()]
    for active in (False, True):
        hotel.send("PATCH", f"connectors/{number}", {"is_active": active})
        counts.append(due())
    assert counts == [2, 0, 2]


def test_a_destination_that_only_appends_gets_what_it_can_take(hotel):
    form = {"url": "https://a.invalid/"}
    hook = hotel.post("destinations/", {"name": "hook", "credential_json": form, "type_adapter": 4})["id"]
    hotel.post("connectors/", pms(hotel, hook))
    assert {writes.streams[0].mode for _, writes in specs(hotel)} == {"append"}


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
