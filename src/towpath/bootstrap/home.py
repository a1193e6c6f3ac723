"""The home folder: made at the first start, for its owner's eyes only."""

import os
from pathlib import Path

from towpath.core.errors import ResourceError

_PRIVATE = 0o700


def ensure_home(home: Path) -> bool:
    """Make the folder if it is missing; True if it is new. Raises `ResourceError` (``path.read_only``)."""
    try:
        new = not home.is_dir()
        if new:
            home.mkdir(parents=True, mode=_PRIVATE)
            # The umask may have taken bits away from the mode, never added any; this makes it exact.
            home.chmod(_PRIVATE)
    except OSError as error:
        raise _unusable(home, f"cannot be made: {error.strerror}") from None
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        raise _unusable(home, "cannot be written to")
    return new


def _unusable(home: Path, why: str) -> ResourceError:
    return ResourceError(
        "path.read_only",
        f"The home folder {home} {why}.",
        hint="Choose a folder that you may write to with --home or TOWPATH_HOME.",
        home=str(home),
    )
