"""What an import says about the files that it writes. ``file.…`` names the published field of each."""

from typing import Literal

from pydantic import Field

from towpath.sdk.fileapp.formats import Compression, Delimiter, Encoding, Format, Settings


class CsvWriting(Settings):
    """How delimited text is put together: ``file.csv``."""

    column_delimiter: Delimiter = Field(",", min_length=1)
    """``columnDelimiter`` (and ``coulumnDelimiter``)."""
    row_delimiter: Delimiter = Field("\r\n", min_length=1)
    """``rowDelimiter``."""
    header: bool = True
    """``includeHeader``."""
    quote_all: bool = False
    """``wrapWithQuotes``; otherwise only cells that would be taken for something else without."""
    replace_tab: bool = False
    """``replaceTabWithSpace``."""
    replace_newline: bool = False
    """``replaceNewlineWithSpace``."""
    truncate_last: bool = False
    """``truncateLastRowDelimiter``: no delimiter behind the last row."""


class XmlWriting(Settings):
    """Names of the elements around the records."""

    root: str = Field("records", pattern=r"^[A-Za-z_][\w.-]*$")
    record: str = Field("record", pattern=r"^[A-Za-z_][\w.-]*$")


class XlsxWriting(Settings):
    """``file.xlsx``."""

    header: bool = True
    """``includeHeader``."""


class FileWriting(Settings):
    """Which files to make of the records, and how. Connectors add the folder's own name to it.

    Refused by the translation, as nothing here does it: ``file.encrypt``, ``file.pgp``. ``file.batchSize``
    and ``file.lookups`` mean nothing here: a page's records are sent together; lookups belong to the step.
    """

    format: Format = "csv"
    """``file.type``."""
    csv: CsvWriting = CsvWriting()
    xml: XmlWriting = XmlWriting()
    xlsx: XlsxWriting = XlsxWriting()
    encoding: Encoding = "utf-8"
    """``file.encoding``."""
    compression: Compression = "none"
    """``file.compressionFormat``. The name stays as it was said."""
    per: Literal["run", "page", "record"] = "run"
    """What one file holds. ``file.skipAggregation`` false, ``file.aggregation.type`` all: run; true, page:
    page."""
    name: str = Field(min_length=1)
    """``ftp.fileName``, ``file.fileName``, ``s3.fileKey``. A template; ``{{timestamp}}`` in it is the time at
    which the file was begun. It is rendered once: whatever crashes, the same file is written."""
    extension: str = Field("", pattern=r"^[\w.-]*$")
    """``ftp.fileExtension``: added to a name that does not end so."""
    in_progress_name: str = ""
    """``ftp.inProgressFileName``: what the file is called while it is written; empty for a name of ours. A
    template. Where files appear as a whole (S3) it has no use."""
    backup: str = ""
    """``file.backupPath``, ``ftp.backupDirectoryPath``: a second folder that gets the file too. A
    template."""
