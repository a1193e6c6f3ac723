"""Arrow batches as JSON Lines: each column made ready as a whole, `orjson` for each record."""

import orjson
import pyarrow as pa

from towpath.sdk.files.lines import Sink
from towpath.sdk.files.nested import to_json

_ROWS = 8192  # made ready at once: bounds the memory of the Python values


class JsonlEncoder:
    """Writes one file."""

    def __init__(self, sink: pa.NativeFile, *, pack: bool) -> None:
        self._sink = Sink(sink, pack=pack)

    def write(self, batch: pa.RecordBatch) -> None:
        names = batch.schema.names
        for start in range(0, batch.num_rows, _ROWS):
            columns = [to_json(column) for column in batch.slice(start, _ROWS).columns]
            records = (dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True))
            self._sink.write(
                b"".join(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE) for record in records)
            )

    def flush(self) -> None:
        self._sink.flush()
