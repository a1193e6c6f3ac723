"""A flow from files to a file over the real engine, whose child dies on the way."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.pages import PagesRig
from support.ftp import FtpServer
from towpath.core.records import Connection

pytestmark = pytest.mark.slow


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[PagesRig]:
    with PagesRig(tmp_path) as rig:
        assert rig.worker.runs
        yield rig


def test_files_are_moved_exactly_once_through_a_crash(rig: PagesRig, ftp_server: FtpServer) -> None:
    config = {"protocol": "ftp", "host": "127.0.0.1", "port": ftp_server.port, "username": "open"}
    for name in ("in", "out", "done"):
        (ftp_server.root / name).mkdir()
    for number in (1, 2):
        rows = "".join(f"{number}{row}\r\n" for row in range(5))
        (ftp_server.root / "in" / f"{number}.csv").write_text(f"id\r\n{rows}", newline="")
    with rig.store.begin() as work:
        row = Connection(org=rig.org, name="server", connector="ftp", config=config)
        server = work.connections.add(rig.org, row)
    export = rig.export(server, {"directory": "/in", "backup": "/done"})
    counted = rig.import_(rig.memory("to", "there"), {"name": "to"})
    written = rig.import_(server, {"directory": "/out", "name": "all-{{timestamp}}.csv"})
    flow = rig.pipeline([export], [(written, {}), (counted, {})])
    fault = rig.fault("sent:to:22", "kill", times=1)
    run = rig.submit(flow)
    rig.struck(fault)  # the page had gone to the file already, and comes again
    rig.finished(run)
    assert len(rig.attempts(run, "pages/0")) == 2
    for step in (export, counted, written):
        assert rig.counters(run, step) == (10, 10, 0, 0)
    (file,) = (ftp_server.root / "out").iterdir()
    expected = [f"{number}{row}" for number in (1, 2) for row in range(5)]
    assert file.read_bytes().decode().split("\r\n") == ["id", *expected, ""]
    assert list((ftp_server.root / "in").iterdir()) == []
    assert sorted(path.name for path in (ftp_server.root / "done").iterdir()) == ["1.csv", "2.csv"]
    assert rig.errors(run) == []
