"""The HTTP API connector keeps the promises of an application, for each way of paging."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from support.orders import TOKEN, OrderShop, by_query, order_shop
from support.ports import free_port
from towpath.connectors.rest_api import connector
from towpath.connectors.rest_api.config import RestConfig
from towpath.sdk.testing.application import ApplicationContract


class TestRestApi(ApplicationContract):
    connector = connector

    @pytest.fixture
    def shop(self) -> Iterator[OrderShop]:
        with order_shop() as shop:
            shop.allows = by_query("key", TOKEN)
            yield shop

    @pytest.fixture
    def config(self, shop: OrderShop) -> RestConfig:
        self.shop = shop
        auth = {"type": "token", "token": TOKEN, "location": "url", "param_name": "key"}
        return RestConfig.model_validate({"base_uri": shop.url, "auth": auth})

    def dead(self, config: RestConfig) -> RestConfig:
        return config.model_copy(update={"base_uri": f"http://127.0.0.1:{free_port()}"})

    def fill(self, config: Any, records: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        self.shop.orders = [dict(record) for record in records]
        # The links of this way repeat the whole query, with the token in it.
        paging = {"method": "linkheader"}
        return {"relative_uri": "/pages/link?size=15", "resource_path": "orders", "paging": paging}

    def writing(self, config: Any) -> Mapping[str, Any]:
        return {"relative_uri": "/customers", "max_attempts": 1}

    def written(self, config: Any) -> Sequence[Mapping[str, Any]]:
        return list(self.shop.customers.values())

    def refused(self, number: int) -> Mapping[str, Any]:
        return {"id": number, "name": "refuse me"}


class TestPagesByNumber(TestRestApi):
    writes = False

    def fill(self, config: Any, records: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        self.shop.orders = [dict(record) for record in records]
        paging = {"method": "page", "argument": "page"}
        return {"relative_uri": "/pages/page?size=25", "resource_path": "orders", "paging": paging}
