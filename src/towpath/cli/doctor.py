"""``towpath doctor``: what could be wrong with this installation."""

import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from towpath.cli import exits, output
from towpath.cli.session import AsJson, Session, session
from towpath.core.errors import TowpathError

if TYPE_CHECKING:
    from towpath.bootstrap.container import Container

#: Below this many free bytes in the home, a run may stop half way.
_LOW_DISK = 1_000_000_000
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_DECODERS = (
    "towpath.connectors.postgres._decode",
    "towpath.connectors.postgres._encode",
    "towpath.connectors.mysql._decode",
)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. A warning slows or endangers; only a failure stops."""

    name: str
    verdict: str
    """``ok``, ``warning`` or ``failed``."""
    detail: str
    hint: str = ""


def doctor(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Look at the home, key, store, disk, port, connectors and compiled decoders."""
    findings = list(_examine(session(ctx)))
    if as_json:
        output.data([vars(finding) for finding in findings])
    else:
        output.table(("what", "", "found", "do"), [(f.name, f.verdict, f.detail, f.hint) for f in findings])
    if any(finding.verdict == "failed" for finding in findings):
        raise typer.Exit(exits.FAILED)


def _examine(now: Session) -> Iterator[Finding]:
    container = now.container
    home = container.settings.home
    yield _try("store", lambda: _store(container))
    yield _home(home)
    yield _try("key", lambda: _key(container))
    yield _disk(home)
    yield _port(container)
    yield from _connectors(container)
    yield from map(_decoder, _DECODERS)


def _try(name: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except TowpathError as error:
        return Finding(name, "failed", error.message, error.hint)


def _store(container: "Container") -> Finding:
    with container.store.read() as work:
        count = len(work.organizations.list())
    kind = "SQLite" if container.settings.embedded else "PostgreSQL"
    return Finding("store", "ok", f"{kind}, {count} organization(s)")


def _home(home: Path) -> Finding:
    if home.is_dir() and home.stat().st_mode & _OTHERS:
        return Finding("home", "warning", f"{home} is open to other users", f"chmod 700 {home}")
    return Finding("home", "ok" if home.is_dir() else "failed", str(home))


def _key(container: "Container") -> Finding:
    _ = container.vault
    file = container.settings.master_key_file
    if container.settings.master_key is not None:
        return Finding("key", "ok", "from the environment")
    if file.stat().st_mode & _OTHERS:
        return Finding("key", "warning", f"{file} is open to other users", f"chmod 600 {file}")
    return Finding("key", "ok", str(file))


def _disk(home: Path) -> Finding:
    from rich.filesize import decimal

    free = shutil.disk_usage(home if home.exists() else "/").free
    verdict = "ok" if free > _LOW_DISK else "warning"
    return Finding("disk", verdict, f"{decimal(free)} free", "" if verdict == "ok" else "Free some space.")


def _port(container: "Container") -> Finding:
    from towpath.server import serving

    settings = container.settings
    try:
        serving.listen(settings.host, settings.port).close()
    except TowpathError as error:
        # A server of our own that runs already is the likeliest reason: no failure.
        return Finding("port", "warning", error.message, error.hint)
    return Finding("port", "ok", f"{settings.host}:{settings.port} is free")


def _connectors(container: "Container") -> Iterator[Finding]:
    for name in container.registry.names():
        yield _try(f"connector {name}", lambda name=name: _connector(container, name))  # type: ignore[misc]


def _connector(container: "Container", name: str) -> Finding:
    connector = container.registry.get(name)
    return Finding(f"connector {name}", "ok", f"{connector.title} {connector.version}")


def _decoder(module: str) -> Finding:
    name = f"decoder {module.removeprefix('towpath.connectors.')}"
    try:
        found = find_spec(module)
    except ModuleNotFoundError:
        found = None
    if found is None:
        return Finding(name, "warning", "not compiled: slower", "Install gcc and reinstall Towpath.")
    return Finding(name, "ok", "compiled")
