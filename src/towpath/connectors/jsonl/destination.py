"""Writes JSON Lines files."""

from towpath.connectors.jsonl.config import JsonlConfig
from towpath.connectors.jsonl.format import JsonlFormat
from towpath.sdk.files.destination import FilesDestination


class JsonlDestination(FilesDestination):
    """Appends and overwrites."""

    def __init__(self, config: JsonlConfig) -> None:
        super().__init__(config, JsonlFormat(config))
