"""What a retry plans: the target of its parent, without its state and without a loss."""

from dataclasses import replace

import pyarrow as pa
import pytest

from towpath.core.model import ReadMode, Selection, Stream, Target, WriteMode
from towpath.engine.planning import retried
from towpath.sdk.testing.memory import connector

_SCHEMA = pa.schema([("id", pa.int64()), ("value", pa.string())])


def origin(mode: WriteMode, key: tuple[str, ...], lineage: str = "flw_1:2"):
    stream = Stream("s", _SCHEMA, primary_key=key)
    selection = Selection(stream, ReadMode.INCREMENTAL, cursor="id", lookback=5)
    target = Target(
        "t", _SCHEMA, mode, "run_1~1", "s", lineage, namespace="n", primary_key=key, partition_by=("value",)
    )
    return selection, target


def plan(selection, target, *modes: WriteMode):
    data = {"selection": selection.to_json(), "target": target.to_json(), "rows": 1}
    return retried(data, "run_2", replace(connector, write_modes=frozenset(modes or WriteMode)))


@pytest.mark.parametrize(
    ("mode", "key", "modes", "then"),
    [
        (WriteMode.APPEND, ("id",), WriteMode, WriteMode.APPEND),
        (WriteMode.UPSERT, ("id",), WriteMode, WriteMode.UPSERT),
        (WriteMode.OVERWRITE, ("id",), WriteMode, WriteMode.UPSERT),
        (WriteMode.OVERWRITE, (), WriteMode, WriteMode.APPEND),
        (WriteMode.OVERWRITE, ("id",), (WriteMode.APPEND, WriteMode.OVERWRITE), WriteMode.APPEND),
    ],
)
def test_what_is_in_the_target_stays(mode, key, modes, then):
    selection, before = origin(mode, key)
    whole, after = plan(selection, before, *modes)
    assert after == replace(before, mode=then, run="run_2", lineage="flw_1:2:retry")
    assert whole == Selection(selection.stream)


def test_all_retries_of_a_flow_are_one_lineage():
    _, after = plan(*origin(WriteMode.APPEND, (), lineage="flw_1:2:retry"))
    assert after.lineage == "flw_1:2:retry"
