"""What a child process asks after its worker was killed: is the snapshot that it keeps still needed?"""

from collections.abc import Mapping

from towpath.bootstrap import settings
from towpath.bootstrap.container import Container
from towpath.engine import still_needed


def run_watch(org: str, run: str, held: Mapping[str, int], *, home: str, database_url: str) -> str:
    """The answer of `towpath.engine.still_needed`, from a store of its own."""
    container = Container(settings.load({"home": home, "database_url": database_url}, {}))
    try:
        return str(still_needed(container.store, org, run, held))
    finally:
        container.close()
