"""The records lane: steps that read page by page and write record by record, and flows of them."""

from towpath.engine.records.ends import End, Host
from towpath.engine.records.exporting import ExportStep, open_export
from towpath.engine.records.importing import ImportStep, open_import
from towpath.engine.records.opening import writing_request
from towpath.engine.records.shapes import Mapped, ReadPage

__all__ = [
    "End",
    "ExportStep",
    "Host",
    "ImportStep",
    "Mapped",
    "ReadPage",
    "open_export",
    "open_import",
    "writing_request",
]
