"""Files on FTP, FTPS and SFTP servers."""

from contextlib import AbstractContextManager

from towpath.connectors.ftp.config import FtpConfig, FtpReading, FtpWriting
from towpath.sdk import Application, Category, Connector

__all__ = ["connector"]


def _application(config: FtpConfig) -> AbstractContextManager[Application]:
    from towpath.connectors.ftp.application import open_application

    return open_application(config)


connector = Connector(
    name="ftp",
    title="FTP, FTPS and SFTP",
    version="1.0.0",
    categories=(Category.FILES,),
    config=FtpConfig,
    application=_application,
    reading=FtpReading,
    writing=FtpWriting,
    summary="CSV, JSON, XML and XLSX files in folders of file servers, read and written record by record.",
)
