"""Files in buckets of S3 and storage like it."""

from contextlib import AbstractContextManager

from towpath.connectors.s3.config import S3Config, S3Reading, S3Writing
from towpath.sdk import Application, Category, Connector

__all__ = ["connector"]


def _application(config: S3Config) -> AbstractContextManager[Application]:
    from towpath.connectors.s3.application import open_application

    return open_application(config)


connector = Connector(
    name="s3",
    title="Amazon S3",
    version="1.0.0",
    categories=(Category.FILES,),
    config=S3Config,
    application=_application,
    reading=S3Reading,
    writing=S3Writing,
    summary="CSV, JSON, XML and XLSX files in buckets, read and written record by record.",
)
