from towpath.connectors.postgres._decode import Decoder

class Link:
    def __init__(
        self, *, connection: int, get: int, consume: int, free: int, socket: int, blocking: bool
    ) -> None: ...
    def drain(self, decoder: Decoder) -> bool: ...
