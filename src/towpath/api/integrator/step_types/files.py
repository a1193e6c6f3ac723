"""``file.*`` with ``ftp.*`` or ``s3.*``: files in a folder or a bucket."""

from collections.abc import Callable
from typing import Any

from towpath.api.integrator.step_types.systems import System
from towpath.api.integrator.step_types.words import Word, choice, flag, number, opposite, text, texts

_FORMATS = {name: name for name in ("csv", "json", "xml", "xlsx")}
_ENCODINGS = {
    "utf8": "utf-8",
    "utf-8": "utf-8",
    "win1252": "windows-1252",
    "utf-16le": "utf-16-le",
    "gb18030": "gb18030",
    "macroman": "mac-roman",
    "iso88591": "iso-8859-1",
    "shiftjis": "shift-jis",
}
_PER = {"all": "run", "page": "page"}


def _sorting(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ValueError("It is a list of objects with a field, and perhaps descending.")
    return [{"field": item.get("field"), "descending": bool(item.get("descending"))} for item in value]


def _nothing(why: str) -> Callable[[Any], Any]:
    def refused(_value: Any) -> Any:
        raise ValueError(why)

    return refused


_READS = (
    Word("file.type", "format", choice(_FORMATS)),
    Word("file.encoding", "encoding", choice(_ENCODINGS)),
    Word("file.csv.coulumnDelimiter", "csv.column_delimiter", text),
    Word("file.csv.columnDelimiter", "csv.column_delimiter", text),
    Word("file.csv.rowDelimiter", "csv.row_delimiter", text),
    Word("file.csv.hasHeaderRow", "csv.header", flag),
    Word("file.csv.trimSpaces", "csv.trim", flag),
    Word("file.csv.rowsToSkip", "csv.skip_rows", number),
    Word("file.csv.disableQuoteAndStripEnclosingQuotes", "csv.quotes", opposite),
    Word("file.json.resourcePath", "json.path", text),
    Word("file.xml.resourcePath", "xml.path", text),
    Word("file.xlsx.hasHeaderRow", "xlsx.header", flag),
    Word("file.output", "output", choice({"records": "records", "metadata": "metadata"})),
    Word("file.compressionFormat", "compression", choice({"gzip": "gzip", "zip": "zip"})),
    Word("file.skipDelete", "skip_delete", flag),
    Word("file.backupPath", "backup", text),
    Word("file.batchSize", "batch_size", number),
    Word("file.groupByFields", "key_columns", texts),
    Word("file.csv.keyColumns", "key_columns", texts),
    Word("file.sortByFields", "sort_by", _sorting),
    Word("file.decrypt", "decrypt", _nothing("Encrypted files cannot be read here.")),
    Word("file.fileDefinition", "definition", _nothing("File definitions are kept, and not applied here.")),
)
_WRITES = (
    Word("file.type", "format", choice(_FORMATS)),
    Word("file.encoding", "encoding", choice(_ENCODINGS)),
    Word("file.csv.coulumnDelimiter", "csv.column_delimiter", text),
    Word("file.csv.columnDelimiter", "csv.column_delimiter", text),
    Word("file.csv.rowDelimiter", "csv.row_delimiter", text),
    Word("file.csv.includeHeader", "csv.header", flag),
    Word("file.csv.wrapWithQuotes", "csv.quote_all", flag),
    Word("file.csv.replaceTabWithSpace", "csv.replace_tab", flag),
    Word("file.csv.replaceNewlineWithSpace", "csv.replace_newline", flag),
    Word("file.csv.truncateLastRowDelimiter", "csv.truncate_last", flag),
    Word("file.xlsx.includeHeader", "xlsx.header", flag),
    Word("file.compressionFormat", "compression", choice({"gzip": "gzip", "zip": "zip"})),
    Word("file.skipAggregation", "per", lambda value: "page" if flag(value) else "run"),
    Word("file.aggregation.type", "per", choice(_PER)),
    Word("file.fileName", "name", text),
    Word("file.backupPath", "backup", text),
    Word("file.encrypt", "encrypt", _nothing("Files cannot be encrypted here.")),
)

FTP = System(
    "ftp",
    frozenset({"ftp"}),
    (
        *_READS,
        Word("ftp.directoryPath", "directory", text),
        Word("ftp.fileNameStartsWith", "name_starts", text),
        Word("ftp.fileNameEndsWith", "name_ends", text),
        Word("ftp.backupDirectoryPath", "backup", text),
    ),
    (
        *_WRITES,
        Word("ftp.directoryPath", "directory", text),
        Word("ftp.fileName", "name", text),
        Word("ftp.fileExtension", "extension", text),
        Word("ftp.inProgressFileName", "in_progress_name", text),
        Word("ftp.backupDirectoryPath", "backup", text),
    ),
)

S3 = System(
    "s3",
    frozenset({"s3"}),
    (
        *_READS,
        Word("s3.region", "region", text),
        Word("s3.bucket", "bucket", text),
        Word("s3.fileNameStartsWith", "name_starts", text),
        Word("s3.keyStartsWith", "name_starts", text),
        Word("s3.fileNameEndsWith", "name_ends", text),
        Word("s3.keyEndsWith", "name_ends", text),
        Word("s3.backupBucket", "backup", text),
    ),
    (
        *_WRITES,
        Word("s3.region", "region", text),
        Word("s3.bucket", "bucket", text),
        Word("s3.fileKey", "name", text),
        Word("s3.backupBucket", "backup", text),
    ),
)
