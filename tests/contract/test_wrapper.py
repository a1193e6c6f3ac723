"""Wrappers keep the contract of applications, on a real extension server."""

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from support.extension import Server
from support.ports import free_port
from towpath.connectors.wrapper import connector
from towpath.connectors.wrapper.config import WrapperConfig
from towpath.sdk import AuthError, ConfigError, DataError, Outcome, Sending
from towpath.sdk.testing.application import ApplicationContract, ids, numbered
from towpath.sdk.testing.tools import PlainTools

pytestmark = pytest.mark.service("extension")


class TestWrapper(ApplicationContract):
    connector = connector

    @pytest.fixture
    def config(self, extension: Server) -> WrapperConfig:
        return self.at(extension, "open sesame")

    @pytest.fixture(autouse=True)
    def server(self, extension: Server) -> None:
        self.extension = extension

    def at(self, server: Server, password: str) -> WrapperConfig:
        return WrapperConfig.model_validate(
            {
                **server.config(max_attempts=1),
                "ping_function": "ping",
                "encrypted": {"password": password},
                "unencrypted": {"place": uuid.uuid4().hex},
            }
        )

    def dead(self, config: WrapperConfig) -> WrapperConfig:
        server = config.server.model_copy(update={"host_uri": f"http://127.0.0.1:{free_port()}"})
        return config.model_copy(update={"server": server})

    def fill(self, config: WrapperConfig, records: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        self.extension.fill(config.unencrypted["place"], records)
        return {"function": "read"}

    def writing(self, config: WrapperConfig) -> Mapping[str, Any]:
        return {"function": "write"}

    def written(self, config: WrapperConfig) -> Sequence[Mapping[str, Any]]:
        return self.extension.written(config.unencrypted["place"])

    def refused(self, number: int) -> Mapping[str, Any]:
        return {"id": number, "status": "refuse"}

    # ── what only wrappers do ────────────────────────────────────────────────────────────────────

    def test_the_ping_function_says_whether_it_works(self, config):
        refused = config.model_copy(update={"encrypted": self.at(self.extension, "wrong").encrypted})
        with self.open(refused) as application, pytest.raises(AuthError, match="wrong password"):
            application.check()

    def test_a_wrapper_needs_a_stack(self, config):
        with pytest.raises(ConfigError) as caught, self.open(config.model_copy(update={"server": None})):
            pass
        assert caught.value.context["field"] == "stack"

    def told(self, config, tools, request, **more) -> dict[str, Any]:
        with self.open(config) as application:
            request = self.reading_of({"function": "told", **request})
            [page] = application.pages(request, 10, tools, **more)
        return page.records[0]

    def test_what_export_functions_are_told(self, config, tmp_path):
        words = {
            "export": {"id": "exp_01K3V0Q8W6Z5D1N4YB2M7RXT9C"},
            "flow": {"id": "flo_01K3V0Q8W6Z5D1N4YB2M7RXT9C"},
            "connection": {"_id": "5f0000000000000000000003"},
            "settings": {"a": 1},
            "lastExportDateTime": "2026-01-01T00:00:00.250Z",
        }
        tools = PlainTools(tmp_path, words=words, debugging=True)
        request = {"type": "delta", "date_field": "changed", "configuration": {"b": 2}}
        told = self.told(config, tools, request)
        assert told == {
            "bearerToken": "one-time-token",
            "_exportId": "0198f60ba386f95a1a93cb15",
            "_connectionId": "5f0000000000000000000003",
            "_flowId": "0198f60ba386f95a1a93cb15",
            "_integrationId": None,
            "_parentIntegrationId": None,
            "settings": {"a": 1},
            "testMode": False,
            "configuration": {"b": 2},
            "type": "delta",
            "delta": {"dateField": "changed", "lastExecutionTime": 1767225600250},
            "connection": {"encrypted": {"password": "open sesame"}, "unencrypted": config.unencrypted},
        }
        assert [what for what, _ in tools.notes] == ["request", "response"]
        assert "open sesame" not in json.dumps(tools.notes[0])
        [heard] = self.extension.heard()
        assert (heard["type"], heard["diy"]) == ("wrapper", True)

    def test_the_other_types_of_exports(self, config, tools):
        assert self.told(config, tools, {"type": "once", "boolean_field": "sent"})["once"] == {
            "booleanField": "sent"
        }
        assert self.told(config, tools, {"type": "test", "limit": 3})["test"] == {"limit": 3}
        first = self.told(config, tools, {"type": "delta", "date_field": "changed"})
        assert first["delta"]["lastExecutionTime"] == 0
        assert "data" not in first
        assert self.told(config, tools, {}, record={"id": 1})["data"] == [{"id": 1}]

    def test_long_answers_are_cut_into_pages_that_can_be_resumed(self, config, tools):
        self.fill(config, numbered(25))
        pages = self.pages(config, {"function": "all"}, tools)
        assert ids(pages) == list(range(25))
        assert [len(page.failures) for page in pages] == [1, 0, 0]
        assert pages[0].failures[0].code == "torn"
        assert ids(self.pages(config, {"function": "all"}, tools, pages[1].after)) == list(range(20, 25))

    def test_functions_that_never_end_are_ended(self, config, tools):
        with self.open(config) as application, pytest.raises(DataError) as caught:
            list(application.pages(self.reading_of({"function": "forgets"}), 10, tools))
        assert caught.value.code == "wrapper.loop"
        assert len(self.extension.heard()) == 6

    def test_a_connection_that_went_offline_while_it_was_read(self, config, tools):
        with self.open(config) as application:
            pages = application.pages(self.reading_of({"function": "offline"}), 10, tools)
            assert ids([next(pages)]) == [1]
            with pytest.raises(AuthError):
                next(pages)

    def test_answers_of_a_wrong_shape(self, config, tools):
        with self.open(config) as application:
            with pytest.raises(DataError) as caught:
                list(application.pages(self.reading_of({"function": "shapeless"}), 10, tools))
            assert caught.value.code == "extension.bad_answer"
            write = self.writing_of({"function": "short"})
            with pytest.raises(DataError, match="0 results for 1 records") as caught:
                application.send(write, [Sending(data={}, record={})], tools)
            assert caught.value.code == "extension.bad_answer"

    def test_outcomes_of_every_kind(self, config, tools):
        kinds = ("", "partly", "ignore", "refuse", "offline")
        records = [{"id": number, "status": kind} for number, kind in enumerate(kinds)]
        with self.open(config) as application:
            sendings = [Sending(data=one | {"mapped": True}, record=one) for one in records]
            outcomes = application.send(self.writing_of({"function": "write"}), sendings, tools)
        assert [one.status for one in outcomes] == [200, 200, 200, 422, 401]
        assert [one.ignored for one in outcomes] == [False, False, True, False, False]
        assert [[error.source for error in one.errors] for one in outcomes] == [
            [],
            ["application"],
            [],
            ["application"],
            ["connection"],
        ]
        assert outcomes[0] == Outcome(status=200, id="0", json={"stored": True}, errors=[])
        assert self.written(config)[0] == {**records[0], "mapped": True, "before": records[0]}

    def test_lookups_are_read_for_a_record(self, config, tools):
        self.fill(config, [{"id": 7, "name": "a"}, {"id": 8}])
        with self.open(config) as application:
            assert application.look({"function": "read", "extract": "name"}, {"id": 1}, tools) == ["a"]
            assert len(application.look({"function": "read"}, {"id": 1}, tools)) == 2
            with pytest.raises(ConfigError):
                application.look({"name": "nothing"}, {"id": 1}, tools)
            assert application.read_back(self.reading_of({"function": "read"}), [{}, {}], tools) == [None] * 2
