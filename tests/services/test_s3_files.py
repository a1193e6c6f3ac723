"""File connectors on a real S3 server: keys, buckets, dead ends, and commits without a rename."""

import socket
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from support.files import by_repr, read_all, run, stage, target_of
from support.s3 import S3
from towpath.connectors.csv import connector as csv
from towpath.connectors.csv.config import CsvConfig
from towpath.connectors.jsonl import connector as jsonl
from towpath.connectors.jsonl.config import JsonlConfig
from towpath.connectors.parquet import connector as parquet
from towpath.connectors.parquet.config import ParquetConfig
from towpath.connectors.parquet.destination import ParquetDestination
from towpath.connectors.parquet.source import ParquetSource
from towpath.sdk import (
    AuthError,
    Checkpoint,
    ConfigError,
    ConflictError,
    Selection,
    TowpathError,
    UnreachableError,
    WriteMode,
)
from towpath.sdk.files import manifest, show
from towpath.sdk.files.place import Place

pytestmark = pytest.mark.service("s3")
OLD = pa.table({"id": [1, 2, 3], "v": ["a", "b", "c"]})
NEW = pa.table({"id": [4, 5], "v": ["d", "e"]})


@pytest.fixture
def config(s3: S3) -> ParquetConfig:
    return ParquetConfig(**s3.config())


@pytest.fixture
def destination(config: ParquetConfig) -> Iterator[ParquetDestination]:
    with ParquetDestination(config) as destination:
        yield destination


def keys(s3: S3, config: ParquetConfig) -> list[str]:
    """What is in the bucket, seen by another client."""
    client = s3.client()
    bucket = config.path.split("/")[2]
    found = client.list_objects_v2(Bucket=bucket).get("Contents", [])
    client.close()
    return [one["Key"] for one in found if one["Size"]]


@pytest.mark.parametrize(
    ("changes", "kind", "code"),
    [
        ({"secret_key": "wrong"}, AuthError, "connection.auth_failed"),
        ({"access_key": "AKIANOBODY"}, AuthError, "connection.auth_failed"),
        ({"path": "s3://no-such-bucket-here/x"}, ConfigError, "bucket.not_found"),
    ],
)
def test_refusals_say_why(s3: S3, changes: dict[str, str], kind: type[TowpathError], code: str):
    config = ParquetConfig(**s3.config(**changes))
    for opened in (ParquetDestination(config), ParquetSource(config)):
        with pytest.raises(kind) as caught:
            opened.check()
        assert caught.value.code == code
        assert caught.value.hint
        assert s3.secret_key not in str(caught.value.to_json())


def test_a_dead_endpoint_is_told_and_may_be_tried_again(s3: S3):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{probe.getsockname()[1]}"
        with pytest.raises(UnreachableError) as caught:
            ParquetSource(ParquetConfig(**s3.config(endpoint=endpoint))).check()
    assert caught.value.code == "connection.refused"
    assert caught.value.retryable


def test_tls_to_a_plain_port_is_told(s3: S3):
    config = ParquetConfig(**s3.config(endpoint=s3.endpoint.replace("http:", "https:")))
    with pytest.raises(UnreachableError) as caught:
        ParquetSource(config).check()
    assert caught.value.code == "connection.tls"


def test_the_layout_in_the_bucket(s3: S3, config: ParquetConfig, destination: ParquetDestination):
    target = target_of(OLD, partition_by=("v",))
    destination.prepare(target)
    receipt = stage(destination, target, OLD)
    assert all(key.startswith("lake/_towpath/people/staging/") for key in keys(s3, config))
    assert all(key.endswith(".parquet.part") for key in keys(s3, config))
    destination.commit(target, [receipt], Checkpoint("run_01", 1, None))
    destination.discard(target)
    found = keys(s3, config)
    assert [key.rpartition("/")[0] for key in found] == [
        "lake/people/_manifest",
        "lake/people/v=a",
        "lake/people/v=b",
        "lake/people/v=c",
    ]


@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.OVERWRITE, WriteMode.UPSERT])
def test_a_commit_killed_before_its_files_moved(
    config: ParquetConfig, destination: ParquetDestination, monkeypatch: pytest.MonkeyPatch, mode: WriteMode
):
    """The manifest is the commit: readers find the files where they are, the next visitor moves them."""
    key = ("id",)
    run(destination, target_of(OLD, mode=mode, primary_key=key), OLD.slice(0, 1), OLD.slice(1))
    target = target_of(NEW, mode=mode, run="run_02", primary_key=key)
    destination.prepare(target)
    receipts = [stage(destination, target, NEW.slice(at, 1), f"s{at}") for at in range(2)]
    wanted = by_repr((NEW if mode is WriteMode.OVERWRITE else pa.concat_tables([OLD, NEW])).to_pylist())
    moves = [0]
    move = Place.move

    def dies(place: Place, path: str, to: str) -> None:
        moves[0] += 1
        if moves[0] > 1:
            raise KeyboardInterrupt
        move(place, path, to)

    with monkeypatch.context() as patch:
        patch.setattr(Place, "move", dies)
        with pytest.raises(KeyboardInterrupt):
            destination.commit(target, receipts, Checkpoint("run_02", 1, None))
    assert destination.committed(target) == Checkpoint("run_02", 1, None)
    assert by_repr(read_all(parquet, config)) == wanted
    destination.discard(target)
    assert by_repr(read_all(parquet, config)) == wanted
    visible = {found.path for found in destination.place.files("people")}
    current = manifest.latest(destination.place, "people")
    assert current is not None
    assert {f"people/{file.path}" for file in current.files} == {
        path for path in visible if "_manifest" not in path
    }


def test_a_reader_in_flight_reads_its_version_to_the_end(
    config: ParquetConfig, destination: ParquetDestination
):
    run(destination, target_of(OLD), OLD)
    with ParquetSource(config) as source:
        [stream] = source.discover()
        plan = source.plan(Selection(stream), None)
        run(destination, target_of(NEW, run="run_02"), NEW)
        found = [
            row for batch in source.read(Selection(stream), plan.slices[0], None) for row in batch.records
        ]
    assert found == OLD.to_pylist()


def test_retired_files_go_after_their_grace(
    s3: S3, config: ParquetConfig, destination: ParquetDestination, monkeypatch: pytest.MonkeyPatch
):
    run(destination, target_of(OLD), OLD)
    run(destination, target_of(NEW, run="run_02"), NEW)
    assert [key for key in keys(s3, config) if key.endswith(".old")]
    monkeypatch.setattr(show, "GRACE_SECONDS", -1)
    destination.prepare(target_of(NEW, run="run_03"))
    assert not [key for key in keys(s3, config) if key.endswith(".old")]


def test_a_manifest_that_is_there_is_not_overwritten(config: ParquetConfig):
    place = Place(config)
    place.publish("x/_manifest/000001.json", b"one")
    with pytest.raises(ConflictError):
        place.publish("x/_manifest/000001.json", b"two")
    assert place.read("x/_manifest/000001.json") == b"one"


@pytest.mark.parametrize(("connector", "settings"), [(csv, CsvConfig), (jsonl, JsonlConfig)])
@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_text_files_on_s3(s3: S3, connector: Any, settings: Any, compression: str):
    config = settings(**s3.config(compression=compression))
    with connector.destination(config) as destination:
        run(destination, target_of(OLD), OLD)
        run(destination, target_of(NEW, mode=WriteMode.APPEND, run="run_02"), NEW)
    assert by_repr(read_all(connector, config)) == by_repr(pa.concat_tables([OLD, NEW]).to_pylist())


def test_large_files_go_in_parts(config: ParquetConfig, destination: ParquetDestination):
    """More than one part of a multipart upload, and a server-side copy of it."""
    table = pa.table({"id": range(2_000_000)})
    run(destination, target_of(table), table)
    assert sum(row["id"] for row in read_all(parquet, config)) == sum(range(2_000_000))
