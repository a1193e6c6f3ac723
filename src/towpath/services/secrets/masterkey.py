"""The master key."""

from collections.abc import Callable

from towpath.services.context import UseCases, audit
from towpath.vault import Rotation, rotate


class MasterKey(UseCases):
    """Rotating the key that wraps every data key."""

    def rotate(self, org: str, *, progress: Callable[[int], None] = lambda _done: None) -> Rotation:
        """Online and resumable; see `towpath.vault.rotate`."""
        done = rotate(self.rooms.store, self.rooms.vault, progress=progress)
        with self.rooms.store.begin() as work:
            audit(work, org, self.actor, "secrets.rotate", done.key_id, rewrapped=done.rewrapped)
        return done
