"""Questions about lists are asked in such a way that SQLite finds the answer by an index."""

from contextlib import closing

import pytest
from sqlalchemy import create_engine
from sqlalchemy.dialects import sqlite

from towpath.store.accounts import _BY_DIGESTS
from towpath.store.lending import _LENDABLE
from towpath.store.tables import metadata


@pytest.mark.parametrize(
    ("question", "found"),
    [(_BY_DIGESTS, "keys USING INDEX"), (_LENDABLE, "ix_grants_org_instance (org=? AND instance=?)")],
    ids=["keys", "grants"],
)
def test_what_is_granted_is_not_searched_row_by_row(question, found):
    compiled = question.compile(dialect=sqlite.dialect())
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with closing(engine.raw_connection()) as database:
        values = ["[]"] * len(compiled.positiontup)
        plan = database.cursor().execute(f"EXPLAIN QUERY PLAN {compiled}", values).fetchall()
    engine.dispose()
    assert found in " ".join(step for *_, step in plan)
