"""JSON Lines as a `Format`."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from towpath.connectors.jsonl import shape
from towpath.connectors.jsonl.blocks import Block, blocks, parse
from towpath.connectors.jsonl.config import JsonlConfig
from towpath.connectors.jsonl.decode import Decoder
from towpath.connectors.jsonl.render import JsonlEncoder
from towpath.sdk.files import lines, text, typenames
from towpath.sdk.files.format import FileRead, Opener, Piece
from towpath.sdk.files.manifest import DataFile

#: All of the first blocks are looked at to infer types, then every so many-th.
_FIRST_BLOCKS, _EVERY = 16, 16
_BATCH_ROWS = 65_536


class JsonlFormat:
    """Reading and writing one JSON Lines file."""

    name = "jsonl"

    def __init__(self, config: JsonlConfig) -> None:
        self._config = config
        self._packs = config.compression == "gzip"
        plain, packed = (".jsonl", ".ndjson"), (".jsonl.gz", ".ndjson.gz")
        self.suffixes: tuple[str, ...] = (*packed, *plain) if self._packs else (*plain, *packed)

    def stored(self, schema: pa.Schema) -> pa.Schema:
        return text.stored(schema)

    def encoder(self, sink: pa.NativeFile, first: pa.RecordBatch) -> JsonlEncoder:
        return JsonlEncoder(sink, pack=self._packs)

    def inspect(self, name: str, files: Sequence[tuple[DataFile, Opener]]) -> tuple[pa.Schema, int | None]:
        shapes: dict[str, shape.Shape] = {}
        for file, open in files:
            with lines.opened(open, file.path) as stream:
                for number, block in enumerate(blocks(stream)):
                    if number < _FIRST_BLOCKS or number % _EVERY == 0:
                        _observe(shapes, block, f"{name}: {file.path}")
        return typenames.override(shape.schema(shapes), self._config.types.get(name, {}), add=True), None

    def pieces(self, file: DataFile, open: Opener) -> list[Piece]:
        return [Piece(None, file.rows or None)]

    def read(self, file: DataFile, open: Opener, wanted: FileRead, where: str) -> Iterator[pa.RecordBatch]:
        decoder = Decoder(wanted.columns, wanted.schema, where, ours=file.ours)
        with lines.opened(open, file.path) as stream:
            for block in blocks(stream):
                batch = decoder.decode(block)
                for start in range(0, batch.num_rows, _BATCH_ROWS):
                    yield batch.slice(start, _BATCH_ROWS)


def _observe(shapes: dict[str, shape.Shape], block: Block, where: str) -> None:
    for number, line in block.lines():
        try:
            shape.observe(shapes, parse(line))
        except (ValueError, RecursionError) as error:
            raise lines.misfit(where, number, f"no JSON object: {error}") from None
