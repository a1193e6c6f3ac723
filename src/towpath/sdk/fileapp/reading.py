"""What an export says about the files that it reads. ``file.…`` names the published field of each."""

from typing import Literal

from pydantic import Field

from towpath.sdk.fileapp.formats import Compression, Delimiter, Encoding, Format, Settings


class CsvReading(Settings):
    """How delimited text is taken apart: ``file.csv``."""

    column_delimiter: Delimiter = Field(",", min_length=1)
    """``columnDelimiter`` (and ``coulumnDelimiter``)."""
    row_delimiter: Delimiter = ""
    """``rowDelimiter``; empty for LF, CR and CRLF alike."""
    header: bool = True
    """``hasHeaderRow``; without one the columns are ``Column0``, ``Column1`` …"""
    trim: bool = False
    """``trimSpaces``: around names and values."""
    skip_rows: int = Field(0, ge=0)
    """``rowsToSkip``: lines before the header."""
    quotes: bool = True
    """Opposite of ``disableQuoteAndStripEnclosingQuotes``: without, a quote is a character as any other, only
    those around a whole cell are taken off."""


class JsonReading(Settings):
    """``file.json``."""

    path: str = ""
    """``resourcePath``: dotted, to an array or to one object; empty for the document itself, which may be a
    series of documents too (JSON Lines)."""


class XmlReading(Settings):
    """``file.xml``."""

    path: str = ""
    """``resourcePath``: an XPath whose elements are the records; empty for the children of the root.
    ``/a/b`` and ``//b`` are read as a stream, other expressions need the whole document in memory."""


class XlsxReading(Settings):
    """``file.xlsx``: the first sheet."""

    header: bool = True
    """``hasHeaderRow``."""


class SortField(Settings):
    """One of ``file.sortByFields``."""

    field: str = Field(min_length=1)
    descending: bool = False


class FileReading(Settings):
    """Which files of a folder to read, and how. Connectors add the folder's own name to it.

    Refused by the translation, as nothing here does it: ``file.output`` blobKeys, ``file.decrypt``,
    ``file.fileDefinition``. ``file.filter`` is the step's.
    """

    format: Format = "csv"
    """``file.type``."""
    csv: CsvReading = CsvReading()
    json_: JsonReading = Field(JsonReading(), alias="json")
    xml: XmlReading = XmlReading()
    xlsx: XlsxReading = XlsxReading()
    encoding: Encoding = "utf-8"
    """``file.encoding``: utf8, win1252, utf-16le, gb18030, macroman, iso88591, shiftjis."""
    output: Literal["records", "metadata"] = "records"
    """``file.output``: what the files hold, or one record about each file, which stays where it is."""
    compression: Compression = "none"
    """``file.compressionFormat``. All files of a ZIP archive are read, in its order."""
    name_starts: str = ""
    """``ftp.fileNameStartsWith``, ``s3.fileNameStartsWith``, ``s3.keyStartsWith``. A template."""
    name_ends: str = ""
    """``ftp.fileNameEndsWith``, ``s3.fileNameEndsWith``, ``s3.keyEndsWith``. A template."""
    skip_delete: bool = False
    """``file.skipDelete``: leave the files where they are. Otherwise each goes once its records are done."""
    backup: str = ""
    """``file.backupPath``, ``ftp.backupDirectoryPath``, ``s3.backupBucket``: where files go instead of being
    deleted. A template."""
    batch_size: int | None = None
    """``file.batchSize``: kept, and without effect: files are fetched one after the other."""
    key_columns: tuple[str, ...] = ()
    """``file.csv.keyColumns``, ``file.groupByFields``: consecutive rows that agree in these become one
    record, a list of rows."""
    sort_by: tuple[SortField, ...] = ()
    """``file.sortByFields``: over all records of a file, before they are grouped."""
