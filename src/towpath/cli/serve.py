"""``towpath up``, ``serve`` and ``worker``: processes that stay."""

import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from towpath.cli import exits, output
from towpath.cli.session import Session, with_home

if TYPE_CHECKING:
    from socket import socket

Home = Annotated[Path | None, typer.Option(help="The home folder.")]
Host = Annotated[str | None, typer.Option(help="The address to listen on.")]
Port = Annotated[int | None, typer.Option(help="The port to listen on; 0 takes a free one.")]


def up(
    ctx: typer.Context,
    demo: Annotated[bool, typer.Option("--demo", help="With a real database to play with.")] = False,
    once: Annotated[bool, typer.Option("--once", help="With --demo: end after the second run.")] = False,
    home: Home = None,
    host: Host = None,
    port: Port = None,
) -> None:
    """Start everything in one process: server, scheduler, worker."""
    if demo:
        from towpath.cli.demo.script import play

        play(with_home(ctx, home), host=host, port=port, once=once)
        return
    if once:
        raise typer.BadParameter("goes with --demo", param_hint="--once")
    _serve(with_home(ctx, home), host, port)


def serve(ctx: typer.Context, home: Home = None, host: Host = None, port: Port = None) -> None:
    """Start the server: it answers HTTP, starts scheduled flows and executes runs.

    Of several in one home with the SQLite store, one executes runs; the others only answer, and one of them
    takes over when it ends.
    """
    from towpath.server.standby import StandBy

    now = with_home(ctx, home)
    now.flags.update(host=host, port=port)
    stop_on_sigterm()
    settings = now.container.settings
    with StandBy(now.container), _listen(settings.host, settings.port) as door:
        stay(now, door)


def _serve(now: Session, host: str | None, port: int | None) -> None:
    now.flags.update(host=host, port=port)
    stop_on_sigterm()
    with open_door(now) as door:
        stay(now, door)


def open_door(now: Session) -> "socket":
    """Begin to work, and to listen: what another server has already is told before anything happens."""
    settings = now.container.settings
    # The lock before the port: of two servers in one home the second hears about the home.
    now.container.work()
    return _listen(settings.host, settings.port)


def _listen(host: str, port: int) -> "socket":
    from towpath.server import serving

    return serving.listen(host, port)


def stay(now: Session, door: "socket") -> None:
    """Serve until Ctrl-C or SIGTERM."""
    from towpath.server import serving

    url = serving.address(door)
    serving.serve(now.container, door, lambda: output.done(f"Towpath serves {url} (Ctrl-C ends it)."))


def worker(ctx: typer.Context, home: Home = None) -> None:
    """Execute runs and start scheduled flows, without a server."""
    now = with_home(ctx, home)
    stop_on_sigterm()
    now.container.work()
    output.done("The worker is ready (Ctrl-C ends it).")
    while True:
        time.sleep(3600)


def stop_on_sigterm() -> None:
    """Make SIGTERM end the process the way Ctrl-C does: orderly, leaving nothing behind."""
    signal.signal(signal.SIGTERM, _terminate)


def _terminate(_number: int, _frame: object) -> NoReturn:
    raise SystemExit(exits.TERMINATED)
