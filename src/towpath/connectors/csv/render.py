"""Arrow batches as CSV text, column by column without a loop over records."""

import codecs
import re

import pyarrow as pa
import pyarrow.compute as pc

from towpath.connectors.csv.config import CsvConfig
from towpath.sdk import DataError
from towpath.sdk.files.lines import Sink
from towpath.sdk.files.text import to_text

_END = pa.scalar("\n", pa.large_string())


class CsvEncoder:
    """Writes one file."""

    def __init__(self, sink: pa.NativeFile, first: pa.RecordBatch, config: CsvConfig) -> None:
        self._config = config
        self._sink = Sink(sink, pack=config.compression == "gzip")
        self._encoder = codecs.getincrementalencoder(config.encoding)()  # one byte order mark a file
        self._needs_quotes = needs_quotes(config)
        if config.header:
            names = pa.array([first.schema.names], pa.list_(pa.large_string())).flatten()
            self._sink.write(self._encode(config.delimiter.join(self._cells(names).to_pylist()) + "\n"))

    def write(self, batch: pa.RecordBatch) -> None:
        cells = [self._cells(to_text(column)) for column in batch.columns]
        delimiter = pa.scalar(self._config.delimiter, pa.large_string())
        lines = pc.binary_join_element_wise(*cells, delimiter)
        ended = pc.binary_join_element_wise(lines, pa.scalar("", pa.large_string()), _END)
        data = _bytes(ended)
        self._sink.write(
            data if self._config.encoding == "utf-8" else self._encode(data.to_pybytes().decode())
        )

    def flush(self) -> None:
        self._sink.flush()

    def _cells(self, texts: pa.Array) -> pa.Array:
        """Quoted where needed; null is the null text, and any other text that looks like it is quoted."""
        quote = self._config.quote
        needs = pc.match_substring_regex(texts, self._needs_quotes)
        if pc.any(needs).as_py():
            mark = pa.scalar(quote, pa.large_string())
            empty = pa.scalar("", pa.large_string())
            doubled = pc.replace_substring(texts, quote, quote * 2)
            texts = pc.if_else(needs, pc.binary_join_element_wise(mark, doubled, mark, empty), texts)
        return texts.fill_null(self._config.null_text)

    def _encode(self, text: str) -> bytes:
        encoding = self._config.encoding
        try:
            return self._encoder.encode(text)
        except UnicodeEncodeError as error:
            raise DataError(
                "value.unrepresentable",
                f"The character {text[error.start]!r} cannot be written in the encoding {encoding}.",
                hint="Set the encoding to utf-8.",
            ) from None


def needs_quotes(config: CsvConfig) -> str:
    """Pattern of the texts that must stand in quotes."""
    special = re.escape(config.delimiter) + re.escape(config.quote) + "\\r\\n"
    return f"[{special}]|^[\\s\ufeff]|\\s$|^{re.escape(config.null_text)}$|^$"


def _bytes(lines: pa.Array) -> pa.Buffer:
    """The bytes of all texts, one after the other, without a copy."""
    _, offsets, data = lines.buffers()
    ends = pa.Array.from_buffers(pa.int64(), len(lines) + 1, [None, offsets], offset=lines.offset)
    return data.slice(ends[0].as_py(), ends[-1].as_py() - ends[0].as_py())
