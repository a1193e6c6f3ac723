"""Ports for servers that other programs start and that have to be told theirs."""

import random
import socket


def free_port() -> int:
    """A free port outside of the range from which the system serves who asks for any: nobody gets it between
    this look and the server's start.
    """
    while True:
        port = random.SystemRandom().randrange(15_000, 30_000)
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
