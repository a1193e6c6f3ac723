"""Flows that run on a worker, from orders of a shop to its customers, for tests of the integrator family."""

import time
from collections.abc import Callable
from typing import Any

from support.orders import OrderShop
from support.steps import customers_import, orders_export, rest_connection

PATIENCE = 60
#: Pages that the export of a `Chain` reads at once.
SIZE = 2
_UNDER_WAY = ("queued", "running", "canceling", "retrying")


def until(look: Callable[[], Any], what: str) -> Any:
    """What ``look`` finds, as soon as it finds anything."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited for {what} in vain")


class Chain:
    """A flow of a program's own: orders are read, and written as customers."""

    def __init__(self, program: Any, shop: OrderShop, **more: Any) -> None:
        self.program = program
        self.connection = program.make("/connections", rest_connection(shop.url))["_id"]
        self.export = program.make("/exports", orders_export(self.connection, SIZE))["_id"]
        target = customers_import(self.connection, traceKeyTemplate="{{{record.id}}}")
        self.imported = program.make("/imports", target)["_id"]
        steps = {
            "pageGenerators": [{"_exportId": self.export}],
            "pageProcessors": [{"type": "import", "_importId": self.imported}],
        }
        self.id = program.make("/flows", {"name": "Chain", "disabled": False, **steps, **more})["_id"]

    def start(self) -> str:
        """`_id` of a new job."""
        job: str = self.program.good("POST", f"/flows/{self.id}/run").json()["_jobId"]
        return job

    def run(self) -> dict[str, Any]:
        """A new job, when it has ended."""
        return self.ended(self.start())

    def ended(self, job: str) -> dict[str, Any]:
        found: dict[str, Any] = until(lambda: self._over(job), f"the end of {job}")
        return found

    def children(self, job: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.program.get(f"/jobs/{job}/family")["children"]
        return found

    def _over(self, job: str) -> dict[str, Any] | None:
        found: dict[str, Any] = self.program.get(f"/jobs/{job}")
        return None if found["status"] in _UNDER_WAY else found
