"""The session of the README ends with rows."""

import pyarrow.parquet as pq

from support.readme import pasted, session


def test_the_session_in_the_readme_works_as_pasted(towpath, tmp_path):
    with towpath.serving() as (url, _):
        printed = pasted(towpath, session("Speak to a console"), url, tmp_path)
    assert "event: status" in printed
    assert '"status":"Completed"' in printed
    files = [path for path in (tmp_path / "lake").rglob("*.parquet") if path.parent.name == "orders"]
    assert [row for path in files for row in pq.read_table(path).to_pylist()] == [
        {"id": 1, "amount": 9.5},
        {"id": 2, "amount": 12.25},
    ]
