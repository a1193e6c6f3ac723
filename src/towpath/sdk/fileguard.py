"""Which files connections may name: never Towpath's own, and only those in folders that the operator allows.

Through a connection to the file of the store, a key of one organization would open all. # Invariant 9
"""

from collections.abc import Sequence
from pathlib import Path

#: In the home folder. Whatever begins so is ours: SQLite's journals stand beside their databases.
_NAMES = ("towpath.", "engine.", "master.key", "home.lock", "connectors")
_own: tuple[str, ...] = ()
_allowed: tuple[Path, ...] = ()


def configure(own: Sequence[Path], allowed: Sequence[Path] = ()) -> None:
    """Say which files are ours, and which folders connections may use (none named: all). Called once, before
    connectors run.
    """
    global _own, _allowed  # noqa: PLW0603 - one value for the whole process is the point
    _own = tuple(str(path.resolve()) for path in own)
    _allowed = tuple(path.resolve() for path in allowed)


def own_files(home: Path) -> list[Path]:
    """Where our files in the home folder begin."""
    return [home / name for name in _NAMES]


def check_path(path: Path) -> None:
    """Raises `ValueError` if connections may not use what the path leads to, by whatever links."""
    place = path.expanduser().resolve()
    if str(place).startswith(_own):
        raise ValueError("it is one of Towpath's own files: name another one")
    if _allowed and not any(place.is_relative_to(folder) for folder in _allowed):
        raise ValueError("it is outside of the folders that the operator allows (TOWPATH_ALLOWED_FOLDERS)")
