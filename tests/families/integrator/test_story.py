"""The session of the README ends with invoices for all orders."""

import sqlite3
from contextlib import closing

from support.readme import pasted, session


def test_the_session_in_the_readme_works_as_pasted(towpath, tmp_path):
    with towpath.serving() as (url, _):
        printed = pasted(towpath, session("An integrator's session"), url, tmp_path)
    assert '"numOpenError":1' in printed
    assert "NOT NULL" in printed
    with closing(sqlite3.connect(tmp_path / "shop.db")) as shop:
        rows = shop.execute("SELECT * FROM invoices ORDER BY number").fetchall()
    assert rows == [("INV-1", 9.5, "EUR"), ("INV-2", 12.25, "EUR")]
