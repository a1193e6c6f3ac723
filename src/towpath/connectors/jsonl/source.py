"""Reads JSON Lines files: our own targets with their types, and files of others with inferred ones."""

from towpath.connectors.jsonl.config import JsonlConfig
from towpath.connectors.jsonl.format import JsonlFormat
from towpath.sdk.files.source import FilesSource


class JsonlSource(FilesSource):
    """Each file is one slice."""

    def __init__(self, config: JsonlConfig) -> None:
        super().__init__(config, JsonlFormat(config))
