"""The connectors of the catalogue against servers of the shape that the real systems have."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from support.pms import Pms, guest, listing, reservation, too_many
from support.shop import Shop, order
from towpath.sdk import AuthError, ReadMode, Selection, State
from towpath.sdk.registry import Registry, parse_config

UTC = dt.UTC


def opened(name: str, **config: Any) -> Any:
    connector = Registry.installed().get(name)
    assert connector.source is not None
    return connector.source(parse_config(connector, config))


def guesty(pms: Pms, **more: Any) -> Any:
    return opened("guesty_enterprise", **{"integration_token": pms.token, "base_url": pms.url} | more)


def woocommerce(shop: Shop, **more: Any) -> Any:
    keys = {"consumer_key": shop.key, "consumer_secret": shop.secret}
    return opened("woocommerce", **{"store_url": shop.url} | keys | more)


def read(
    source: Any, name: str, cursor: str | None = None, state: State | None = None
) -> tuple[list[dict[str, Any]], State | None]:
    stream = next(stream for stream in source.discover() if stream.name == name)
    mode = ReadMode.INCREMENTAL if cursor else ReadMode.FULL_REFRESH
    selection = Selection(stream, mode, cursor=cursor)
    batches = list(source.read(selection, source.plan(selection, state).slices[0], state))
    rows = [row for batch in batches for row in batch.records]
    return rows, batches[-1].state if batches else state


# ── Guesty ────────────────────────────────────────────────────────────────────────────────────────


def test_guesty_is_what_partners_know() -> None:
    connector = Registry.installed().get("guesty_enterprise")
    assert (connector.title, connector.tags) == ("Guesty Enterprise", ("Hospitality", "PMS"))
    entities = {stream.name: stream.intervals for stream in connector.streams}
    assert entities["guesty_reservations"] == entities["guesty_listing"] == (300, 600)
    form = connector.config.model_json_schema()
    assert form["required"] == ["integration_token"]
    token = form["properties"]["integration_token"]
    assert (token["title"], token["placeholder"]) == ("Integration Token", "Enter your Integration Token")


def test_reservations_with_their_types(pms: Pms) -> None:
    with guesty(pms) as source:
        assert source.check().startswith("Guesty Enterprise at 127.0.0.1")
        rows, _ = read(source, "guesty_reservations")
    assert len(rows) == 250
    assert rows[0] == reservation(0) | {
        "checkIn": dt.datetime(2026, 7, 1, 15, tzinfo=UTC),
        "checkOut": dt.datetime(2026, 7, 5, 10, tzinfo=UTC),
        "checkInDateLocalized": dt.date(2026, 7, 1),
        "checkOutDateLocalized": dt.date(2026, 7, 5),
        "createdAt": dt.datetime(2025, 12, 31, tzinfo=UTC),
        "lastUpdatedAt": dt.datetime(2026, 1, 1, tzinfo=UTC),
        "guest": '{"_id":"700000000000000000000000","fullName":"Guest 0"}',
        "money": '{"currency":"EUR","fareAccommodation":480.4,"invoiceItems":[{"amount":480.4}]}',
        "integration": None,
        "_other": None,
    }


def test_listings_and_guests(pms: Pms) -> None:
    pms.add("listings", listing(77) | {"picture": {"large": "x"}, "bedrooms": None})
    with guesty(pms) as source:
        listings, _ = read(source, "guesty_listing")
        guests, _ = read(source, "guesty_guests")
    assert [row["_id"] for row in guests] == [guest(n)["_id"] for n in range(7)]
    assert len(listings) == 4
    assert listings[-1]["_other"] == '{"picture":{"large":"x"}}'
    assert listings[0]["bathrooms"] == 1.5


def test_only_what_was_changed_comes_the_second_time(pms: Pms) -> None:
    with guesty(pms) as source:
        rows, state = read(source, "guesty_reservations", "lastUpdatedAt")
        assert len(rows) == 250
        assert read(source, "guesty_reservations", "lastUpdatedAt", state)[0] == []
        pms.change(
            "reservations", reservation(3)["_id"], status="closed", lastUpdatedAt="2026-02-01T00:00:00.001Z"
        )
        # Made late, within the very moment of the last one that was read.
        pms.add("reservations", reservation(900, "2026-01-11T09:00:00.000Z"))
        pms.add("reservations", reservation(901, "2026-02-01T00:00:00.002Z"))
        rows, state = read(source, "guesty_reservations", "lastUpdatedAt", state)
        assert sorted(row["confirmationCode"] for row in rows) == ["HM000003", "HM000900", "HM000901"]
        assert read(source, "guesty_reservations", "lastUpdatedAt", state)[0] == []


def test_a_busy_pms_is_waited_for(pms: Pms) -> None:
    with guesty(pms) as source:
        pms.faults = [too_many(), "reset", too_many()]
        assert len(read(source, "guesty_guests")[0]) == 7


def test_a_wrong_token(pms: Pms) -> None:
    with guesty(pms, integration_token="wrong-canary") as source:
        with pytest.raises(AuthError, match="401") as caught:
            source.check()
        with pytest.raises(AuthError, match="401"):
            read(source, "guesty_guests")
    assert "wrong-canary" not in str(caught.value.to_json())


# ── WooCommerce ───────────────────────────────────────────────────────────────────────────────────


def test_orders_with_their_types(shop: Shop) -> None:
    with woocommerce(shop) as source:
        assert source.check().startswith("WooCommerce at 127.0.0.1")
        rows, _ = read(source, "orders")
    assert [row["id"] for row in rows] == list(range(1, 231))
    assert rows[7]["total"] == Decimal("8.08")
    assert rows[7]["date_modified_gmt"] == dt.datetime.fromisoformat("2026-01-01T08:00:00")
    assert rows[7]["_other"] == '{"meta_data":[]}'


def test_orders_that_were_changed_come_again(shop: Shop) -> None:
    with woocommerce(shop) as source:
        rows, state = read(source, "orders", "date_modified_gmt")
        assert len(rows) == 230
        # The shop leaves out what was changed at the very second that is asked for.
        shop.add("orders", order(300, "2026-01-10T14:00:00"))
        shop.change("orders", 5, status="refunded", date_modified_gmt="2026-01-11T00:00:00")
        rows, state = read(source, "orders", "date_modified_gmt", state)
        assert [(row["id"], row["status"]) for row in rows] == [(5, "refunded"), (300, "refunded")]
        assert read(source, "orders", "date_modified_gmt", state)[0] == []


def test_products_and_customers(shop: Shop) -> None:
    with woocommerce(shop) as source:
        products, _ = read(source, "products", "date_modified_gmt")
        customers, _ = read(source, "customers")
    assert len(products) == 12
    assert products[0]["sale_price"] == ""
    assert len(customers) == 5
    assert customers[0]["date_modified_gmt"] is None


def test_a_shop_that_names_another_host_gets_no_keys_there(shop: Shop) -> None:
    shop.elsewhere = "http://127.0.0.2:9"
    with woocommerce(shop) as source, pytest.raises(Exception, match="it is not asked") as caught:
        read(source, "orders")
    assert getattr(caught.value, "code", "") == "answer.foreign_link"
