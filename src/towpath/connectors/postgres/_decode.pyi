from collections.abc import Sequence

import pyarrow as pa
from typing_extensions import Buffer

class DecodeError(ValueError):
    reason: str
    unrepresentable: bool
    column: int
    row: int
    position: int

class Decoder:
    def __init__(
        self,
        schema: pa.Schema,
        wires: Sequence[str],
        *,
        max_rows: int = ...,
        max_bytes: int = ...,
        lenient: bool = ...,
    ) -> None: ...
    @property
    def rows(self) -> int: ...
    @property
    def full(self) -> bool: ...
    def feed(self, data: Buffer) -> int: ...
    def finish(self) -> None: ...
    def take(self) -> pa.RecordBatch: ...
