"""The text that digests are made of is the same as ever, whichever way it is written."""

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from towpath.store.audit_digest import canonical, is_plain
from towpath.store.types import from_json, to_json

texts = st.text(st.characters(exclude_categories=[]))
values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
rows = st.fixed_dictionaries(
    {
        "seq": st.integers(min_value=1),
        "object": texts,
        "address": st.none() | texts,
        "detail": st.dictionaries(texts, values | st.lists(values, max_size=2), max_size=4),
        "created_at": st.just(datetime(2026, 1, 2, tzinfo=UTC).isoformat(timespec="microseconds")),
    }
)


@given(rows)
def test_the_canonical_text_is_what_it_was_defined_to_be(row):
    assert canonical(row) == json.dumps(row, sort_keys=True, separators=(",", ":")).encode()


@given(st.dictionaries(texts, values, max_size=4))
def test_plain_details_are_stored_as_they_are(detail):
    if is_plain(detail):
        assert repr(from_json(to_json(detail))) == repr(detail)
