"""The HTTP destination against the part of the contract that can hold without staging.

What the receiver got stands for what the target holds. The tests that are switched off ask for staging,
for an atomic commit or for a memory of checkpoints: see the connector's README.
"""

import base64
import datetime as dt
import json
import uuid
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from support.http import endpoint
from towpath.connectors.http import connector
from towpath.connectors.http.config import HttpConfig
from towpath.sdk import guard
from towpath.sdk.guard import AllowedHosts
from towpath.sdk.testing.destinations import DestinationContract

PARSERS = {
    pa.binary(): base64.b64decode,
    pa.uuid(): uuid.UUID,
    pa.date32(): dt.date.fromisoformat,
    pa.time64("us"): dt.time.fromisoformat,
    pa.timestamp("us"): dt.datetime.fromisoformat,
    pa.timestamp("us", "UTC"): lambda text: dt.datetime.fromisoformat(text).astimezone(ZoneInfo("UTC")),
    pa.json_(): lambda value: json.loads(value) if isinstance(value, str) else value,
    pa.float32(): float,
    pa.float64(): float,
}


def parsed(value, kind):
    if value is None:
        return None
    return Decimal(value) if pa.types.is_decimal(kind) else PARSERS.get(kind, lambda same: same)(value)


class TestHttpDestination(DestinationContract):
    connector = connector

    test_nothing_shows_before_the_commit = None
    test_a_run_that_gives_up_leaves_nothing = None
    test_a_failed_run_leaves_the_target_as_it_was = None
    test_the_next_run_sweeps_what_a_dead_one_left = None
    test_a_redone_slice_counts_once = None
    test_a_slice_redone_after_a_crash_counts_once = None
    test_twin_attempts_of_a_slice_count_once = None
    test_a_micro_batch_is_redone_with_other_records_after_a_crash = None
    # A service does not know the shape of what it was sent before.
    test_a_new_column_is_added = None
    test_a_vanished_column_stays_and_reads_null = None
    test_a_type_that_does_not_fit_is_refused = None

    @pytest.fixture
    def config(self):
        guard.configure(AllowedHosts.parse("127.0.0.1"))
        with endpoint() as self.served:
            yield HttpConfig(url=self.served.url + "/in")
        guard.configure(AllowedHosts())

    def read_back(self, config, target):
        types = {field.name: field.type for field in target.schema}
        bodies = [json.loads(asked.body) for asked in self.served.asked if asked.method == "POST"]
        return [
            {name: parsed(value, types[name]) for name, value in row.items()}
            for body in bodies
            for row in body
        ]

    def expected(self, kind, value):
        return json.loads(value) if kind == pa.json_() else value
