"""Brings what everybody sees in line with the manifest: new files into place, retired ones out of sight.

The manifest is the commit. What follows here is repeatable: whoever finds it undone (after a crash) does
it. On a local file system the visible folder is replaced as a whole, by one exchange with a copy made of
hard links, so that a plain listing sees either version and never a mixture. Where that cannot be had (S3,
some network shares), and where a single rename does it, files are moved one by one.
"""

import ctypes
import errno
import os
import secrets
import shutil
from pathlib import Path
from time import time

from towpath.sdk.files.errors import translated
from towpath.sdk.files.manifest import Manifest
from towpath.sdk.files.place import Place

#: Readers that began before a commit have so long to finish before the files that it retired go.
GRACE_SECONDS = 15 * 60
_VERSIONS = 2  # and at most so many versions are kept, however young

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_CANNOT = {
    errno.EPERM,
    errno.EXDEV,
    errno.EINVAL,
    errno.ENOSYS,
    errno.EOPNOTSUPP,
    errno.EBUSY,
    errno.EMLINK,
}


def settle(place: Place, folder: str, hidden: str, manifest: Manifest) -> None:
    """Move and retire what the manifest says and is not done yet. Idempotent."""
    _sweep_drafts(place, hidden)
    staged = _still_staged(place, hidden, manifest)
    if not staged and not manifest.retired:
        return
    cut = len(folder) + 1
    seen = {found.path[cut:] for found in place.files(folder)}
    arriving = {one: path for one, path in staged.items() if path not in seen}
    leaving = [path for path in manifest.retired if path in seen]
    old = f"{hidden}/old/{manifest.number:06}-{int(time())}"
    if not (len(arriving) + len(leaving) > 1 and _exchange(place, folder, hidden, arriving, leaving, old)):
        for one, path in arriving.items():
            place.move(f"{hidden}/{one}", f"{folder}/{path}")
        for path in leaving:
            place.move(f"{folder}/{path}", f"{old}/{path}.old")
    for one, path in staged.items():  # a second name, or a copy, of what is in its place
        if place.local or path in seen:
            place.remove(f"{hidden}/{one}")


def _still_staged(place: Place, hidden: str, manifest: Manifest) -> dict[str, str]:
    """Staged path → visible path of the files that still are in staging."""
    staged = {file.staged: file.path for file in manifest.files if file.staged}
    if not staged:
        return {}
    cut = len(hidden) + 1
    there = {found.path[cut:] for found in place.files(f"{hidden}/staging")}
    return {one: path for one, path in staged.items() if one in there}


def _exchange(
    place: Place, folder: str, hidden: str, arriving: dict[str, str], leaving: list[str], old: str
) -> bool:
    """Replace the visible folder as a whole; False if this file system cannot."""
    if not place.local:
        return False
    draft = place.at(f"{hidden}/next-{secrets.token_hex(6)}")
    seen = place.at(folder)
    with translated(place.where(folder), writing=True):
        try:
            _link_tree(seen, draft, leave=set(leaving))
            for staged, path in arriving.items():
                _link(place.at(f"{hidden}/{staged}"), draft / path)
            _swap(draft, seen)
        except OSError as error:
            shutil.rmtree(draft, ignore_errors=True)
            if error.errno in _CANNOT:
                return False
            raise
        _put_away(draft, seen, leaving, place.at(old))
    return True


def _link_tree(source: Path, to: Path, leave: set[str]) -> None:
    """Hard links of all files but those to leave: also of files that are not ours."""
    to.mkdir(parents=True)
    for parent, _, names in os.walk(source):
        for name in names:
            path = Path(parent, name)
            inside = path.relative_to(source)
            if inside.as_posix() not in leave:
                _link(path, to / inside)


def _link(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    os.link(path, to, follow_symlinks=False)


def _swap(one: Path, other: Path) -> None:
    """Exchange two folders in one atomic act."""
    function = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if function is None:
        raise OSError(errno.ENOSYS, "no renameat2")
    if function(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    for folder in {one.parent, other.parent}:
        handle = os.open(folder, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)


def _put_away(draft: Path, seen: Path, leaving: list[str], old: Path) -> None:
    """Keep the retired files of the folder that was exchanged away; drop its other links."""
    for path in leaving:
        kept = old / f"{path}.old"
        kept.parent.mkdir(parents=True, exist_ok=True)
        (draft / path).rename(kept)
    for parent, _, names in os.walk(draft):
        for name in names:  # a file that somebody put there after the links were made
            late = Path(parent, name)
            if not os.path.lexists(seen / late.relative_to(draft)):
                _link(late, seen / late.relative_to(draft))
    shutil.rmtree(draft)


def _sweep_drafts(place: Place, hidden: str) -> None:
    """Remove what a killed exchange left. Called under the target's lock."""
    for name in place.entries(hidden)[0] if place.local else []:
        if name.startswith("next-"):
            place.remove_tree(f"{hidden}/{name}")


def sweep_old(place: Place, hidden: str) -> None:
    """Remove retired files that no reader can need any more."""
    versions = place.entries(f"{hidden}/old")[0]
    for index, name in enumerate(versions):
        since = int(name.partition("-")[2] or 0)
        if index < len(versions) - _VERSIONS or time() - since > GRACE_SECONDS:
            place.remove_tree(f"{hidden}/old/{name}")


def find_old(place: Place, hidden: str, path: str) -> str | None:
    """Where the retired file is kept, if it is."""
    for name in reversed(place.entries(f"{hidden}/old")[0]):
        kept = f"{hidden}/old/{name}/{path}.old"
        if place.is_file(kept):
            return kept
    return None
