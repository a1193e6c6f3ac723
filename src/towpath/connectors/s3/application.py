"""The application of S3."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from towpath.connectors.s3.bucket import S3Folder
from towpath.connectors.s3.config import S3Config, S3Reading, S3Writing
from towpath.sdk.fileapp import FileApplication, FileReading, FileWriting, Folder


@contextmanager
def open_application(config: S3Config) -> Iterator[FileApplication]:
    """Connects when it is first used."""
    server = S3Folder(config, config.region)
    regions = {config.region: server}

    def where(step: FileReading | FileWriting) -> tuple[Folder, str]:
        said = cast("S3Reading | S3Writing", step)
        region = said.region or config.region
        if region not in regions:
            regions[region] = S3Folder(config, region)
        return regions[region], said.bucket

    with FileApplication(server, where, deep=True) as application:
        yield application
