"""Bundles lose no error, mix no runs and keep their limits."""

from hypothesis import given
from hypothesis import strategies as st

from towpath.core.records import RecordError
from towpath.services.documents import bundles


def error(run: int, size: int) -> RecordError:
    record = {"text": "x" * size}
    return RecordError(
        org="o", run=f"run{run}", flow=f"flow{run}", stream="s", code="c", message="m", record=record
    )


@given(st.lists(st.builds(error, st.integers(0, 3), st.integers(0, 60)), max_size=60))
def test_every_error_is_in_one_bundle_of_its_run(errors):
    most = bundles.MOST_RECORDS, bundles.MOST_BYTES
    bundles.MOST_RECORDS, bundles.MOST_BYTES = 5, 100
    try:
        made = list(bundles.bundled(iter(errors)))
    finally:
        bundles.MOST_RECORDS, bundles.MOST_BYTES = most
    assert sorted(id for bundle in made for id in bundle.ids) == sorted(one.id for one in errors)
    known = {one.id: one for one in errors}
    for bundle in made:
        assert {(known[id].run, known[id].flow) for id in bundle.ids} == {(bundle.run, bundle.flow)}
        assert len(bundle.ids) == 1 or (len(bundle.ids) <= 5 and bundle.bytes <= 100)
