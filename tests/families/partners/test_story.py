"""The session of the README ends with rows."""

import duckdb

from support.readme import pasted, session


def test_the_session_in_the_readme_works_as_pasted(towpath, tmp_path):
    with towpath.serving() as (url, _):
        printed = pasted(towpath, session("Build connectors by API"), url, tmp_path)
    assert '"lifecycle_status":"ACTIVE"' in printed
    with duckdb.connect(str(tmp_path / "lake.duckdb"), read_only=True) as lake:
        assert lake.execute("SELECT * FROM orders ORDER BY id").fetchall() == [(1, 9.5), (2, 12.25)]
