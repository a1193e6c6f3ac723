"""A process that renews a connection's token as fetches do: many threads at once, in a home of somebody else.

``python -m support.renewer`` is told on its stdin what to do, in one line of JSON, and prints one line for
each thread: what the connection was afterwards.
"""

import json
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

from support.api import settings_of
from towpath.bootstrap.container import Container
from towpath.services.lending import credentials as lent
from towpath.services.tokens.renewing import Tokens


def look(container: Container, org: str, connection: str) -> dict[str, Any]:
    with container.store.read() as work:
        row = work.connections.get(org, connection)
        token = lent.reveal(container, work, org, row).get("access_token")
    return {"status": row.status, "token": token}


def main() -> None:
    told = json.loads(sys.stdin.readline())
    settings = settings_of(Path(told["home"]), allowed_hosts=("127.0.0.0/8",), **told["chosen"])
    org, connection, threads = told["org"], told["connection"], told["threads"]
    with closing(Container(settings)) as container:
        _ = container.vault, container.registry
        found: list[dict[str, Any]] = []
        start = threading.Barrier(threads + 1)

        def fetch() -> None:
            start.wait(60)
            Tokens(container).renew(org, connection)
            found.append(look(container, org, connection))

        running = [threading.Thread(target=fetch) for _ in range(threads)]
        for thread in running:
            thread.start()
        print("ready", flush=True)
        sys.stdin.readline()
        start.wait(60)
        for thread in running:
            thread.join()
        for one in found:
            print(json.dumps(one), flush=True)


if __name__ == "__main__":
    main()
