"""The home folder: made at the first start, for its owner's eyes only."""

from pathlib import Path

from towpath.core.errors import ResourceError

_PRIVATE = 0o700


def ensure_home(home: Path) -> bool:
    """Make the folder if it is missing; True if it is new. Raises `ResourceError` (``path.read_only``)."""
    try:
        if home.is_dir():
            return False
        home.mkdir(parents=True, mode=_PRIVATE)
        # The umask may have taken bits away from the mode, never added any; this makes it exact.
        home.chmod(_PRIVATE)
    except OSError as error:
        raise ResourceError(
            "path.read_only",
            f"The home folder {home} cannot be made: {error.strerror}.",
            hint="Choose a folder that you may write to with --home or TOWPATH_HOME.",
            home=str(home),
        ) from None
    return True
