"""A worker process for the tests: an engine on the store and the settings that it is told on its stdin."""

import json
import signal
import sys
import threading
from typing import Any

from towpath.engine import Engine, EngineSettings, still_needed
from towpath.store import open_store


def watch(org: str, run: str, held: dict[str, int], *, store: str) -> str:
    opened = open_store(store)
    try:
        return str(still_needed(opened, org, run, held))
    finally:
        opened.close()


def main() -> None:
    told: dict[str, Any] = json.loads(sys.stdin.readline())
    store = open_store(told["store"])

    def resolve(org: str, connection: str) -> tuple[str, dict[str, Any]]:
        with store.read() as work:
            row = work.connections.get(org, connection)
            return row.connector, dict(row.config)

    engine = Engine(store, resolve, EngineSettings(**told["settings"]))
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    engine.start()
    print("ready", flush=True)
    stop.wait()
    engine.stop()
    store.close()
    print("stopped", flush=True)


if __name__ == "__main__":
    main()
