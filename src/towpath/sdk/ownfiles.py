"""Towpath's own files, which no connection may name: who may add connections may not read or replace them.

Through a connection to the file of the store, a key of one organization would open all. # Invariant 9
"""

from pathlib import Path

#: In the home folder. Whatever begins so is ours: SQLite's journals stand beside their databases.
_NAMES = ("towpath.", "engine.", "master.key", "home.lock", "connectors")
_own: tuple[str, ...] = ()


def configure(home: Path, *more: Path) -> None:
    """Say where they are: in the home folder, and any others. Called once, before connectors run."""
    global _own  # noqa: PLW0603 - one value for the whole process is the point
    _own = tuple(str(path.resolve()) for path in (*(home / name for name in _NAMES), *more))


def check_foreign(path: Path) -> None:
    """Raises `ValueError` if the path leads to one of them, by whatever links."""
    if str(path.expanduser().resolve()).startswith(_own):
        raise ValueError("it is one of Towpath's own files: name another one")
